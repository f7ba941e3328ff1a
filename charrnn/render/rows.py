"""Rows of ``eval --by``: a file, a line or a character, as text or as a JSON object."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

from charrnn.evaluation.score import Score
from charrnn.text.escaping import visible
from charrnn.text.utf8 import to_utf8
from charrnn.text.vocabulary import Vocabulary
from charrnn.units import SCHEMA, finite_or_none


@dataclass(frozen=True)
class _ScoredRow:
    """A stretch of a file and its surprise.

    Attributes:
        file: The name of the file.
        score: The sums over the characters that were predicted.
        unknown: Number of characters that the model does not know.
    """

    file: str
    score: Score
    unknown: int

    @property
    def surprise(self) -> float:
        """Bits per character, the sort key; -1 if nothing was predicted."""
        return self.score.bits_per_char if self.score.chars else -1.0

    def head(self) -> str:
        """Return the columns before the last: nats, bits per character, characters."""
        bits = f"{self.score.bits_per_char:.4f}" if self.score.chars else "-"
        return f"{self.score.nats:.4f}\t{bits}\t{self.score.chars}"

    def _numbers(self) -> dict[str, Any]:
        """Return the numbers by name."""
        score = self.score
        return {
            "nats": finite_or_none(score.nats),
            "bits_per_char": finite_or_none(score.bits_per_char) if score.chars else None,
            "chars": score.chars,
            "unknown": self.unknown,
        }


@dataclass(frozen=True)
class FileRow(_ScoredRow):
    """A file and its surprise."""

    def place(self) -> bytes:
        """Return no place: the last column names the file."""
        return b""

    def tail(self, vocabulary: Vocabulary) -> bytes:
        """Return the last column, exact: the name."""
        del vocabulary
        return os.fsencode(self.file)

    def to_json(self, vocabulary: Vocabulary) -> dict[str, Any]:
        """Return the row as one object."""
        del vocabulary
        return {"schema": SCHEMA, "file": self.file, **self._numbers()}


@dataclass(frozen=True)
class LineRow(_ScoredRow):
    """A line of a file and its surprise, including the line end.

    Attributes:
        number: Line number in the file, from 1.
        text: The line, without its end.
    """

    number: int
    text: str

    def place(self) -> bytes:
        """Return the file name and the line number."""
        return _place(self.file, self.number)

    def tail(self, vocabulary: Vocabulary) -> bytes:
        """Return the last column, exact: the line."""
        return vocabulary.to_bytes(self.text)

    def to_json(self, vocabulary: Vocabulary) -> dict[str, Any]:
        """Return the row as one object."""
        return {
            "schema": SCHEMA,
            "file": self.file,
            "line": self.number,
            **self._numbers(),
            "text": vocabulary.to_bytes(self.text).decode("utf-8", "replace"),
        }


@dataclass(frozen=True)
class CharRow:
    """A character and its surprise.

    Attributes:
        file: The name of the file.
        number: Position of the character in the file, from 1.
        text: The character; for a model of bytes, U+0000 to U+00FF for each byte.
        bits: Its surprise in bits; NaN if it was not predicted.
        is_unknown: Whether the model does not know it.
        best: The likeliest characters with their probabilities, likeliest first.
    """

    file: str
    number: int
    text: str
    bits: float
    is_unknown: bool
    best: tuple[tuple[str, float], ...]

    @property
    def surprise(self) -> float:
        """Bits, the sort key; -1 if it was not predicted."""
        return -1.0 if math.isnan(self.bits) else self.bits

    def place(self) -> bytes:
        """Return the file name and the position."""
        return _place(self.file, self.number)

    def head(self) -> str:
        """Return the first column: bits."""
        return "-" if math.isnan(self.bits) else f"{self.bits:.4f}"

    def tail(self, vocabulary: Vocabulary) -> bytes:
        """Return the last column: the character, escaped if it is not printable."""
        return to_utf8(visible_in(vocabulary, self.text))

    def to_json(self, vocabulary: Vocabulary) -> dict[str, Any]:
        """Return the row as one object; a byte beyond ASCII is escaped."""
        return {
            "schema": SCHEMA,
            "file": self.file,
            "index": self.number,
            "bits": finite_or_none(self.bits),
            "unknown": self.is_unknown,
            "text": _exact(vocabulary, self.text),
            "best": [[_exact(vocabulary, text), round(prob, 6)] for text, prob in self.best],
        }


def _place(file: str, number: int) -> bytes:
    """Return a place in a file as ``name:number``, with the exact bytes of the name."""
    return os.fsencode(file) + f":{number}".encode()


def visible_in(vocabulary: Vocabulary, text: str) -> str:
    """Return characters in printable form; bytes beyond ASCII are escaped."""
    return "".join(
        f"\\x{ord(character):02x}" if _is_high_byte(vocabulary, character) else visible(character)
        for character in text
    )


def _exact(vocabulary: Vocabulary, text: str) -> str:
    """Return characters unchanged; bytes beyond ASCII are escaped."""
    return "".join(
        f"\\x{ord(character):02x}" if _is_high_byte(vocabulary, character) else character
        for character in text
    )


def _is_high_byte(vocabulary: Vocabulary, character: str) -> bool:
    """Return whether a character represents a byte beyond ASCII."""
    return vocabulary.is_bytes and character > "\x7f"
