"""A corpus of documents is those documents, each between end symbols, and none is divided."""

import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charrnn.corpus import decode
from charrnn.corpus import store as corpus_module
from charrnn.corpus.decode import Decoding
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import Corpus, build_corpus, open_corpus
from charrnn.errors import ConfigError, TextError

law = settings(derandomize=True, deadline=None, max_examples=60)

DOCUMENTS = st.lists(st.text(st.sampled_from("abcdé漢 "), min_size=1, max_size=12), max_size=12)
LONG = [
    "so the sea sang all night",
    "and the boats lay still",
]  # long enough for a corpus, with any others


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that each example of a law builds its corpus in anew."""
    return tmp_path_factory.mktemp("corpus")


def build(folder: Path, *texts: str | bytes, block_bytes: int = 1 << 20, **options) -> Corpus:
    """Build a corpus of some texts, replacing the last one, in blocks of the given size."""
    names = []
    for number, text in enumerate(texts):
        source = folder / f"{number}.txt"
        source.write_bytes(text.encode() if isinstance(text, str) else text)
        names.append(str(source))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        patch.setattr(decode, "BLOCK_BYTES", block_bytes)
        patch.setattr(corpus_module, "BLOCK_BYTES", block_bytes)
        return build_corpus(folder, names, CorpusOptions(**{"separator": "\n", **options}))


def documents(corpus: Corpus, ids: np.ndarray) -> list[str]:
    """Return the documents of ids that begin and end with the end symbol."""
    end = corpus.vocabulary.end_id
    if len(ids) == 0:
        return []
    assert ids[0] == ids[-1] == end
    ends = np.flatnonzero(ids == end)
    return [
        corpus.vocabulary.decode(ids[begin + 1 : last]) for begin, last in itertools.pairwise(ends)
    ]


@pytest.mark.slow
@law
@given(DOCUMENTS, st.sampled_from(["\n", "\n\n", "<|end|>", "%"]), st.integers(1, 9))
@example([], "\n", 1)
def test_the_ids_are_the_documents(
    folder: Path, others: list[str], separator: str, block_bytes: int
) -> None:
    """What trains and then what validates are the documents, in order, whole, and no separator."""
    texts = [*others, *LONG]
    text = separator.join([*texts, ""])
    corpus = build(folder, text, block_bytes=block_bytes, separator=separator)
    train, val = documents(corpus, corpus.train), documents(corpus, corpus.val)
    assert train + val == texts
    assert len(val) >= 1
    assert corpus.num_documents == len(train)
    assert corpus.vocabulary.characters == "".join(sorted(set("".join(texts))))
    assert corpus.vocabulary.separator == separator
    val_bytes = len("".join(document + separator for document in val).encode())
    assert corpus.val_bytes == val_bytes


@pytest.mark.slow
@law
@given(st.lists(st.integers(1, 30), min_size=2, max_size=20), st.sampled_from(["0.1", "0.5"]))
def test_the_border_is_the_one_nearest_to_the_share(
    folder: Path, lengths: list[int], val: str
) -> None:
    """No other border between documents is nearer to where the text would be divided."""
    lengths = [25, *lengths]
    corpus = build(folder, "".join("a" * length + "\n" for length in lengths), val=val)
    symbols = np.cumsum(np.array(lengths) + 1)
    wanted = symbols[-1] * (1 - float(val))
    found = corpus.num_train - 1
    assert found in symbols[:-1]
    assert abs(found - wanted) == pytest.approx(np.abs(symbols[:-1] - wanted).min())


def test_a_text_with_one_separator_too_many_or_too_few(folder: Path) -> None:
    """Empty lines are dropped, and the last line needs no line end."""
    text = "\n".join(["", *LONG, "", "", "end"])
    corpus = build(folder, text)
    assert documents(corpus, corpus.train) + documents(corpus, corpus.val) == [*LONG, "end"]


def test_crlf_is_read_as_elsewhere(folder: Path) -> None:
    """Lines that end with CRLF are documents without it, unless they are bytes."""
    text = "\r\n".join([*LONG, "end", ""])
    corpus = build(folder, text)
    assert documents(corpus, corpus.ids[: corpus.num_train])[0] == LONG[0]
    assert "\r" not in corpus.vocabulary.characters
    assert build(folder, text, separator="\r\n").vocabulary.separator == "\n"
    corpus = build(folder, text, decoding=Decoding(is_bytes=True))
    assert documents(corpus, corpus.train)[0] == LONG[0] + "\r"


def test_a_separator_of_bytes_is_the_bytes_that_were_typed(folder: Path) -> None:
    """A separator that is not ASCII divides a text of bytes, also one that is not UTF-8."""
    text = "·".join(LONG * 2).encode()
    corpus = build(folder, text, separator="·", decoding=Decoding(is_bytes=True))
    assert documents(corpus, corpus.train) + documents(corpus, corpus.val) == LONG * 2
    assert corpus.vocabulary.to_bytes(corpus.vocabulary.separator) == "·".encode()
    text = b"\xff".join([line.encode() for line in LONG * 2])
    corpus = build(folder, text, separator=os.fsdecode(b"\xff"), decoding=Decoding(is_bytes=True))
    assert documents(corpus, corpus.train) + documents(corpus, corpus.val) == LONG * 2


def test_each_file_is_a_document_where_no_separator_is(folder: Path) -> None:
    """A file's end ends a document, with or without a separator before it."""
    corpus = build(folder, *LONG, "third", separator="<|end|>")
    assert documents(corpus, corpus.train) + documents(corpus, corpus.val) == [*LONG, "third"]


