"""The contexts whose followers are remembered: the last characters, words and lines.

A context is known by a hash, in which its kind counts too. The hash of the last characters comes
from a sum over them, from the last one, c_0, backwards, modulo 2^64:

    sum of digit(c_i) * P^i

For the others see ``lines``.

Sizes: B streams, T characters of a text, K kinds of context, S the longest length, R the length in
which a number is one figure, J values of a line.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.memory.recent.lines import KEYS, NUM_VALUES, START, Line, Lines
from charrnn.text.vocabulary import Ids, Vocabulary

LENGTHS = (2, 3, 4, 6, 8, 12, 24)  # so many last characters
SKIPS = ((2, 3, 4), (1, 3, 4))  # some of the last ones, counted back from 1
OUTLINE = 16  # so many last characters, in which a number is one figure: R
NUM_KINDS = len(LENGTHS) + len(SKIPS) + 1 + len(KEYS)

Hashes = npt.NDArray[np.uint32]
Sums = npt.NDArray[np.uint64]
Tails = npt.NDArray[Any]  # a ``Tail`` each

_SPAN = max(LENGTHS)  # S
_BASE = 0x9E3779B97F4A7C15  # P, odd, so that no digit is lost
_MIX = np.uint64(0xA0761D6478BD642F)
_HALF = np.uint64(32)  # bits


def _factors() -> Sums:
    """Return the factors of digits, outlines and values in the sum of each kind, (S + R + J, K)."""
    last, last_outline = _SPAN - 1, _SPAN + OUTLINE - 1  # the rows of the last character
    rows = {name: last_outline + 1 + value for value, name in enumerate(Line._fields[:NUM_VALUES])}
    rows["digit"] = last
    powers = [pow(_BASE, back, 1 << 64) for back in range(_SPAN)]
    columns = [{last - back: powers[back] for back in range(length)} for length in LENGTHS]
    columns += [{last + 1 - back: powers[back] for back in backs} for backs in SKIPS]
    columns += [{last_outline - back: powers[back] for back in range(OUTLINE)}]
    columns += [{rows[name]: factor for name, factor in key.items()} for key in KEYS.values()]
    factors = np.zeros((_SPAN + OUTLINE + NUM_VALUES, NUM_KINDS), np.uint64)
    for kind, column in enumerate(columns):
        factors[list(column), kind] = list(column.values())
    return factors


_FACTORS = _factors()
_SALTS = np.arange(1, NUM_KINDS + 1, dtype=np.uint64) * np.uint64(0xD6E8FEB86659FD93)


class Tail(NamedTuple):
    """The end of a text, on which its contexts depend.

    Attributes:
        digits: The last S characters, each as its id plus 1; 0 before the start.
        outline: The last R, with a number as one figure.
        line: Where the text stands.
    """

    digits: tuple[int, ...] = (0,) * _SPAN
    outline: tuple[int, ...] = (0,) * OUTLINE
    line: Line = START


NOTHING_READ = Tail()


class Contexts:
    """Hashes the contexts of texts over one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Find what the characters are."""
        self._lines = Lines(vocabulary)
        self._figure = vocabulary.size + 1  # the digit of all figures in an outline
        self._outlines = np.arange(vocabulary.size + 1)  # what each digit is in an outline
        self._outlines[self._lines.is_figure] = self._figure

    def step(self, ids: Ids, tails: Tails) -> tuple[Hashes, Tails]:
        """Read a character of each stream, ids of shape (B,).

        Returns:
            The hashes of the contexts after it, shape (B, K), and the tails after it.
        """
        after, values = np.empty_like(tails), []
        for row, (id, tail) in enumerate(zip(ids.tolist(), tails, strict=True)):
            after[row] = tail = self._after(tail, id + 1)
            values.append((*tail.digits, *tail.outline, *tail.line[:NUM_VALUES]))
        return _hash(np.array(values, np.uint64)), after

    def _after(self, tail: Tail, digit: int) -> Tail:
        """Return the tail after one more character."""
        digits, outline, line = NOTHING_READ if digit == self._lines.end else tail
        last = self._outlines.item(digit)
        if last != self._figure or outline[-1] != last:
            outline = (*outline[1:], last)
        return Tail((*digits[1:], digit), outline, self._lines.read(line, digit))

    def read(self, ids: Ids, tail: Tail) -> tuple[Hashes, Tail]:
        """Read characters of a text, shape (T,).

        Returns:
            The hashes of the contexts after each, shape (T, K), and the tail after all.
        """
        digits = ids.astype(np.int64) + 1
        spans = self._spans(tail.digits, digits)[1:]
        last = self._outlines[digits]
        is_new = (last != self._figure) | (np.append(tail.outline[-1], last[:-1]) != self._figure)
        outlines = self._spans(tail.outline, last[is_new])[is_new.cumsum()]
        line = tail.line
        values: list[Any] = []
        for digit in digits.tolist():
            line = self._lines.read(line, digit)
            values += line[:NUM_VALUES]
        of_lines = np.array(values, np.uint64).reshape(len(ids), NUM_VALUES)
        hashes = _hash(np.concatenate([spans, outlines, of_lines], axis=1))
        return hashes, Tail(tuple(spans[-1].tolist()), tuple(outlines[-1].tolist()), line)

    def _spans(self, before: tuple[int, ...], digits: npt.NDArray[np.int64]) -> Sums:
        """Return the last digits before and after each of some, shape (1 + n, S or R)."""
        text = np.concatenate([before, digits]).astype(np.uint64)
        spans = np.lib.stride_tricks.sliding_window_view(text, len(before))
        if self._lines.end:  # nothing stands before a document
            is_end = spans == self._lines.end
            spans = np.where(np.cumsum(is_end[:, ::-1], axis=1)[:, ::-1] - is_end > 0, 0, spans)
        return spans


def _hash(values: Sums) -> Hashes:
    """Return the hashes of contexts, (N, K), from digits, outlines and values, (N, S + R + J)."""
    keys = values @ _FACTORS
    keys += _SALTS
    keys ^= keys >> _HALF
    keys *= _MIX
    keys >>= _HALF
    return keys.astype(np.uint32)
