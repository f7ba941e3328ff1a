"""A text of which no corpus can be made is refused in one line, and leaves nothing."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charrnn.corpus import store as corpus_module
from charrnn.corpus.decode import Decoding
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import Corpus, build_corpus, open_corpus
from charrnn.errors import TextError

FILES = ["corpus.json", "corpus.npy"]
BYTES = Decoding(is_bytes=True)
PANGRAM = "the quick brown fox jumps over the lazy dog. " * 4


def build(run: Path, text: str | bytes, **options: Any) -> Corpus:
    """Build a corpus of one text, which lies beside the run directory."""
    source = run.parent / f"{run.name}.txt"
    source.write_bytes(text.encode() if isinstance(text, str) else text)
    return build_corpus(run, [str(source)], CorpusOptions(**options))


def names_in(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


def refused(run: Path, text: str | bytes, **options: str) -> str:
    """Return the line that says why a text cannot be used; nothing is left of it."""
    with pytest.raises(TextError) as caught:
        build(run, text, **options)
    message = str(caught.value)
    assert message.isprintable()
    assert names_in(run) == []
    return message


@pytest.mark.parametrize("text", [b"", b"\xef\xbb\xbf"], ids=["no-bytes", "only-a-mark"])
def test_an_empty_text_is_refused(run: Path, text: bytes) -> None:
    """A text without characters is named as empty."""
    assert refused(run, text).endswith("run.txt': the text is empty")


@pytest.mark.parametrize("num_chars", [1, 2, 19])
def test_a_short_text_is_refused(run: Path, num_chars: int) -> None:
    """The message says how many characters there are and how many are needed."""
    message = refused(run, "\u20ac" * num_chars, val="0")
    assert f"run.txt': {num_chars} characters" in message
    assert "give 20 or more" in message


def test_the_shortest_text(run: Path) -> None:
    """Twenty characters can be trained on."""
    assert build(run, "ab" * 10, val="0").num_train == 20


def test_what_trains_must_be_long_enough(tmp_path: Path, run: Path) -> None:
    """It is the part that trains that must be long enough, not the whole."""
    assert "10 characters" in refused(run, "ab" * 10, val="0.5")
    (tmp_path / "val").write_text(PANGRAM)
    assert "8 characters" in refused(run, "too few!", val=str(tmp_path / "val"))


def test_one_character_cannot_validate(tmp_path: Path, run: Path) -> None:
    """A validation text of one character, which leaves nothing to predict, is refused."""
    assert "`val`" in refused(run, "a" * 25, val="0.04")
    (tmp_path / "val").write_text("\u20ac")
    assert "`val`" in refused(run, PANGRAM, val=str(tmp_path / "val"))


def test_an_empty_text_cannot_validate(tmp_path: Path, run: Path) -> None:
    """An empty validation text is an error, like one that is too short."""
    (tmp_path / "val").write_bytes(b"")
    refused(run, PANGRAM, val=str(tmp_path / "val"))


def test_too_many_characters_are_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text of more characters than a model may have is refused with what to do about it."""
    monkeypatch.setattr(corpus_module, "MAX_VOCAB_SIZE", 4)
    message = refused(run, "abcde" * 10)
    assert message.startswith("5 distinct characters")
    for option in ("`encoding`", "`as_bytes`", "`min_count`"):
        assert option in message
    assert build(run, "abcd" * 10).vocabulary.size == 4
    assert build(run, "abcd" * 10 + "e", min_count=2).vocabulary.characters == "abcd"


def test_a_text_in_another_encoding_leaves_nothing(
    run: Path, blocks_of: Callable[..., Any]
) -> None:
    """A text that fails after many good characters leaves no file."""
    with blocks_of(8):
        message = refused(run, PANGRAM.encode() + b"\xff")
    assert f" at byte offset {len(PANGRAM)} (ff)" in message


def test_halves_of_surrogate_pairs_are_refused(run: Path) -> None:
    """What a lenient encoding decodes to no character is not a text."""
    source = run.parent / "run.txt"
    source.write_bytes(rb"\ud800" * 30)
    options = CorpusOptions(decoding=Decoding("unicode_escape"))
    with pytest.raises(TextError, match="surrogate"):
        build_corpus(run, [str(source)], options)
    assert names_in(run) == []


@pytest.mark.parametrize("name", ["new\nline", "\x1b[31mred"], ids=ascii)
def test_names_in_messages_are_quoted(tmp_path: Path, name: str) -> None:
    """Neither the name of a text nor that of a run can break a line or control the terminal."""
    (tmp_path / name).mkdir()
    refused(tmp_path / name, "short")
    with pytest.raises(TextError) as caught:
        open_corpus(tmp_path / name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", [b"caf\xe9.txt", b"new\nline", b"\x1b[31mred"], ids=ascii)
def test_any_bytes_can_be_a_name(tmp_path: Path, run: Path, name: bytes) -> None:
    """A file whose name is not UTF-8 is read, stored and found again in the cache."""
    folder = tmp_path / "texts"
    folder.mkdir()
    source = folder / os.fsdecode(name)
    source.write_text(PANGRAM)
    options = CorpusOptions(glob=("*",))
    corpus = build_corpus(run, [str(folder)], options)
    assert corpus.sources == open_corpus(run).sources == (str(source),)
    again = tmp_path / "again"
    again.mkdir()
    notices: list[str] = []
    build_corpus(again, [str(source)], options, notices.append, [run])
    assert any("was read before" in notice for notice in notices)
    source.write_bytes(b"\xff")
    with pytest.raises(TextError) as caught:
        build_corpus(again, [str(source)], options)
    assert str(caught.value).isprintable()
