"""Compressed files are unpacked whatever their name, and other binary formats are named."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charrnn.corpus import decode
from charrnn.corpus.decode import Decoding, read_blocks
from charrnn.errors import TextError

BOM = "\ufeff"
MIXED = "a\u00e9\u20ac\U0001f600b\n"  # one character of each length in UTF-8
COMPRESSORS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
Compress = Callable[[bytes], bytes]
compressed = pytest.mark.parametrize(
    ("suffix", "compress"), COMPRESSORS.items(), ids=[suffix[1:] for suffix in COMPRESSORS]
)


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


@pytest.mark.parametrize("compress", COMPRESSORS.values(), ids=COMPRESSORS)
@pytest.mark.parametrize("name", ["text", "text.gz", "text.bz2", "-"])
def test_the_first_bytes_decide_on_the_packing(
    tmp_path: Path, compress: Compress, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its name, a compressed file is unpacked, also from standard input."""
    path = tmp_path / name
    for text in (MIXED, ""):
        path.write_bytes(compress(text.encode()))
        with path.open() as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            assert "".join(read_blocks(["-" if name == "-" else str(path)], Decoding())) == text


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"PK\x03\x04", "zip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"name".ljust(257, b"\x00") + b"ustar\x00", "tar"),
        (gzip.compress(gzip.compress(b"twice")), "gzip"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("block_bytes", [300, 1 << 20])
def test_binary_formats_are_named(
    tmp_path: Path, start: bytes, kind: str, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A known binary format is named, in any encoding and compressed too; bytes are bytes."""
    monkeypatch.setattr(decode, "BLOCK_BYTES", block_bytes)
    path = tmp_path / "file"
    for data in (start + bytes(300), gzip.compress(start + bytes(300))):
        if kind == "gzip":
            data = start
        path.write_bytes(data)
        for encoding in ("utf-8", "latin-1"):
            with pytest.raises(TextError, match=kind) as caught:
                "".join(read_blocks([str(path)], Decoding(encoding)))
            assert "latin-1" not in str(caught.value)
        assert "".join(read_blocks([str(path)], Decoding(is_bytes=True)))
