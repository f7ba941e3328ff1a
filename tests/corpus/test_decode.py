"""Bytes of files become text whatever their encoding, line ends and packing, or a line says why."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charrnn.corpus.decode import Decoding, read_blocks
from charrnn.errors import TextError

law = settings(derandomize=True, deadline=None, max_examples=100)

BLOCK_SIZES = [1, 2, 3, 4, 5, 6, 7, 8]
BOM = "\ufeff"
# One character of each length in UTF-8, from 1 to 4 bytes.
MIXED = "a\u00e9\u20ac\U0001f600b\n"
COMPRESSORS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
Compress = Callable[[bytes], bytes]
compressed = pytest.mark.parametrize(
    ("suffix", "compress"), COMPRESSORS.items(), ids=[suffix[1:] for suffix in COMPRESSORS]
)
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


@any_block_size
@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "gb18030"],
)
def test_every_encoding_of_unicode_gives_the_same_text(
    read: Callable[..., Any],
    blocks_of: Callable[..., Any],
    path: Path,
    encoding: str,
    block_bytes: int,
) -> None:
    """A text comes back from each encoding, however its characters lie across blocks."""
    text = MIXED * 3 + "+\u0416"
    path.write_bytes(text.encode(encoding))
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


@any_block_size
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
    block_bytes: int,
) -> None:
    """CRLF is read as LF and a lone CR stays, wherever a block ends."""
    path.write_bytes(data)
    with blocks_of(block_bytes):
        assert read(path) == text


@any_block_size
def test_changed_line_ends_are_said_once(
    notices_of: Callable[..., Any], blocks_of: Callable[..., Any], path: Path, block_bytes: int
) -> None:
    """One notice names the file, however many of its line ends were changed."""
    path.write_bytes(b"a\r\nbc\r\nd\r\n")
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
    """Without CRLF there is no notice."""
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


# Compressed files


@compressed
@pytest.mark.parametrize("block_bytes", [1, 3, 1 << 22])
def test_compressed_is_plain(
    read: Callable[..., Any],
    blocks_of: Callable[..., Any],
    tmp_path: Path,
    suffix: str,
    compress: Compress,
    block_bytes: int,
) -> None:
    """A compressed file gives the text of the plain one, cleaned in the same way."""
    data = (BOM + "one\r\n" + MIXED * 5).encode()
    (tmp_path / "plain.txt").write_bytes(data)
    (tmp_path / f"text{suffix}").write_bytes(compress(data))
    (tmp_path / f"TEXT{suffix.upper()}").write_bytes(compress(data))
    with blocks_of(block_bytes):
        plain = read(tmp_path / "plain.txt")
        assert plain == "one\n" + MIXED * 5
        assert read(tmp_path / f"text{suffix}") == plain
        assert read(tmp_path / f"TEXT{suffix.upper()}") == plain


@compressed
def test_two_compressed_files_in_one(
    read: Callable[..., Any], tmp_path: Path, suffix: str, compress: Compress
) -> None:
    """Compressed files that were joined give their texts one after another."""
    (tmp_path / f"text{suffix}").write_bytes(compress(b"first ") + compress(b"second"))
    assert read(tmp_path / f"text{suffix}") == "first second"


@compressed
def test_a_compressed_file_cut_short_is_refused(
    error_of: Callable[..., Any], tmp_path: Path, suffix: str, compress: Compress
) -> None:
    """No beginning of a compressed file passes for the whole."""
    path = tmp_path / f"text{suffix}"
    data = compress(b"a text to be cut short")
    for length in range(1, len(data)):
        path.write_bytes(data[:length])
        assert error_of(path).startswith(f"{str(path)!r}: ")


@compressed
def test_a_damaged_compressed_file_never_gives_another_text(
    read: Callable[..., Any], tmp_path: Path, suffix: str, compress: Compress
) -> None:
    """With any one byte changed a compressed file is refused or still gives its text."""
    path = tmp_path / f"text{suffix}"
    data = compress(b"a text to be damaged")
    num_refused = 0
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        try:
            text = read(path)
        except TextError:
            num_refused += 1
        else:
            assert text == "a text to be damaged"
    assert num_refused > len(data) // 2


@compressed
def test_plain_text_with_the_name_of_compressed(
    read: Callable[..., Any],
    error_of: Callable[..., Any],
    tmp_path: Path,
    suffix: str,
    compress: Compress,
) -> None:
    """A file that is not what its name says is refused."""
    path = tmp_path / f"text{suffix}"
    path.write_bytes(b"not compressed at all")
    assert error_of(path).startswith(f"{str(path)!r}: ")
    path.write_bytes(compress(b"compressed"))
    assert read(path) == "compressed"


@compressed
def test_the_offset_in_a_compressed_file_is_that_of_the_text(
    error_of: Callable[..., Any], tmp_path: Path, suffix: str, compress: Compress
) -> None:
    """Where a compressed text is wrong is counted in what it decompresses to."""
    path = tmp_path / f"text{suffix}"
    path.write_bytes(compress(b"abc" * 100 + b"\xff"))
    assert " at byte offset 300 (ff)" in error_of(path)
