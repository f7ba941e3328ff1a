"""A text is cut at its separators as ``str.split`` cuts it, however it comes in parts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charrnn.corpus import decode
from charrnn.corpus.decode import Decoding
from charrnn.corpus.documents import DocumentChunk, cut_documents, insert_ends, read_chunks

law = settings(derandomize=True, deadline=None, max_examples=300)

SEPARATORS = st.sampled_from(
    ["\n", "\n\n", "\n%\n", "ab", "aa", "aab", "aba", "b", "\0", "<|end|>"]
)
BLOCKS = st.lists(st.text(st.sampled_from("ab\n%x"), max_size=9), max_size=8)


def joined(pieces: list[DocumentChunk]) -> list[str]:
    """Return the documents that pieces hold, each as one text; also if it is empty."""
    text = "".join(piece.text for piece in pieces)
    ends, before = [], 0
    for piece in pieces:
        assert ((piece.ends >= 0) & (piece.ends <= len(piece.text))).all()
        ends += [before + end for end in piece.ends.tolist()]
        before += len(piece.text)
    assert ends == sorted(ends)
    assert ends[-1:] == [len(text)] * bool(text)
    return [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def split(text: str, separator: str) -> list[str]:
    """Return the documents of a text by another way."""
    *whole, rest = text.split(separator)
    if separator[0] == "\n":
        for length in range(len(separator) - 1, 0, -1):
            if rest.endswith(separator[:length]):
                rest = rest[:-length]
                break
    return [document for document in [*whole, rest] if document]


@law
@given(BLOCKS, SEPARATORS)
@example(["a", "a", "a"], "aa")
@example(["aa", "ab"], "aab")
@example(["x\n", "\n", "\ny\n"], "\n\n")
@example(["x", "\n", "%", "\n"], "\n%\n")
@example(["x\n%"], "\n%\n")
@example(["", "ab", "", "ab", ""], "ab")
def test_documents_are_those_of_split(blocks: list[str], separator: str) -> None:
    """The documents are what ``str.split`` gives of the whole text, empty ones left out."""
    pieces = list(cut_documents(blocks, separator))
    assert joined(pieces) == split("".join(blocks), separator)


@law
@given(BLOCKS)
def test_without_a_separator_the_text_is_one_piece(blocks: list[str]) -> None:
    """The blocks come through as they are, and nothing ends."""
    pieces = list(cut_documents(blocks, ""))
    assert [piece.text for piece in pieces] == blocks
    assert all(len(piece.ends) == 0 for piece in pieces)


def test_the_last_line_end_of_a_file_goes_with_the_separator() -> None:
    """Of stanzas with a line between them the last has no line end, as the others have none."""
    assert joined(list(cut_documents(["one\ntwo\n\nthree\n"], "\n\n"))) == ["one\ntwo", "three"]
    assert joined(list(cut_documents(["one\n%\ntwo\n%\n"], "\n%\n"))) == ["one", "two"]
    assert joined(list(cut_documents(["one\n%\ntwo\n"], "\n%\n"))) == ["one", "two"]


def test_what_looks_like_half_a_separator_stays() -> None:
    """A partial separator at the end of a text stays, unless it is a line end."""
    assert joined(list(cut_documents(["one--two-"], "--"))) == ["one", "two-"]


def test_a_file_ends_a_document(tmp_path: Path) -> None:
    """A file without a line end at its end does not run into the next."""
    (tmp_path / "a").write_bytes(b"one\ntwo")
    (tmp_path / "b").write_bytes(b"\xef\xbb\xbfthree\r\n\r\nfour\r\n")
    names = [str(tmp_path / name) for name in "ab"]
    assert joined(list(read_chunks(names, Decoding(), "\n"))) == ["one", "two", "three", "four"]
    as_bytes = list(read_chunks(names, Decoding(is_bytes=True), "\n"))
    assert joined(as_bytes) == ["one", "two", "\xef\xbb\xbfthree\r", "\r", "four\r"]


def test_a_long_document_is_not_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document that is longer than a block comes in pieces of about a block."""
    (tmp_path / "a").write_bytes(b"x" * 1000 + b"\n" + b"y" * 1000)
    monkeypatch.setattr(decode, "BLOCK_BYTES", 64)
    pieces = list(read_chunks([str(tmp_path / "a")], Decoding(), "\n"))
    assert max(len(piece.text) for piece in pieces) <= 64 + 1
    assert joined(pieces) == ["x" * 1000, "y" * 1000]


@law
@given(BLOCKS, SEPARATORS)
def test_end_symbols_stand_where_documents_end(blocks: list[str], separator: str) -> None:
    """The ids of the pieces, one after another, are those of the documents, each with its end."""
    ids = [
        insert_ends(np.array(list(map(ord, piece.text)), np.int64), piece.ends, 0)
        for piece in cut_documents(blocks, separator)
    ]
    expected = "".join(document + "\0" for document in split("".join(blocks), separator))
    assert np.concatenate([*ids, []]).tolist() == list(map(ord, expected))
