"""Decode files to blocks of text, strictly."""

import codecs
import contextlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from charrnn.corpus.open import Limit, Notice, Source, read_bytes
from charrnn.errors import ConfigError, TextError

BLOCK_BYTES = 1 << 20

_MARKS = (
    ((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), "utf-32"),
    ((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-16"),
)

# Not marks, Hangul letters or vowel signs of Kirat Rai: these may join the character before them.
_JOINING_LETTERS = re.compile("[\u1100-\u11ff\U00016d40-\U00016d7f]")


@dataclass(frozen=True)
class Decoding:
    """How bytes become characters.

    Attributes:
        encoding: A text encoding that Python knows.
        is_bytes: Whether to take each byte as one character, U+0000 to U+00FF, unchanged.
        nfc: Whether to normalise the characters to Unicode NFC.
    """

    encoding: str = "utf-8"
    is_bytes: bool = False
    nfc: bool = False

    def __post_init__(self) -> None:
        """Refuse an encoding that Python does not know, or that does not encode text."""
        try:
            "a".encode(self.encoding)  # for an empty text Python does not look up the encoding
        except (LookupError, ValueError):
            raise ConfigError(
                f"`encoding`: {self.encoding!r} is not a text encoding of Python; "
                "try utf-8, utf-16, latin-1 or cp1252"
            ) from None


def read_blocks(
    files: Sequence[str],
    decoding: Decoding,
    notice: Notice = lambda _: None,
    limit: Limit | None = None,
    on_read: Callable[[Source], None] = lambda _: None,
) -> Iterator[str]:
    """Yield the characters of files, one file after another, in bounded blocks, none empty.

    In text, but not in bytes, a byte order mark at the start of a file is dropped and CRLF becomes
    LF. The limit is that of all files together. A notice says, for example, that line ends were
    changed; ``on_read`` is called for each file that was read completely.

    Raises:
        TextError: If a file cannot be read, is damaged, or is not in the encoding.
    """
    limit = limit or Limit()
    for name in files:
        data = read_bytes(name, BLOCK_BYTES, limit, notice, on_read, is_text=not decoding.is_bytes)
        with contextlib.closing(data):  # a caller that stops early leaves no file open
            blocks = _decode(name, data, decoding, limit)
            if not decoding.is_bytes:
                blocks = _clean(name, blocks, notice)
            if decoding.nfc:
                blocks = compose(blocks)
            for block in blocks:
                if block:
                    yield block
        if limit.is_reached:
            notice(f"{name!r}: longer than the limit on bytes; the rest is not read")
            return


def compose(blocks: Iterable[str]) -> Iterator[str]:
    """Yield a text in Unicode NFC, which composes a letter and its accent to one character.

    See https://unicode.org/reports/tr15. Blocks are divided only before characters that cannot
    join the one before them, so the result does not depend on the blocks.
    """
    held = ""
    for block in blocks:
        text = held + block
        end = len(text) - 1
        while end > 0 and may_join(text[end]):
            end -= 1
        yield unicodedata.normalize("NFC", text[: max(end, 0)])
        held = text[max(end, 0) :]
    yield unicodedata.normalize("NFC", held)


def may_join(character: str) -> bool:
    """Return whether NFC may join a character to the one before it."""
    is_mark = unicodedata.category(character).startswith("M")
    return is_mark or _JOINING_LETTERS.match(character) is not None


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
        # A character that the limit cuts is not an error.
        yield decoder.decode(b"", final=not limit.is_reached)
    except UnicodeDecodeError as error:
        # The bytes in the error end where the last block ends.
        offset = fed - len(error.object)
        raise TextError(_describe_error(name, offset, error, encoding, start)) from None
    except UnicodeError as error:  # UTF-16 without its byte order mark
        raise TextError(
            f"{name!r}: not {encoding}: {error}; "
            "give its `encoding`, for example utf-8, or `as_bytes` to model bytes"
        ) from None


def _describe_error(
    name: str, offset: int, error: UnicodeDecodeError, encoding: str, start: bytes
) -> str:
    """Return one line that says where a file is not text, and what to do."""
    place = offset + error.start
    wrong = error.object[error.start : error.start + 4].hex(" ")
    # The mark of little-endian UTF-32 begins with that of UTF-16.
    guess = next((name for marks, name in _MARKS if start.startswith(marks)), "latin-1")
    return (
        f"{name!r}: not {encoding} at byte offset {place} ({wrong}); "
        f"give its `encoding`, for example {guess}, or `as_bytes` to model bytes"
    )


def _clean(name: str, blocks: Iterator[str], notice: Notice) -> Iterator[str]:
    """Yield blocks of text without a byte order mark and with LF for CRLF."""
    is_first = True
    has_crlf = False
    held = ""  # a CR at the end of a block, until the next character is known
    for block in blocks:
        text = held + block
        if is_first and text:
            text = text.removeprefix("\ufeff")
            is_first = False
        held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix(held)
        if "\r\n" in text:
            has_crlf = True
            text = text.replace("\r\n", "\n")
        yield text
    yield held
    if has_crlf:
        notice(f"{name!r}: line ends CRLF read as LF")
