"""Rows of ``eval --by``: a file, a line or a character, as text or as a JSON object.

A cutter yields rows as passages arrive. It keeps only the unfinished line, so a log can be followed
forever.
"""

import math
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from charrnn.corpus.documents import cut_documents
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.score import NOTHING, Score, total
from charrnn.evaluation.surprise import Passage, Surprise, measure_text
from charrnn.memory.memory import Memory
from charrnn.memory.parts import list_parts
from charrnn.model.predictor import Predictor
from charrnn.text.escaping import to_utf8, visible
from charrnn.text.vocabulary import Vocabulary
from charrnn.units import SCHEMA, finite_or_none, nats_to_bits

Alternatives = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class FileRow:
    """A file and its surprise.

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

    def place(self) -> bytes:
        """Return no place: the last column names the file."""
        return b""

    def head(self) -> str:
        """Return the columns before the last: nats, bits per character, characters."""
        bits = f"{self.score.bits_per_char:.4f}" if self.score.chars else "-"
        return f"{self.score.nats:.4f}\t{bits}\t{self.score.chars}"

    def tail(self) -> bytes:
        """Return the last column, exact: the name."""
        return os.fsencode(self.file)

    def to_json(self) -> dict[str, Any]:
        """Return the row as one object."""
        score = self.score
        return {
            "schema": SCHEMA,
            "file": self.file,
            "nats": finite_or_none(score.nats),
            "bits_per_char": finite_or_none(score.bits_per_char) if score.chars else None,
            "chars": score.chars,
            "unknown": self.unknown,
        }


@dataclass(frozen=True)
class LineRow(FileRow):
    """A line of a file and its surprise, including the line end.

    Attributes:
        number: Line number in the file, from 1.
        data: The line as bytes, without its end.
    """

    number: int
    data: bytes

    def place(self) -> bytes:
        """Return the file name and the line number."""
        return _place(self.file, self.number)

    def tail(self) -> bytes:
        """Return the last column, exact: the line."""
        return self.data

    def to_json(self) -> dict[str, Any]:
        """Return the row as one object."""
        place = {"schema": SCHEMA, "file": self.file, "line": self.number}  # come first
        return {**place, **super().to_json(), "text": self.data.decode("utf-8", "replace")}


@dataclass(frozen=True)
class CharRow:
    """A character and its surprise.

    Attributes:
        file: The name of the file.
        number: Position of the character in the file, from 1.
        text: The character; see ``char_text``.
        bits: Its surprise in bits; NaN if it was not predicted.
        is_unknown: Whether the model does not know it.
        best: The likeliest characters with their probabilities, likeliest first.
        parts: What gave it its probability; see ``list_parts``.
    """

    file: str
    number: int
    text: str
    bits: float
    is_unknown: bool
    best: Alternatives
    parts: tuple[dict[str, Any], ...]

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

    def tail(self) -> bytes:
        """Return the last column: the character, escaped if it is not printable."""
        return to_utf8("".join(map(visible, self.text)))

    def to_json(self) -> dict[str, Any]:
        """Return the row as one object."""
        return {
            "schema": SCHEMA,
            "file": self.file,
            "index": self.number,
            "bits": finite_or_none(self.bits),
            "unknown": self.is_unknown,
            "text": self.text,
            "best": [[text, round(prob, 6)] for text, prob in self.best],
            "parts": [part | {"share": round(part["share"], 4)} for part in self.parts],
        }


Row = FileRow | CharRow


class Cutter(ABC):
    """Cuts the passages of one file into rows."""

    def __init__(self, file: str, vocabulary: Vocabulary) -> None:
        """Begin a file, given the characters of the model."""
        self._file = file
        self._vocabulary = vocabulary
        self._number = 1  # of the row
        self._begin()

    def _begin(self) -> None:
        """Begin a row that several passages may fill."""
        self._texts: list[str] = []
        self._score = NOTHING
        self._unknown = 0

    @abstractmethod
    def rows(self, passage: Passage) -> Iterator[Row]:
        """Take a passage; yield each row that ends in it."""

    def rest(self) -> Iterator[Row]:
        """Yield the unfinished row of a file, if there is one."""
        return iter(())


class FileCutter(Cutter):
    """Adds up the passages of one file."""

    def rows(self, passage: Passage) -> Iterator[Row]:
        """Add a passage; yield nothing."""
        self._score += total(passage.surprise)
        self._unknown += int(passage.is_unknown.sum())
        return iter(())

    def rest(self) -> Iterator[Row]:
        """Yield the file."""
        yield FileRow(self._file, self._score, self._unknown)


class LineCutter(Cutter):
    """Cuts the passages of one file into lines."""

    def rows(self, passage: Passage) -> Iterator[Row]:
        """Yield each line that ends in a passage."""
        surprise = passage.surprise
        lines = re.findall("[^\n]*\n|[^\n]+", passage.text)
        begins = np.cumsum([0, *map(len, lines)])[:-1]
        nats = np.nan_to_num([surprise.nats, surprise.nats_without_memory])
        counts = surprise.is_predicted, surprise.is_likeliest, passage.is_unknown
        sums = np.add.reduceat(np.array([*nats, *counts]), begins, axis=1)
        for text, sums_of_line in zip(lines, sums.T.tolist(), strict=True):
            with_memory, without, chars, correct, unknown = sums_of_line
            self._texts.append(text)
            self._score += Score(with_memory, int(chars), int(correct), without)
            self._unknown += int(unknown)
            if text.endswith("\n"):
                yield self._row()

    def rest(self) -> Iterator[Row]:
        """Yield the last line of a file if it lacks a line end."""
        if self._texts:
            yield self._row()

    def _row(self) -> LineRow:
        """Return the finished line and start the next."""
        data = self._vocabulary.to_bytes("".join(self._texts).removesuffix("\n"))
        row = LineRow(self._file, self._score, self._unknown, self._number, data)
        self._number += 1
        self._begin()
        return row


class CharCutter(Cutter):
    """Cuts the passages of one file into characters."""

    def rows(self, passage: Passage) -> Iterator[CharRow]:
        """Yield the characters of a passage."""
        bits = nats_to_bits(passage.surprise.nats).tolist()
        unknown = passage.is_unknown.tolist()
        for place, character in enumerate(passage.text):
            text = char_text(self._vocabulary, character)
            best = best_at(self._vocabulary, passage.surprise, place)
            parts = parts_at(passage.surprise, place)
            yield CharRow(self._file, self._number, text, bits[place], unknown[place], best, parts)
            self._number += 1


def char_rows(
    network: Predictor, vocabulary: Vocabulary, memory: Memory, text: str, num_best: int
) -> Iterator[CharRow]:
    """Yield the characters of a text that is given as a string."""
    reader = Reader(network, end_id=vocabulary.end_id, memory=memory)
    pieces = cut_documents([vocabulary.from_user(text)], vocabulary.separator)
    cutter = CharCutter("", vocabulary)
    for passage in measure_text(reader, vocabulary, pieces, num_best):
        yield from cutter.rows(passage)


def best_at(vocabulary: Vocabulary, surprise: Surprise, place: int) -> Alternatives:
    """Return the likeliest characters at a place with their probabilities, if predicted."""
    if math.isnan(surprise.nats[place]):
        return ()
    ids, probs = surprise.best_ids[place], surprise.best_probs[place].tolist()
    # One by one: the end symbol decodes to the separator, which may have several characters.
    texts = [char_text(vocabulary, vocabulary.decode(ids[i : i + 1])) for i in range(len(ids))]
    return tuple(zip(texts, probs, strict=True))


def parts_at(surprise: Surprise, place: int) -> tuple[dict[str, Any], ...]:
    """Return what gave the character at a place its probability, if predicted and asked for."""
    if math.isnan(surprise.nats[place]) or not surprise.shares.shape[1]:
        return ()
    return tuple(list_parts(surprise.shares[place], surprise.facts[place]))


def char_text(vocabulary: Vocabulary, text: str) -> str:
    """Return characters of a vocabulary as text: bytes beyond ASCII are escaped."""
    return text.encode("ascii", "backslashreplace").decode() if vocabulary.is_bytes else text


def _place(file: str, number: int) -> bytes:
    """Return a place in a file as ``name:number``, with the exact bytes of the name."""
    return os.fsencode(file) + f":{number}".encode()
