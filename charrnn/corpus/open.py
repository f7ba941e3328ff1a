"""Names to bytes: files, compressed files and standard input, limited and hashed on the way."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import io
import lzma
import os
import stat
import sys
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from charrnn.errors import TextError

STDIN = "-"

Notice = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """What a file was when it was read.

    Attributes:
        name: How the user named it.
        num_bytes: Its size; of a compressed file that of the compressed bytes.
        sha256: The checksum of those bytes, in hexadecimal.
    """

    name: str
    num_bytes: int
    sha256: str

    @property
    def packing(self) -> str:
        """How the file is compressed, by its name; an empty string for not at all."""
        suffix = Path(self.name).suffix.lower()
        return suffix if suffix in _OPENERS else ""


_OPENERS: dict[str, Callable[[Any], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}


@dataclass
class Limit:
    """How many bytes of text may still be read, of all files together.

    Attributes:
        left: So many; None for any number.
        is_reached: Whether there was more than that.
    """

    left: int | None = None
    is_reached: bool = False


class _Hashed:
    """An open file that counts and hashes what is read of it."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.num_bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Read up to so many bytes; of a pipe what is there, as soon as something is."""
        data = self._file.read1(size)
        self._digest.update(data)
        self.num_bytes += len(data)
        return data

    @property
    def sha256(self) -> str:
        """The checksum of what was read so far."""
        return self._digest.hexdigest()


def read_bytes(
    name: str,
    block_bytes: int,
    limit: Limit,
    notice: Notice,
    on_read: Callable[[Source], None],
) -> Generator[bytes, None, None]:
    """Yield the bytes of a file in blocks, through the decompressor that its name asks for.

    Args:
        name: A path, or ``-``.
        block_bytes: The size of a block.
        limit: How many bytes may be read; it is lowered by those that are yielded.
        notice: Called with one line when the file was changed meanwhile.
        on_read: Called at the end of a file that was read to its end.

    Raises:
        TextError: If the file cannot be read, or is damaged.
    """
    try:
        with _open(name) as file:
            before = _state(file)
            hashed = _Hashed(file)
            opener = _OPENERS.get(Path(name).suffix.lower())
            with contextlib.ExitStack() as stack:
                stream = hashed if opener is None else stack.enter_context(opener(hashed))
                yield from _limited(stream, block_bytes, limit)
            if _state(file) != before:
                notice(f"{name!r}: was changed while it was read; it may be a mixture")
            if not limit.is_reached:
                on_read(Source(name, hashed.num_bytes, hashed.sha256))
    except (EOFError, zlib.error, lzma.LZMAError):
        raise TextError(f"{name!r}: the compressed file is damaged or cut short") from None
    except OSError as error:
        raise TextError(f"{name!r}: {error.strerror or error}") from None


def digest(name: str, block_bytes: int) -> Source:
    """Return what a file is now, without making text of it.

    Raises:
        OSError: If it cannot be read.
    """
    with Path(name).open("rb") as file:
        hashed = _Hashed(file)
        while hashed.read(block_bytes):
            pass
    return Source(name, hashed.num_bytes, hashed.sha256)


def _open(name: str) -> io.BufferedReader:
    """Open a file for reading."""
    if name != STDIN:
        return Path(name).open("rb")
    if sys.stdin is None:
        raise TextError("'-': standard input is closed")
    # closefd=False: the process's standard input stays open after the block that reads it.
    return open(sys.stdin.fileno(), "rb", closefd=False)


def _state(file: IO[bytes]) -> tuple[int, int] | None:
    """Return what changes when a file is written to; None for a pipe."""
    status = os.fstat(file.fileno())
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def _limited(stream: Any, block_bytes: int, limit: Limit) -> Iterator[bytes]:
    """Yield what a stream holds, as far as the limit goes."""
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
