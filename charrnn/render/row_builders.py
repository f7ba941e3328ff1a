"""Build rows from the passages of a text: one for each file, line or character.

Rows are yielded as passages arrive. Only an unfinished line is kept, so a log can be
followed forever.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from charrnn.evaluation.score import NOTHING, Score, total
from charrnn.evaluation.surprise import Passage, Surprise
from charrnn.render.rows import CharRow, FileRow, LineRow
from charrnn.text.vocabulary import Vocabulary
from charrnn.units import nats_to_bits


class LineCutter:
    """Cuts the passages of one file into lines."""

    def __init__(self, file: str) -> None:
        """Begin a file."""
        self._file = file
        self._number = 0
        self._begin()

    def _begin(self) -> None:
        """Begin a line."""
        self._texts: list[str] = []
        self._score = NOTHING
        self._unknown = 0

    def rows(self, passage: Passage) -> Iterator[LineRow]:
        """Yield each line that ends in a passage."""
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
        """Yield the last line of a file if it lacks a line end."""
        if self._texts:
            yield self._row()

    def _row(self) -> LineRow:
        """Return the finished line and start the next."""
        self._number += 1
        text = "".join(self._texts).removesuffix("\n")
        row = LineRow(self._file, self._score, self._unknown, self._number, text)
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
        bits = nats_to_bits(passage.surprise.nats).tolist()
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
        """Yield nothing: no character is unfinished."""
        return iter(())


class FileCutter:
    """Adds up the passages of one file."""

    def __init__(self, file: str) -> None:
        """Begin a file."""
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
    """Return the likeliest characters at a place with their probabilities, if predicted."""
    if math.isnan(surprise.nats[place]):
        return ()
    ids, probs = surprise.best_ids[place], surprise.best_probs[place].tolist()
    # One by one: the end symbol decodes to the separator, which may have several characters.
    texts = (vocabulary.decode(ids[rank : rank + 1]) for rank in range(len(ids)))
    return tuple(zip(texts, probs, strict=True))
