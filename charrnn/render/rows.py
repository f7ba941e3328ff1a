"""What is told of a file, a line or a character: a row, as text or as an object."""

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
    """Some of a file and how surprising it is.

    Attributes:
        file: The name of the file.
        score: The sums over the characters that were predicted.
        unknown: How many of the characters the model never saw.
    """

    file: str
    score: Score
    unknown: int

    @property
    def surprise(self) -> float:
        """Bits per character, by which rows are sorted; -1 where nothing was predicted."""
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
    """A file and how surprising it is."""

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
    """A line of a file and how surprising it is, its line end included.

    Attributes:
        number: Which line of the file, from 1.
        text: The line, without its end.
    """

    number: int
    text: str

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
    """A character and how surprising it is.

    Attributes:
        file: Where it stands.
        number: Which character of it, from 1.
        text: The character; of a model of bytes, one that stands for a byte.
        bits: Minus the binary logarithm of its probability; NaN where it was not predicted.
        is_unknown: Whether the model never saw it.
        best: What the model expected, most likely first, with the probabilities.
    """

    file: str
    number: int
    text: str
    bits: float
    is_unknown: bool
    best: tuple[tuple[str, float], ...]

    @property
    def surprise(self) -> float:
        """Bits, by which rows are sorted; -1 where it was not predicted."""
        return -1.0 if math.isnan(self.bits) else self.bits

    def head(self) -> str:
        """Return the column before the character."""
        return "-" if math.isnan(self.bits) else f"{self.bits:.4f}"

    def tail(self, vocabulary: Vocabulary) -> bytes:
        """Return the column of the character: one that can be seen, or in Python's notation."""
        return to_utf8(visible_in(vocabulary, self.text))

    def to_json(self, vocabulary: Vocabulary) -> dict[str, Any]:
        """Return the row as one object; a byte beyond ASCII is in Python's notation."""
        return {
            "schema": SCHEMA,
            "file": self.file,
            "index": self.number,
            "bits": finite_or_none(self.bits),
            "unknown": self.is_unknown,
            "text": _exact(vocabulary, self.text),
            "best": [[_exact(vocabulary, text), round(prob, 6)] for text, prob in self.best],
        }


def visible_in(vocabulary: Vocabulary, character: str) -> str:
    """Return a character of a model as one that can be seen; a byte beyond ASCII as its number."""
    if vocabulary.is_bytes and character > "\x7f":
        return f"\\x{ord(character):02x}"
    return visible(character)


def _exact(vocabulary: Vocabulary, character: str) -> str:
    """Return a character as it is; a byte beyond ASCII as its number."""
    is_high = vocabulary.is_bytes and character > "\x7f"
    return visible_in(vocabulary, character) if is_high else character
