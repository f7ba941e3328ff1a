"""A corpus on disk is the text that was read, cut into what trains and what validates."""

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charrnn.corpus import decode
from charrnn.corpus.decode import Decoding
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import Corpus, build_corpus, open_corpus
from charrnn.errors import ConfigError
from charrnn.text.vocabulary import UNKNOWN

# Fewer examples than elsewhere: each of them builds a corpus on disk.
law = settings(derandomize=True, deadline=None, max_examples=40)

FILES = ["corpus.json", "corpus.npy"]
BYTES = Decoding(is_bytes=True)
PANGRAM = "the quick brown fox jumps over the lazy dog. " * 4
# The first and last characters of each length in UTF-8.
BORDERS = "\x00\x7f\x80\u07ff\u0800\uffff\U00010000\U0010ffff"
# Long enough for a corpus, with what is hard to cut or to clean at both ends.
HARD = st.text(st.sampled_from("ab \r\n\x85\u00e9\u20ac\ufeff\ufffd\U0001f600"), max_size=12)
TEXTS = st.builds("{}{}{}".format, HARD, st.just("abcd " * 8), HARD)


@contextlib.contextmanager
def blocks_of(num_bytes: int) -> Iterator[None]:
    """Read the text and its copy in blocks of this size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "BLOCK_BYTES", num_bytes)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that each example of a law builds its corpus in anew."""
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture
def built(run: Path) -> Path:
    """A run directory with a corpus of ``PANGRAM``."""
    build(run, PANGRAM)
    return run


def build(
    run: Path,
    text: str | bytes,
    *,
    val: str = "0.1",
    min_count: int = 1,
    decoding: Decoding | None = None,
    notices: list[str] | None = None,
) -> Corpus:
    """Build a corpus of one text, which lies beside the run directory."""
    source = run.parent / f"{run.name}.txt"
    source.write_bytes(text.encode() if isinstance(text, str) else text)
    options = CorpusOptions(decoding=decoding or Decoding(), min_count=min_count, val=val)
    said = [] if notices is None else notices
    return build_corpus(run, [str(source)], options, said.append)


def build_anew(
    folder: Path,
    text: str | bytes,
    *,
    block_bytes: int = 7,
    val: str = "0.1",
    min_count: int = 1,
    decoding: Decoding | None = None,
) -> Corpus:
    """Build a corpus in place of the last example's, without waiting for the disk."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    with blocks_of(block_bytes), pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        return build(folder, text, val=val, min_count=min_count, decoding=decoding)


def text_of(corpus: Corpus) -> str:
    """Return what the ids of a corpus mean."""
    return corpus.vocabulary.decode(corpus.ids)


def cleaned(text: str) -> str:
    """Return what is read of a text."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def names_in(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


# The ids are the text


@law
@given(TEXTS, st.integers(1, 9))
@example("a" * 47 + "\U0001f600", 1)
@example(BORDERS * 8, 1)
@example(BORDERS * 8, 2)
@example(BORDERS * 8, 3)
def test_the_ids_are_the_text(folder: Path, text: str, block_bytes: int) -> None:
    """The ids mean the text that was read, however its characters lie across blocks."""
    corpus = build_anew(folder, text, block_bytes=block_bytes)
    assert text_of(corpus) == cleaned(text)
    assert corpus.vocabulary.characters == "".join(sorted(set(cleaned(text))))
    assert not corpus.vocabulary.has_unknown


@law
@given(st.binary(min_size=48, max_size=80), st.integers(1, 9))
@example(b"\xef\xbb\xbf" + b"\r\n" * 30, 1)
def test_the_ids_are_the_bytes(folder: Path, data: bytes, block_bytes: int) -> None:
    """Of a text of bytes the ids mean the bytes, none of them dropped or changed."""
    corpus = build_anew(folder, data, decoding=BYTES, block_bytes=block_bytes)
    assert corpus.vocabulary.is_bytes
    assert corpus.vocabulary.to_bytes(text_of(corpus)) == data
    assert corpus.val_bytes == len(corpus.val) - 1


@law
@given(TEXTS)
def test_the_parts_are_the_text(folder: Path, text: str) -> None:
    """The first nine tenths of the text train, rounded down, and the rest validates."""
    corpus = build_anew(folder, text)
    expected = cleaned(text)
    num_train = int(len(expected) * 0.9)
    assert corpus.num_train == len(corpus.train) == num_train
    assert corpus.vocabulary.decode(corpus.train) == expected[:num_train]
    assert corpus.vocabulary.decode(corpus.val) == expected[num_train:]


@law
@given(TEXTS, st.integers(1, 9))
def test_validation_bytes_are_those_of_what_is_predicted(
    folder: Path, text: str, block_bytes: int
) -> None:
    """The bytes of the validation text are counted without those of its first character."""
    corpus = build_anew(folder, text, val="0.25", block_bytes=block_bytes)
    expected = cleaned(text)[corpus.num_train :]
    assert corpus.val_bytes == len(expected[1:].encode())


@law
@given(TEXTS, st.integers(1, 4))
def test_rare_characters_are_the_unknown_symbol(folder: Path, text: str, min_count: int) -> None:
    """Characters seen less often than asked for share the last id, and all others keep theirs."""
    text = cleaned(text) + "common" * 4
    counts = Counter(text)
    corpus = build_anew(folder, text, min_count=min_count)
    kept = {character for character, count in counts.items() if count >= min_count}
    assert corpus.vocabulary.characters == "".join(sorted(kept))
    assert corpus.vocabulary.has_unknown == (len(kept) < len(counts))
    assert text_of(corpus) == "".join(c if c in kept else UNKNOWN for c in text)


