"""A text that was measured, as rows: one for each file, line or character.

Rows are made as passages arrive and nothing is kept but a line that has not ended, so a log may be
followed without an end.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from charrnn.evaluation.scoring import NOTHING, Score, total
from charrnn.evaluation.surprise import Passage, Surprise
from charrnn.text.display import visible
from charrnn.text.vocabulary import Vocabulary

SCHEMA = 1


@dataclass(frozen=True)
class LineRow:
    """A line and how surprising it is, its line end included.

    Attributes:
        file: Where it stands.
        number: Which line of it, from 1.
        text: The line, without its end.
        score: The sums over its characters that were predicted.
        unknown: How many of its characters the model never saw.
    """

    file: str
    number: int
    text: str
    score: Score
    unknown: int

    @property
    def surprise(self) -> float:
        """Bits per character, by which rows are sorted; -1 where nothing was predicted."""
        return self.score.bits_per_char if self.score.chars else -1.0

    def head(self) -> str:
        """Return the columns before the text: nats, bits per character, characters."""
        return _columns(self.score)

    def tail(self, vocabulary: Vocabulary) -> bytes:
        """Return the column of the text, exact."""
        return vocabulary.to_bytes(self.text)

    def to_json(self, vocabulary: Vocabulary, prefix: str = "") -> dict[str, Any]:
        """Return the row as one object; the names of its numbers begin with ``prefix``."""
        return {
            "schema": SCHEMA,
            "file": self.file,
            "line": self.number,
            **_numbers(self.score, prefix),
            "unknown": self.unknown,
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
        return visible_in(vocabulary, self.text).encode()

    def to_json(self, vocabulary: Vocabulary, prefix: str = "") -> dict[str, Any]:
        """Return the row as one object; a byte beyond ASCII is in Python's notation."""
        return {
            "schema": SCHEMA,
            "file": self.file,
            "char": self.number,
            f"{prefix}bits": finite(self.bits),
            "unknown": self.is_unknown,
            "text": _exact(vocabulary, self.text),
            f"{prefix}best": [
                [_exact(vocabulary, text), round(prob, 6)] for text, prob in self.best
            ],
        }


@dataclass(frozen=True)
class FileRow:
    """A file and how surprising it is.

    Attributes:
        file: Its name.
        score: The sums over its characters that were predicted.
        unknown: How many of its characters the model never saw.
    """

    file: str
    score: Score
    unknown: int

    @property
    def surprise(self) -> float:
        """Bits per character, by which rows are sorted; -1 where nothing was predicted."""
        return self.score.bits_per_char if self.score.chars else -1.0

    def head(self) -> str:
        """Return the columns before the name: nats, bits per character, characters."""
        return _columns(self.score)

    def tail(self, vocabulary: Vocabulary) -> bytes:
        """Return the column of the name, exact."""
        del vocabulary
        return os.fsencode(self.file)

    def to_json(self, vocabulary: Vocabulary, prefix: str = "") -> dict[str, Any]:
        """Return the row as one object; the names of its numbers begin with ``prefix``."""
        del vocabulary
        return {
            "schema": SCHEMA,
            "file": self.file,
            **_numbers(self.score, prefix),
            "unknown": self.unknown,
        }


