"""Files, folders and standard input to blocks of text, strictly decoded.

A corpus is named by paths: a file (plain, ``.gz``, ``.bz2`` or ``.xz``), a folder (every file below
it that fits a pattern, in order of name), or ``-`` for standard input.
"""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from charrnn.corpus.open import STDIN, Limit, Notice, Source, read_bytes
from charrnn.errors import ConfigError, TextError

__all__ = ["BLOCK_BYTES", "STDIN", "Decoding", "Notice", "find_files", "read_blocks"]

BLOCK_BYTES = 1 << 20

_MARKS = (
    ((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), "utf-32"),
    ((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-16"),
)


@dataclass(frozen=True)
class Decoding:
    """How bytes become characters.

    Attributes:
        encoding: A text encoding that Python knows.
        is_bytes: Take each byte as one character, U+0000 to U+00FF, and change nothing.
    """

    encoding: str = "utf-8"
    is_bytes: bool = False

    def __post_init__(self) -> None:
        """Refuse an encoding that does not exist or is not one of text.

        Raises:
            ConfigError: If so.
        """
        try:
            "a".encode(self.encoding)  # of an empty text Python would not look at the encoding
        except (LookupError, ValueError):
            raise ConfigError(
                f"--encoding: Python knows no text encoding {self.encoding!r}; "
                "try utf-8, utf-16, latin-1 or cp1252"
            ) from None


def find_files(corpora: Sequence[str], pattern: str = "*.txt") -> list[str]:
    """Return the files that the names of a corpus stand for.

    Args:
        corpora: Paths of files and folders, or ``-``.
        pattern: Which files of a folder to take, at any depth; hidden ones are left out.

    Returns:
        Paths of files, or ``-``, in the order given; those of a folder sorted.

    Raises:
        TextError: If a path does not exist or a folder holds no such file.
    """
    files = []
    for name in corpora:
        path = Path(name)
        try:
            is_file = name == STDIN or path.is_file()
        except OSError as error:  # too long a name, or a folder that may not be looked into
            raise TextError(f"{name!r}: {error.strerror}") from None
        if is_file:
            files.append(name)
        elif path.is_dir():
            found = sorted(
                file
                for file in path.rglob(pattern)
                if file.is_file()
                and not any(part.startswith(".") for part in file.relative_to(path).parts)
            )
            if not found:
                raise TextError(
                    f"{name!r}: no file in this folder fits {pattern!r}; "
                    "give another pattern, for example --glob '*.md'"
                )
            files.extend(str(file) for file in found)
        elif path.exists():  # a pipe, such as <(command) makes
            files.append(name)
        else:
            raise TextError(f"{name!r}: no such file or folder")
    if files.count(STDIN) > 1:
        raise ConfigError("'-': standard input can be read only once")
    return files


def read_blocks(
    files: Sequence[str],
    decoding: Decoding,
    notice: Notice = lambda _: None,
    limit: Limit | None = None,
    on_read: Callable[[Source], None] = lambda _: None,
) -> Iterator[str]:
    """Yield the characters of files, one file after another, in blocks of bounded size.

    A byte order mark at the start of a file is dropped and CRLF becomes LF, but not in bytes.

    Args:
        files: Paths, or ``-``.
        decoding: How bytes become characters.
        notice: Called with one line when line ends were changed, and the like.
        limit: How many bytes are read, unpacked, of all files together; None for all.
        on_read: Called for each file that was read to its end.

    Yields:
        Blocks of text, none empty.

    Raises:
        TextError: If a file cannot be read, is damaged, or is not in the encoding.
    """
    limit = limit or Limit()
    for name in files:
        # closing: whoever stops early leaves no file open.
        with contextlib.closing(read_bytes(name, BLOCK_BYTES, limit, notice, on_read)) as data:
            blocks = _decode(name, data, decoding, limit)
            if not decoding.is_bytes:
                blocks = _clean(name, blocks, notice)
            for block in blocks:
                if block:
                    yield block
        if limit.is_reached:
            notice(f"{name!r}: goes on after --max-bytes; the rest is left out")
            return


def _decode(name: str, blocks: Iterator[bytes], decoding: Decoding, limit: Limit) -> Iterator[str]:
    """Yield the characters of blocks of bytes; an error names the offset in the file."""
    encoding = "latin-1" if decoding.is_bytes else decoding.encoding
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    fed = 0  # bytes given to the decoder
    start = b""
    try:
        for block in blocks:
            fed += len(block)
            start += block[: 4 - len(start)]
            yield decoder.decode(block)
        # What the limit cut through is no mistake of the file.
        yield decoder.decode(b"", final=not limit.is_reached)
    except UnicodeDecodeError as error:
        # What the decoder looked at ends where the last block does.
        offset = fed - len(error.object)
        raise TextError(_not_decodable(name, offset, error, encoding, start)) from None
    except UnicodeError as error:  # UTF-16 without its byte order mark
        raise TextError(
            f"{name!r}: not {encoding}: {error}; "
            "give the encoding, for example --encoding utf-8, or --bytes to model bytes"
        ) from None


def _not_decodable(
    name: str, offset: int, error: UnicodeDecodeError, encoding: str, start: bytes
) -> str:
    """Return the line that says where a file is not text, and the ways out."""
    place = offset + error.start
    wrong = error.object[error.start : error.start + 4].hex(" ")
    # That of UTF-32 in the order of small machines begins with that of UTF-16.
    guess = next((name for marks, name in _MARKS if start.startswith(marks)), "latin-1")
    return (
        f"{name!r}: not {encoding} at byte offset {place} ({wrong}); "
        f"give the encoding, for example --encoding {guess}, or --bytes to model bytes"
    )


def _clean(name: str, blocks: Iterator[str], notice: Notice) -> Iterator[str]:
    """Yield blocks of text without a byte order mark and with LF for CRLF."""
    is_first = True
    was_crlf = False
    held = ""  # a CR at the end of a block waits for what follows it
    for block in blocks:
        text = held + block
        if is_first and text:
            text = text.removeprefix("\ufeff")
            is_first = False
        held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix(held)
        if "\r\n" in text:
            was_crlf = True
            text = text.replace("\r\n", "\n")
        yield text
    yield held
    if was_crlf:
        notice(f"{name!r}: line ends CRLF read as LF")
