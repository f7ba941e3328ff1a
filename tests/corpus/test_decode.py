"""Bytes of files become text whatever their encoding, line ends and packing, or a line says why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charrnn.corpus.decode import Decoding, read_blocks

law = settings(derandomize=True, deadline=None, max_examples=100)

BLOCK_SIZES = [1, 2, 3, 4, 5, 6, 7, 8]
BOM = "\ufeff"
# One character of each length in UTF-8, from 1 to 4 bytes.
MIXED = "a\u00e9\u20ac\U0001f600b\n"
any_block_size = pytest.mark.parametrize("block_bytes", BLOCK_SIZES)


def in_lf(text: str) -> str:
    """Return what is read of a whole text: without one byte order mark, with LF for CRLF."""
    return text.removeprefix(BOM).replace("\r\n", "\n")


# Blocks


@law
@given(
    st.text(st.sampled_from("ab\r\n\u00e9\u20ac\U0001f600\ufeff"), max_size=20),
    st.integers(1, 9),
)
@example("", 1)
@example("\ufeff", 1)
@example("\r", 1)
@example("\r\r\n\n", 1)
def test_blocks_do_not_show(
    blocks_of: Callable[..., Any], path: Path, text: str, block_bytes: int
) -> None:
    """Whatever the size of a block, the text is that of the whole file, and no block is empty."""
    path.write_bytes(text.encode())
    with blocks_of(block_bytes):
        blocks = list(read_blocks([str(path)], Decoding()))
    assert "".join(blocks) == in_lf(text)
    assert all(blocks)


@law
@given(st.lists(st.text(st.sampled_from("a\r\n\u20ac\ufeff"), max_size=6), max_size=4))
def test_files_follow_one_another(read: Callable[..., Any], path: Path, texts: list[str]) -> None:
    """Several files give their texts one after another, each cleaned by itself."""
    files = []
    for number, text in enumerate(texts):
        file = path.with_name(f"part-{number}")
        file.write_bytes(text.encode())
        files.append(file)
    assert read(*files) == "".join(map(in_lf, texts))


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "gb18030"],
)
def test_every_encoding_of_unicode_gives_the_same_text(
    read: Callable[..., Any],
    blocks_of: Callable[..., Any],
    path: Path,
    encoding: str,
) -> None:
    """A text comes back from each encoding, however its characters lie across blocks."""
    text = MIXED * 3 + "+\u0416"
    path.write_bytes(text.encode(encoding))
    for block_bytes in BLOCK_SIZES:
        with blocks_of(block_bytes):
            assert read(path, encoding=encoding) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("latin-1", "\u00e9t\u00e9 \x80\xff"),
        ("cp1252", "\u20ac and \u201cquotes\u201d"),
        ("koi8-r", "\u043c\u0438\u0440"),
        ("shift_jis", "\u65e5\u672c"),
    ],
)
def test_older_encodings(read: Callable[..., Any], path: Path, encoding: str, text: str) -> None:
    """An encoding that Python knows reads what was written in it."""
    path.write_bytes(text.encode(encoding))
    assert read(path, encoding=encoding) == text


# Byte order mark and line ends


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfab", "ab"),
        (b"\xef\xbb\xbf", ""),
        (b"\xef\xbb\xbf\xef\xbb\xbfab", BOM + "ab"),
        (b"a\xef\xbb\xbfb", "a" + BOM + "b"),
    ],
    ids=["first", "alone", "second", "later"],
)
@pytest.mark.parametrize("block_bytes", [1, 2, 3, 4, 64])
def test_only_the_first_byte_order_mark_is_dropped(
    read: Callable[..., Any],
    blocks_of: Callable[..., Any],
    path: Path,
    data: bytes,
    text: str,
    block_bytes: int,
) -> None:
    """A byte order mark is dropped where a file begins, and is a character elsewhere."""
    path.write_bytes(data)
    with blocks_of(block_bytes):
        assert read(path) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"one\r\ntwo\r\n", "one\ntwo\n"),
        (b"\r\n\r\n\r\n", "\n\n\n"),
        (b"a\r\r\nb", "a\r\nb"),
        (b"a\n\rb", "a\n\rb"),
        (b"a\rb\rc\r", "a\rb\rc\r"),
        (b"\r", "\r"),
        (b"a\r\xc3\xa9\r\n", "a\r\u00e9\n"),
    ],
    ids=["lines", "empty-lines", "two-cr", "lf-cr", "lone-cr", "only-cr", "cr-before-two-bytes"],
)
def test_crlf_becomes_lf(
    read: Callable[..., Any],
    blocks_of: Callable[..., Any],
    path: Path,
    data: bytes,
    text: str,
) -> None:
    """CRLF is read as LF and a lone CR stays, wherever a block ends."""
    path.write_bytes(data)
    for block_bytes in BLOCK_SIZES:
        with blocks_of(block_bytes):
            assert read(path) == text


def test_changed_line_ends_are_said_once(
    notices_of: Callable[..., Any], blocks_of: Callable[..., Any], path: Path
) -> None:
    """One notice names the file, however many of its line ends were changed."""
    path.write_bytes(b"a\r\nbc\r\nd\r\n")
    for block_bytes in BLOCK_SIZES:
        with blocks_of(block_bytes):
            (notice,) = notices_of(path)
        assert repr(str(path)) in notice
        assert "CRLF" in notice


def test_changed_line_ends_are_said_for_each_file(
    notices_of: Callable[..., Any], tmp_path: Path
) -> None:
    """Each file with CRLF has a notice of its own, and only those."""
    for name, data in (("one", b"a\r\n"), ("two", b"a\n"), ("three", b"\r\n")):
        (tmp_path / name).write_bytes(data)
    notices = notices_of(tmp_path / "one", tmp_path / "two", tmp_path / "three")
    assert len(notices) == 2
    assert "one'" in notices[0]
    assert "three'" in notices[1]


@pytest.mark.parametrize("data", [b"", b"a\nb\n", b"a\rb\r"], ids=["empty", "lf", "lone-cr"])
def test_nothing_is_said_of_a_text_that_was_not_changed(
    notices_of: Callable[..., Any], path: Path, data: bytes
) -> None:
    """A text without CRLF gives no notice."""
    path.write_bytes(data)
    assert notices_of(path) == []


# Bytes


@law
@given(st.binary(max_size=40), st.integers(1, 9))
@example(b"\xef\xbb\xbfa\r\n\xff", 1)
def test_bytes_are_read_unchanged(
    read: Callable[..., Any],
    notices_of: Callable[..., Any],
    blocks_of: Callable[..., Any],
    path: Path,
    data: bytes,
    block_bytes: int,
) -> None:
    """Read as bytes, any file gives one character a byte, with nothing dropped or changed."""
    path.write_bytes(data)
    with blocks_of(block_bytes):
        assert read(path, is_bytes=True).encode("latin-1") == data
        assert notices_of(path, is_bytes=True) == []


def test_bytes_need_no_encoding(read: Callable[..., Any], path: Path) -> None:
    """The encoding does not matter to a text of bytes."""
    path.write_bytes(b"\xff\x00a")
    assert read(path, encoding="ascii", is_bytes=True) == "\xff\x00a"
