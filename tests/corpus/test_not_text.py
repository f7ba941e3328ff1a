"""Bytes that are invalid in the encoding are refused; the error names place, bytes and remedy."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from charrnn.corpus.decode import Decoding
from charrnn.errors import ConfigError

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


@pytest.mark.slow
@any_block_size
@pytest.mark.parametrize("wrong", [0x80, 0xC0, 0xC3, 0xE2, 0xED, 0xF0, 0xF5, 0xFF], ids=hex)
def test_invalid_utf8_is_found_at_its_offset(
    read: Callable[..., Any],
    error_of: Callable[..., Any],
    blocks_of: Callable[..., Any],
    path: Path,
    wrong: int,
    block_bytes: int,
) -> None:
    """Wherever a byte is wrong, the message names the offset that decoding the whole file finds."""
    good = MIXED.encode()
    cases = [good[:i] + bytes([wrong]) + good[i:] for i in range(len(good) + 1)]
    cases += [good[:i] + bytes([wrong]) + good[i + 1 :] for i in range(len(good))]
    num_wrong = 0
    for data in cases:
        path.write_bytes(data)
        with blocks_of(block_bytes):
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError as error:
                offset = error.start
            else:
                assert read(path) == text
                continue
            num_wrong += 1
            assert f" at byte offset {offset} (" in error_of(path)
    assert num_wrong > len(good)


@pytest.mark.parametrize("character", ["\u00e9", "\u20ac", "\U0001f600"], ids=ascii)
def test_a_character_cut_off_at_the_end_is_an_error(
    error_of: Callable[..., Any],
    blocks_of: Callable[..., Any],
    path: Path,
    character: str,
) -> None:
    """A file that ends within a character is not text from where that character begins."""
    for block_bytes in BLOCK_SIZES:
        data = character.encode()
        for kept in range(1, len(data)):
            for before in (b"", b"abc", MIXED.encode()):
                path.write_bytes(before + data[:kept])
                with blocks_of(block_bytes):
                    assert f" at byte offset {len(before)} (" in error_of(path)


@pytest.mark.parametrize(
    ("encoding", "data", "offset"),
    [
        ("ascii", b"ab\xe9", 2),
        ("cp1252", b"abc\x81d", 3),
        ("utf-8-sig", b"\xef\xbb\xbfab\xffc", 5),
        ("utf-8-sig", b"ab\xffc", 2),
        ("utf-16-le", b"a\x00b\x00\x00\xdcc\x00", 4),
        ("utf-16-le", b"a\x00b\x00c", 4),
        ("utf-16", b"\xff\xfea\x00\x00\xdc", 4),
        ("shift_jis", b"ab\x88", 2),
    ],
    ids=[
        "ascii",
        "cp1252",
        "utf-8-with-mark",
        "utf-8-without-mark",
        "half-of-a-pair",
        "odd-length",
        "utf-16-with-mark",
        "cut-off-kanji",
    ],
)
def test_the_offset_is_that_of_the_file_in_any_encoding(
    error_of: Callable[..., Any],
    blocks_of: Callable[..., Any],
    path: Path,
    encoding: str,
    data: bytes,
    offset: int,
) -> None:
    """The offset counts bytes of the file, a byte order mark included."""
    path.write_bytes(data)
    for block_bytes in BLOCK_SIZES:
        with blocks_of(block_bytes):
            message = error_of(path, encoding=encoding)
        assert f"not {encoding} at byte offset {offset} (" in message


def test_the_message_says_where_what_and_what_to_do(
    error_of: Callable[..., Any], path: Path
) -> None:
    """A file that is not text is named with the wrong bytes and with both ways out."""
    path.write_bytes(b"caf\xe9 au lait")
    message = error_of(path)
    assert message.startswith(f"{str(path)!r}: not utf-8 at byte offset 3 (e9 20 61 75)")
    assert "`encoding`, for example latin-1" in message
    assert "`as_bytes`" in message


def test_the_file_that_is_not_text_is_the_one_named(
    error_of: Callable[..., Any], tmp_path: Path
) -> None:
    """Of several files the message names the wrong one, and the offset is within it."""
    (tmp_path / "good.txt").write_bytes(b"many good characters")
    (tmp_path / "wrong.txt").write_bytes(b"ab\xff")
    message = error_of(tmp_path / "good.txt", tmp_path / "wrong.txt")
    assert "wrong.txt'" in message
    assert "good.txt" not in message
    assert " at byte offset 2 (" in message


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
def test_utf16_is_recognized(
    read: Callable[..., Any], error_of: Callable[..., Any], path: Path, mark: str
) -> None:
    """A file with the mark of UTF-16 is not UTF-8, and the encoding that is offered reads it."""
    path.write_bytes((BOM + MIXED).encode(mark))
    message = error_of(path)
    assert " at byte offset 0 (" in message
    assert "utf-16," in message
    assert read(path, encoding="utf-16") == MIXED


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_an_encoding_that_needs_a_mark_says_so(
    error_of: Callable[..., Any],
    blocks_of: Callable[..., Any],
    path: Path,
    encoding: str,
) -> None:
    """A file without the byte order mark that its encoding needs is not in that encoding."""
    path.write_bytes(b"plain letters, plain letters")
    for block_bytes in BLOCK_SIZES:
        with blocks_of(block_bytes):
            message = error_of(path, encoding=encoding)
        assert message.startswith(f"{str(path)!r}: not {encoding}")
        assert "`encoding`" in message
        assert "`as_bytes`" in message


@pytest.mark.parametrize(
    "encoding", ["nonsense", "", "hex", "rot13", "undefined", "\udcff"], ids=ascii
)
def test_an_encoding_that_is_none_of_text_is_refused(encoding: str) -> None:
    """An encoding that Python cannot read text in is a wrong option, said before any file is."""
    with pytest.raises(ConfigError, match="`encoding`") as caught:
        Decoding(encoding)
    assert repr(encoding) in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-16", "utf-32-be", "cp1252", "big5"])
def test_an_encoding_of_text_is_taken(encoding: str) -> None:
    """An encoding that Python reads text in is as the user wrote it."""
    assert Decoding(encoding).encoding == encoding