def test_validation_bytes_count_rare_characters(run: Path) -> None:
    """A character that became the unknown symbol still has the bytes that it had in the text."""
    corpus = build(run, "a" * 30 + "\u20ac" + "a" * 9, val="0.5", min_count=2)
    assert corpus.val_bytes == 3 + 18


def test_rare_characters_are_said(run: Path) -> None:
    """The notice counts the distinct rare characters and their places in the text."""
    notices: list[str] = []
    build(run, "ab" * 30 + "xxyyz", min_count=3, notices=notices)
    (notice,) = notices
    assert notice.startswith("3 rare characters (5 in the text)")


def test_no_character_is_rare_unless_asked(run: Path) -> None:
    """A character that occurs once is one of the vocabulary."""
    notices: list[str] = []
    corpus = build(run, "a" * 30 + "z", val="0", notices=notices)
    assert corpus.vocabulary.characters == "az"
    assert notices == []


@pytest.mark.parametrize("min_count", [0, -1])
def test_a_count_below_one_is_refused(min_count: int) -> None:
    """A character that is in the text at all occurs once or more."""
    with pytest.raises(ConfigError, match=f"`min_count`: {min_count} "):
        CorpusOptions(min_count=min_count)


@pytest.mark.parametrize("min_count", [61, 1000])
def test_not_every_character_can_be_rare(run: Path, min_count: int) -> None:
    """An option that leaves no character is wrong, and named."""
    with pytest.raises(ConfigError, match=f"`min_count`: .* {min_count} times"):
        build(run, "ab" * 60, min_count=min_count)
    assert names_in(run) == []


# What lies on disk


@pytest.mark.parametrize(
    ("num_distinct", "min_count", "dtype"),
    [(2, 1, "uint8"), (256, 1, "uint8"), (257, 1, "uint16"), (256, 2, "uint16")],
    ids=["two", "as-many-as-fit", "one-more", "the-unknown-symbol-more"],
)
def test_ids_take_the_smallest_type(
    run: Path, num_distinct: int, min_count: int, dtype: str
) -> None:
    """Up to 256 ids take one byte each, more take two; the unknown symbol is an id."""
    text = "".join(map(chr, range(0x4E00, 0x4E00 + num_distinct))) * 12
    corpus = build(run, text + "z" * (min_count - 1), min_count=min_count)
    assert corpus.ids.dtype == np.dtype(dtype)
    assert text_of(corpus).startswith(text)


def test_the_ids_are_a_read_only_map(built: Path) -> None:
    """The ids stay on disk, and nobody can change them."""
    corpus = open_corpus(built)
    for ids in (corpus.ids, corpus.train, corpus.val):
        assert isinstance(ids, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            ids[0] = 1


def test_the_ids_are_a_plain_numpy_file(built: Path) -> None:
    """Anyone with NumPy reads the ids, one byte a character after the header."""
    ids = np.load(built / "corpus.npy")
    assert open_corpus(built).vocabulary.decode(ids) == PANGRAM
    assert (built / "corpus.npy").read_bytes().endswith(ids.tobytes())


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (PANGRAM, CorpusOptions()),
        (PANGRAM, CorpusOptions(val="0")),
        (PANGRAM, CorpusOptions(min_count=5)),
        (PANGRAM, CorpusOptions(decoding=BYTES)),
        ("\u20ac\U0001f600\x00\n" * 30, CorpusOptions(val="0.5")),
    ],
    ids=["plain", "no-validation", "unknown-symbol", "bytes", "wide-characters"],
)
def test_a_corpus_opened_again_is_the_same(
    tmp_path: Path, run: Path, text: str, options: CorpusOptions
) -> None:
    """What is opened later is what was built."""
    (tmp_path / "text").write_bytes(text.encode())
    first = build_corpus(run, [str(tmp_path / "text")], options)
    again = open_corpus(run)
    assert np.array_equal(again.ids, first.ids)
    assert again.ids.dtype == first.ids.dtype
    assert again.vocabulary == first.vocabulary
    assert (again.num_train, again.val_bytes) == (first.num_train, first.val_bytes)
    assert again.sources == first.sources


def test_two_files_are_all_that_is_left(built: Path) -> None:
    """The run directory holds the two files of the corpus and no other."""
    assert names_in(built) == FILES


def test_a_new_corpus_replaces_an_old_one(run: Path) -> None:
    """In a directory with a corpus the new one takes its place; who opened the old one keeps it."""
    old = build(run, PANGRAM)
    new = build(run, "something else entirely " * 3)
    assert text_of(old) == PANGRAM
    assert text_of(new) == text_of(open_corpus(run)) == "something else entirely " * 3
    assert names_in(run) == FILES


def test_the_text_is_read_once(tmp_path: Path, run: Path) -> None:
    """A pipe, which cannot be read twice, gives a corpus like a file."""
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(
        target=(tmp_path / "pipe").write_bytes, args=(PANGRAM.encode(),), daemon=True
    )
    writer.start()
    corpus = build_corpus(run, [str(tmp_path / "pipe")], CorpusOptions())
    writer.join(timeout=5)
    assert text_of(corpus) == PANGRAM


@law
@given(TEXTS, TEXTS, st.integers(1, 9))
def test_another_text_validates(folder: Path, text: str, val_text: str, block_bytes: int) -> None:
    """Of two texts the first trains whole and the other validates whole, in one vocabulary."""
    val_path = folder.parent / "val"
    val_path.write_bytes(val_text.encode())
    corpus = build_anew(folder, text, val=str(val_path), block_bytes=block_bytes)
    assert corpus.vocabulary.decode(corpus.train) == cleaned(text)
    assert corpus.vocabulary.decode(corpus.val) == cleaned(val_text)
    assert corpus.val_bytes == len(cleaned(val_text)[1:].encode())