class LineCutter:
    """Cuts the passages of one file into lines."""

    def __init__(self, file: str, vocabulary: Vocabulary) -> None:
        """Begin a file."""
        del vocabulary
        self._file = file
        self._number = 0
        self._begin()

    def _begin(self) -> None:
        """Begin a line."""
        self._texts: list[str] = []
        self._score = NOTHING
        self._unknown = 0

    def rows(self, passage: Passage) -> Iterator[LineRow]:
        """Yield the lines that end in a passage."""
        text, surprise = passage.text, passage.surprise
        nats = np.concatenate([[0.0], np.nancumsum(surprise.nats)])
        chars = np.concatenate([[0], np.cumsum(surprise.is_predicted)])
        hits = np.concatenate([[0], np.cumsum(surprise.is_likeliest)])
        unknown = np.concatenate([[0], np.cumsum(passage.is_unknown)])
        begin = 0
        while begin < len(text):
            newline = text.find("\n", begin)
            end = len(text) if newline < 0 else newline + 1
            self._texts.append(text[begin:end])
            self._score += Score(
                float(nats[end] - nats[begin]),
                int(chars[end] - chars[begin]),
                int(hits[end] - hits[begin]),
            )
            self._unknown += int(unknown[end] - unknown[begin])
            if newline >= 0:
                yield self._row()
            begin = end

    def rest(self) -> Iterator[LineRow]:
        """Yield the last line of a file if it has no end."""
        if self._texts:
            yield self._row()

    def _row(self) -> LineRow:
        """Return the line that has ended, and begin the next one."""
        self._number += 1
        text = "".join(self._texts).removesuffix("\n")
        row = LineRow(self._file, self._number, text, self._score, self._unknown)
        self._begin()
        return row


class CharCutter:
    """Cuts the passages of one file into characters."""

    def __init__(self, file: str, vocabulary: Vocabulary) -> None:
        """Begin a file."""
        self._file = file
        self._vocabulary = vocabulary
        self._number = 0

    def rows(self, passage: Passage) -> Iterator[CharRow]:
        """Yield the characters of a passage."""
        bits = (passage.surprise.nats / math.log(2)).tolist()
        for place, (text, value) in enumerate(zip(passage.text, bits, strict=True)):
            self._number += 1
            yield CharRow(
                self._file,
                self._number,
                text,
                value,
                bool(passage.is_unknown[place]),
                best_at(self._vocabulary, passage.surprise, place),
            )

    def rest(self) -> Iterator[CharRow]:
        """Yield nothing: a character is whole."""
        return iter(())


class FileCutter:
    """Adds up the passages of one file."""

    def __init__(self, file: str, vocabulary: Vocabulary) -> None:
        """Begin a file."""
        del vocabulary
        self._file = file
        self._score = NOTHING
        self._unknown = 0

    def rows(self, passage: Passage) -> Iterator[FileRow]:
        """Add a passage."""
        self._score += total(passage.surprise)
        self._unknown += int(passage.is_unknown.sum())
        return iter(())

    def rest(self) -> Iterator[FileRow]:
        """Yield the file."""
        yield FileRow(self._file, self._score, self._unknown)


def best_at(
    vocabulary: Vocabulary, surprise: Surprise, place: int
) -> tuple[tuple[str, float], ...]:
    """Return what the model expected at a place, with the probabilities; nothing at the start."""
    if math.isnan(surprise.nats[place]):
        return ()
    ids, probs = surprise.best_ids[place], surprise.best_probs[place]
    return tuple(zip(vocabulary.decode(ids), probs.tolist(), strict=True))


def visible_in(vocabulary: Vocabulary, character: str) -> str:
    """Return a character of a model as one that can be seen; a byte beyond ASCII as its number."""
    if vocabulary.is_bytes and character > "\x7f":
        return f"\\x{ord(character):02x}"
    return visible(character)


def _exact(vocabulary: Vocabulary, character: str) -> str:
    """Return a character as it is; a byte beyond ASCII as its number."""
    return (
        visible_in(vocabulary, character)
        if vocabulary.is_bytes and character > "\x7f"
        else character
    )


def _columns(score: Score) -> str:
    """Return nats, bits per character and characters."""
    bits = f"{score.bits_per_char:.4f}" if score.chars else "-"
    return f"{score.nats:.4f}\t{bits}\t{score.chars}"


def _numbers(score: Score, prefix: str) -> dict[str, Any]:
    """Return nats, bits per character and characters, by name."""
    return {
        f"{prefix}nats": finite(score.nats),
        f"{prefix}bits_per_char": finite(score.bits_per_char) if score.chars else None,
        "chars": score.chars,
    }


def finite(value: float) -> float | None:
    """Return a number, or None for one that JSON has not."""
    return value if math.isfinite(value) else None
