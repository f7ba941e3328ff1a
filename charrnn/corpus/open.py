"""Open files, compressed files and standard input as bytes, limited and hashed on the way.

The first bytes of a file decide how it is compressed, whatever its name. A file that is named like
a compressed one must be compressed, so that a damaged one is never taken for text.
"""

import bz2
import contextlib
import gzip
import hashlib
import importlib
import io
import lzma
import os
import re
import stat
import sys
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from charrnn.corpus.find import STDIN
from charrnn.errors import TextError

Notice = Callable[[str], None]

try:
    _zstd: Any = importlib.import_module("compression.zstd")  # from Python 3.14 on
except ImportError:
    _zstd = None

_SIGNATURE_BYTES = 10
_START_BYTES = 512  # the signature of tar ends at byte 263
_STARTS = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_Opener = Callable[[Any], Any]
_PACKINGS: list[tuple[bytes, str, _Opener]] = [  # signature, usual suffix, opener
    (rb"\x1f\x8b\x08", ".gz", gzip.open),
    (rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", ".bz2", bz2.open),
    (rb"\xfd7zXZ\x00", ".xz", lzma.open),
    *([] if _zstd is None else [(rb"\x28\xb5\x2f\xfd", ".zst", _zstd.open)]),
]
_SUFFIXES = (".gz", ".bz2", ".xz")
_DAMAGES: tuple[type[Exception], ...] = (
    *(EOFError, zlib.error, lzma.LZMAError),
    *([] if _zstd is None else [_zstd.ZstdError]),
)

_UNPACK = "unpack it and give the unpacked file"
_EXTRACT = "extract its text and give that"
_BINARIES = [  # signature, name of the format, advice
    (rb"\x1f\x8b\x08", "gzip data", _UNPACK),
    (rb"BZh[1-9]1AY&SY", "bzip2 data", _UNPACK),
    (rb"\xfd7zXZ\x00", "xz data", _UNPACK),
    (rb"\x28\xb5\x2f\xfd", "zstd data", "unpack it, for example with zstd -d"),
    (rb"\x04\x22\x4d\x18", "lz4 data", _UNPACK),
    (rb"PK(?:\x03\x04|\x05\x06)", "a zip archive (as are .docx, .odt and .epub)", _EXTRACT),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _EXTRACT),
    (rb"Rar!\x1a\x07", "a rar archive", _EXTRACT),
    (rb"(?s:.{257})ustar[\x00 ]", "a tar archive", _EXTRACT),
    (rb"%PDF-\d\.\d", "a PDF document", "extract its text, for example with pdftotext"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", _EXTRACT),
    (rb"SQLite format 3\x00", "an SQLite database", _EXTRACT),
    (rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a.?.?[\x00-\x08]", "a picture", "give a text"),
    (rb"\x7fELF", "a program", "give a text"),
    (rb"\x93NUMPY|PAR1[\x00-\x1f]", "an array or table file", _EXTRACT),
]


@dataclass(frozen=True)
class Source:
    """A file as it was when it was read.

    Attributes:
        name: The name that the user gave.
        num_bytes: Its size in bytes, before it is unpacked.
        sha256: The checksum of these bytes, in hexadecimal.
        packing: How it is compressed: ``.gz``, ``.bz2``, ``.xz``, ``.zst``, or an empty string.
    """

    name: str
    num_bytes: int
    sha256: str
    packing: str = ""

    def to_json(self) -> list[object]:
        """Return what identifies the content, whatever the name."""
        return [self.packing, self.num_bytes, self.sha256]


@dataclass
class Limit:
    """How many more bytes of text may be read, from all files together.

    Attributes:
        left: The number of bytes; None for no limit.
        is_reached: Whether the files hold more.
    """

    left: int | None = None
    is_reached: bool = False


class _Hashed:
    """An open file that counts and hashes the bytes that are read from it."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._peeked = b""
        self.num_bytes = 0

    def peek(self) -> bytes:
        """Return the first bytes, which ``read`` returns again.

        Bytes that cannot begin a compressed file are returned without waiting for more.
        """
        while len(self._peeked) < _SIGNATURE_BYTES:
            data = self._file.read1(_START_BYTES)
            self._peeked += data
            if not data or not any(
                self._peeked.startswith(start[: len(self._peeked)]) for start in _STARTS
            ):
                break
        return self._peeked

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes; from a pipe whatever has arrived."""
        if self._peeked:
            end = len(self._peeked) if size < 0 else size
            data, self._peeked = self._peeked[:end], self._peeked[end:]
        else:
            data = self._file.read1(size)
        self._digest.update(data)
        self.num_bytes += len(data)
        return data

    def source(self, name: str, packing: str) -> Source:
        """Return what has been read so far."""
        return Source(name, self.num_bytes, self._digest.hexdigest(), packing)


def read_bytes(
    name: str,
    block_bytes: int,
    limit: Limit,
    notice: Notice,
    on_read: Callable[[Source], None],
    *,
    is_text: bool = True,
) -> Generator[bytes, None, None]:
    """Yield the bytes of a file, or of ``-``, unpacked, in blocks.

    The limit is reduced by the number of bytes yielded. A notice says if the file changes
    meanwhile; ``on_read`` is called at the end of a file that was read completely.

    Raises:
        TextError: If the file cannot be read, is damaged, or, with ``is_text``, is in a known
            binary
            format.
    """
    try:
        with _open(name) as file:
            before = _state(file)
            hashed = _Hashed(file)
            packing, opener = _detect_packing(hashed)
            if opener is None and Path(name).suffix.lower() in _SUFFIXES and hashed.peek():
                raise TextError(
                    f"{name!r}: not compressed, or damaged; if it is plain text, rename it"
                )
            with contextlib.ExitStack() as stack:
                stream = hashed if opener is None else stack.enter_context(opener(hashed))
                blocks = _limited(stream, block_bytes, limit)
                yield from _checked(name, blocks) if is_text else blocks
            if _state(file) != before:
                notice(f"{name!r}: was changed while it was read; the text may be inconsistent")
            if not limit.is_reached:
                on_read(hashed.source(name, packing))
    except _DAMAGES:
        raise TextError(f"{name!r}: the compressed file is damaged or cut short") from None
    except OSError as error:
        raise TextError(f"{name!r}: {error.strerror or error}") from None


def digest(name: str, block_bytes: int) -> Source:
    """Return the size and checksum of a file without decoding it.

    Raises:
        OSError: If it cannot be read.
    """
    with Path(name).open("rb") as file:
        hashed = _Hashed(file)
        packing, _ = _detect_packing(hashed)
        while hashed.read(block_bytes):
            pass
    return hashed.source(name, packing)


def _detect_packing(hashed: _Hashed) -> tuple[str, _Opener | None]:
    """Return how a file is compressed, and what opens it; an empty string and None if it is not."""
    start = hashed.peek()
    found = ((suffix, opener) for magic, suffix, opener in _PACKINGS if re.match(magic, start))
    return next(found, ("", None))


def _checked(name: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield blocks of bytes, or refuse them if they begin like a known binary format."""
    start = next(blocks, b"")
    for magic, kind, advice in _BINARIES:
        if re.match(magic, start):
            raise TextError(f"{name!r}: {kind}, not text; {advice}")
    yield start
    yield from blocks


def _open(name: str) -> io.BufferedReader:
    """Open a file, or standard input, for reading."""
    if name != STDIN:
        return Path(name).open("rb")
    if sys.stdin is None:
        raise TextError("'-': standard input is closed")
    # closefd=False: the process's standard input stays open after the block that reads it.
    return open(sys.stdin.fileno(), "rb", closefd=False)


def _state(file: IO[bytes]) -> tuple[int, int] | None:
    """Return the size and date of a file, which change on a write; None for a pipe."""
    status = os.fstat(file.fileno())
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def _limited(stream: Any, block_bytes: int, limit: Limit) -> Iterator[bytes]:
    """Yield the content of a stream up to the limit."""
    while block := cast(bytes, stream.read(block_bytes)):
        if limit.left is not None and len(block) > limit.left:
            limit.is_reached = True
            block = block[: limit.left]
        if limit.left is not None:
            limit.left -= len(block)
        if block:
            yield block
        if limit.is_reached:
            return