def test_another_text_validates(folder: Path) -> None:
    """With --val a file, its documents validate and all others train."""
    other = folder / "other.val"
    other.write_text("one\ntwo")
    corpus = build(folder, "\n".join(LONG), val=str(other))
    assert documents(corpus, corpus.train) == LONG
    assert documents(corpus, corpus.val) == ["one", "two"]
    assert corpus.val_bytes == len("one\ntwo\n")


def test_nothing_validates(folder: Path) -> None:
    """With --val 0 all documents train, be it one."""
    corpus = build(folder, "".join(LONG), val="0")
    assert documents(corpus, corpus.train) == ["".join(LONG)]
    assert len(corpus.val) == 0


def test_rare_characters_are_one_symbol(folder: Path) -> None:
    """The unknown symbol and the end symbol are two."""
    corpus = build(folder, "\n".join([*LONG, "XYZ"]), min_count=2)
    vocabulary = corpus.vocabulary
    assert vocabulary.unknown_id == vocabulary.size - 2
    assert vocabulary.end_id == vocabulary.size - 1
    assert documents(corpus, corpus.val) == ["\ufffd" * 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\n\n", "the text is empty"),
        ("one line, but a long one", "one document"),
        ("a\nb", "few"),
    ],
)
def test_texts_that_cannot_be_used(folder: Path, text: str, message: str) -> None:
    """A text without documents, of one, or of few characters is refused in one line."""
    with pytest.raises(TextError, match=message):
        build(folder, text)


def test_a_separator_must_be_text(folder: Path) -> None:
    """A separator that is nothing, or no text, is wrong usage."""
    with pytest.raises(ConfigError, match="`doc_sep`: empty"):
        build(folder, "\n".join(LONG), separator="")
    with pytest.raises(ConfigError, match="`doc_sep`: not UTF-8"):
        build(folder, "\n".join(LONG), separator=os.fsdecode(b"\xff"))


@pytest.mark.parametrize("place", [0, "num_train - 1", "num_train", -1])
def test_a_corpus_without_its_end_symbols_is_damaged(tmp_path: Path, place: int | str) -> None:
    """Ids of documents that do not begin and end with the end symbol are refused."""
    corpus = build(tmp_path, "\n".join(LONG * 3))
    ids = np.array(corpus.ids)
    ids[eval(str(place), {"num_train": corpus.num_train})] = 0
    np.save(tmp_path / "corpus.npy", ids)
    with pytest.raises(TextError, match="damaged"):
        open_corpus(tmp_path)


def test_a_corpus_of_an_older_version_is_one_piece(tmp_path: Path) -> None:
    """A description that knows no separator is that of a text in one piece."""
    build(tmp_path, "\n".join(LONG * 3), separator=None)
    about = json.loads((tmp_path / "corpus.json").read_bytes())
    del about["vocabulary"]["separator"]
    (tmp_path / "corpus.json").write_text(json.dumps(about))
    corpus = open_corpus(tmp_path)
    assert corpus.vocabulary.end_id is None
    assert corpus.num_documents == 0
