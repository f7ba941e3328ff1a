"""The contexts whose followers are remembered: the last characters, words and lines.

A context is known by a hash, in which its kind counts too. The hash of the last characters comes
from a sum over them, from the last one, c_0, backwards, modulo 2^64:

    sum of digit(c_i) * P^i

For the others see ``lines``.

Sizes: B streams, T characters of a text, K kinds of context, S the longest length, R the length in
which a number is one figure, J keys of lines.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.memory.recent.line_block import read_block
from charrnn.memory.recent.lines import NUM_KEYS, START, Lines
from charrnn.text.vocabulary import Ids, Vocabulary

LENGTHS = (2, 3, 4, 6, 8, 12, 24)  # so many last characters
SKIPS = ((2, 3, 4), (1, 3, 4))  # some of the last ones, counted back from 1
OUTLINE = 16  # so many last characters, in which a number is one figure: R
NUM_KINDS = len(LENGTHS) + len(SKIPS) + 1 + NUM_KEYS

Hashes = npt.NDArray[np.uint32]
Sums = npt.NDArray[np.uint64]

_SPAN = max(LENGTHS)  # S
_BASE = 0x9E3779B97F4A7C15  # P, odd, so that no digit is lost
_MIX = np.uint64(0xA0761D6478BD642F)
_HALF = np.uint64(32)  # bits


def _factors() -> Sums:
    """Return what digits, those of the outline and keys count in each sum, (S + R + J, K)."""
    factors = np.zeros((_SPAN + OUTLINE + NUM_KEYS, NUM_KINDS), np.uint64)
    for kind, length in enumerate(LENGTHS):
        for back in range(length):
            factors[_SPAN - 1 - back, kind] = pow(_BASE, back, 1 << 64)
    for kind, backs in enumerate(SKIPS, len(LENGTHS)):
        for back in backs:
            factors[_SPAN - back, kind] = pow(_BASE, back, 1 << 64)
    for back in range(OUTLINE):
        factors[_SPAN + OUTLINE - 1 - back, -1 - NUM_KEYS] = pow(_BASE, back, 1 << 64)
    factors[_SPAN + OUTLINE :, -NUM_KEYS:] = np.eye(NUM_KEYS, dtype=np.uint64)
    return factors


_FACTORS = _factors()
_SALTS = np.arange(1, NUM_KINDS + 1, dtype=np.uint64) * np.uint64(0xD6E8FEB86659FD93)


class ContextState(NamedTuple):
    """What the contexts depend on, for B streams.

    Attributes:
        digits: The last characters, each id and one more; 0 before the start; shape (B, S).
        outline: The same, where a number is one figure, shape (B, R).
        lines: Where each text stands, a ``Line`` each, shape (B,).
    """

    digits: Sums
    outline: Sums
    lines: npt.NDArray[Any]


class Contexts:
    """Hashes the contexts of texts over one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Find what the characters are."""
        self._end_digit = 0 if vocabulary.end_id is None else vocabulary.end_id + 1
        self.lines = Lines(vocabulary)
        self._figure = np.uint64(vocabulary.size + 1)  # the digit of all figures in an outline
        self._outlines = np.arange(1, vocabulary.size + 1, dtype=np.uint64)
        self._outlines[self.lines.is_figure[1:]] = self._figure

    def start(self, num_streams: int) -> ContextState:
        """Return the state before the first character."""
        lines = np.empty(num_streams, object)
        lines[:] = [START] * num_streams
        digits, outline = (np.zeros((num_streams, size), np.uint64) for size in (_SPAN, OUTLINE))
        return ContextState(digits, outline, lines)

    def step(self, ids: Ids, state: ContextState) -> tuple[Hashes, ContextState]:
        """Read a character of each stream, shape (B,), but no end of a document.

        Returns:
            The hashes of the contexts after it, shape (B, K), and the state after it.
        """
        last = self._outlines[ids]
        is_on = (last == self._figure) & (state.outline[:, -1] == self._figure)
        outline = np.where(is_on[:, None], state.outline, _shifted(state.outline, last))
        digits = _shifted(state.digits, ids.astype(np.uint64) + np.uint64(1))
        lines, keys = np.empty_like(state.lines), []
        for row, (id, line) in enumerate(zip(ids.tolist(), state.lines, strict=True)):
            lines[row] = line = self.lines.read(id + 1, line)
            keys.append(self.lines.keys(id + 1, line))
        hashes = _hash(digits, outline, np.array(keys, np.uint64))
        return hashes, ContextState(digits, outline, lines)

    def read(self, ids: Ids, state: ContextState) -> tuple[Hashes, ContextState]:
        """Read characters of a text, shape (T,); the state is of one stream.

        Returns:
            The hashes of the contexts after each, shape (T, K), and the state after all.
        """
        digits = ids.astype(np.int64) + 1
        spans = self._spans(state.digits[0], digits.astype(np.uint64))
        outlines = np.concatenate([state.outline[0, -1:], self._outlines[ids]])
        is_new = (outlines[1:] != self._figure) | (outlines[:-1] != self._figure)
        outlines = self._spans(state.outline[0], outlines[1:][is_new])
        outlines = outlines[is_new.cumsum()]
        keys, line = read_block(self.lines, digits, state.lines[0], self._end_digit)
        after = self.start(1)
        after.lines[0] = line
        state = ContextState(spans[-1:].copy(), outlines[-1:].copy(), after.lines)
        return _hash(spans[1:], outlines, keys), state

    def _spans(self, before: Sums, digits: Sums) -> Sums:
        """Return the last digits before and after each of some, shape (1 + n, S or R)."""
        spans = np.lib.stride_tricks.sliding_window_view(
            np.concatenate([before, digits]), len(before)
        )
        if self._end_digit:  # nothing stands before a document
            is_end = spans == self._end_digit
            spans = np.where(np.cumsum(is_end[:, ::-1], axis=1)[:, ::-1] - is_end > 0, 0, spans)
        return spans


def _shifted(digits: Sums, last: Sums) -> Sums:
    """Return digits, shape (B, n), without the first and with another last one, shape (B,)."""
    return np.concatenate([digits[:, 1:], last[:, None]], axis=1)


def _hash(*digits: Sums) -> Hashes:
    """Return the hashes of contexts, shape (N, K), of digits, outlines and keys of N places."""
    keys = np.concatenate(digits, axis=1) @ _FACTORS
    keys += _SALTS
    keys ^= keys >> _HALF
    keys *= _MIX
    keys >>= _HALF
    return keys.astype(np.uint32)
