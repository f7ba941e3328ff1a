"""Estimates how much of a text is copied verbatim from the training text.

The model file holds a sketch of the training text, not the text, so the numbers are estimates; each
states in which direction it can be wrong.

Sizes: N characters, L characters in a block of the sketch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.memory.hash_set import Hashes
from charrnn.memory.sketch import GRAM_CHARS, RunHashes, Sketch
from charrnn.text.vocabulary import Ids

CHANCE = 0.001
"""Maximum probability of reporting a copied passage in a text that has none."""

_PIECE = 1 << 15  # characters per look-up

_Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Novelty:
    """How much of a text occurs in the training text.

    Attributes:
        chars: Number of characters in the text.
        grams_checked: Number of its 20-grams that the sketch samples.
        grams_found: Number of these that occur in the training text.
        longest: Lower bound on the longest copied passage, in characters; 0 if none was found.
        longest_limit: Upper bound on the longest copied passage, in characters.
    """

    chars: int
    grams_checked: int
    grams_found: int
    longest: int
    longest_limit: int

    @property
    def copied_share(self) -> float | None:
        """The share of 20-grams found in the training text, 0 to 1; None if none was checked."""
        return self.grams_found / self.grams_checked if self.grams_checked else None

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as an object."""
        return {
            "copied_share": self.copied_share,
            "grams_checked": self.grams_checked,
            "longest_copied": self.longest,
            "longest_copied_limit": self.longest_limit,
        }

    def line(self) -> str:
        """Return the numbers as one line."""
        if self.copied_share is None:
            return f"copied: too short to tell, {self._passage()}"
        return (
            f"copied: about {self.copied_share:.0%} of the {GRAM_CHARS}-grams "
            f"({self.grams_found:,} of {self.grams_checked:,} checked), {self._passage()}"
        )

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the numbers as table rows: (name, value, note)."""
        share = "-" if self.copied_share is None else f"{self.copied_share:.4f}"
        return [
            (f"copied {GRAM_CHARS}-grams", share, ""),
            ("longest copied", f"{self.longest:,}", ""),
            ("longest possible", f"{self.longest_limit:,}", ""),
        ]

    def _passage(self) -> str:
        """Describe the longest copied passage."""
        if not self.longest:
            return f"no passage of more than {self.longest_limit:,} characters"
        if self.longest >= self.longest_limit:
            return f"a passage of {self.longest:,} characters"
        return f"a passage of {self.longest:,} to {self.longest_limit:,} characters"


class CopySearch:
    """Searches a text, in parts of any size, for passages of the training text.

    A copied passage appears as a chain of blocks, one stride apart. A 20-gram that is missing from
    the training text breaks the chain, because the sketch has no false negatives.
    """

    def __init__(self, sketch: Sketch, unknown_id: int | None = None) -> None:
        """Start a text.

        Args:
            sketch: Sketch of the training text.
            unknown_id: The id of the unknown symbol, if the text may hold it; no copied passage
                contains it.
        """
        self._sketch = sketch
        self._unknown_id = -1 if unknown_id is None else unknown_id
        self._num_read = self._num_waiting = 0
        self._waiting: list[npt.NDArray[np.int64]] = []  # batches small reads
        self._tail = np.zeros(0, np.int64)  # characters that may start a block
        self._checked = self._found = 0
        self._misses = np.zeros(0, np.int64)  # recent places of grams that are not in the sketch
        self._chains = _Chains.empty()  # chains that may continue
        self._longest_chain = 0
        self._has_repeats = False

    def read(self, ids: Ids) -> None:
        """Read the next characters.

        Args:
            ids: Any number of characters; -1 for a character outside the vocabulary.
        """
        for begin in range(0, len(ids), _PIECE):
            piece = ids[begin : begin + _PIECE].astype(np.int64)
            piece[piece == self._unknown_id] = -1
            self._waiting.append(piece)
            self._num_waiting += len(piece)
            if self._num_waiting >= _PIECE:
                self._read_waiting()

    def result(self) -> Novelty:
        """Return the estimates for the text so far."""
        self._read_waiting()
        sketch, chars, blocks = self._sketch, self._num_read, self._longest_chain
        length = sketch.block_chars
        tests = max(chars - length + 1, 0)
        longest = 0
        if blocks and tests * sketch.blocks.false_positive_rate**blocks <= CHANCE:
            longest = length + (blocks - 1) * sketch.stride
        if _tail(self._found, self._checked * sketch.grams.false_positive_rate) <= CHANCE:
            longest = max(longest, GRAM_CHARS)
        # A passage of n + 1 strides and a block, less one character, has n + 1 whole blocks.
        limit = (blocks + 1) * sketch.stride + length - 2
        limit = chars if self._has_repeats else min(limit, chars)
        return Novelty(chars, self._checked, self._found, longest, limit)

    def _read_waiting(self) -> None:
        """Look up the grams and blocks that end in the waiting characters."""
        sketch, length = self._sketch, self._sketch.block_chars
        first = self._num_read - len(self._tail)
        ids = np.concatenate([self._tail, *self._waiting])
        self._waiting, self._num_waiting = [], 0
        hashes = RunHashes(ids)
        next_gram = max(self._num_read - GRAM_CHARS + 1, 0)
        grams = hashes.of(GRAM_CHARS, start=next_gram - first)
        sampled = np.flatnonzero(sketch.are_sampled(grams))
        found = sketch.grams.contain(grams[sampled])
        self._checked += len(sampled)
        self._found += int(found.sum())
        self._misses = np.concatenate([self._misses, next_gram + sampled[~found]])
        self._read_blocks(hashes.of(length), first)
        self._num_read = first + len(ids)
        self._tail = ids[max(len(ids) - length + 1, 0) :]
        oldest = (
            self._num_read - len(self._tail) - sketch.stride
        )  # the oldest place that a later block needs
        self._misses = self._misses[self._misses >= oldest]
        self._chains = self._chains.where(self._chains.ends >= oldest)

    def _read_blocks(self, blocks: Hashes, first: int) -> None:
        """Extend chains by blocks, given as hashes; the first one is at place ``first``."""
        stride, last_gram = self._sketch.stride, self._sketch.block_chars - GRAM_CHARS
        hits = np.flatnonzero(self._sketch.blocks.contain(blocks))
        ends = hits + first
        is_whole = self._none_missing(ends, ends + last_gram)
        hits, ends = hits[is_whole], ends[is_whole]
        if len(hits) == 0:
            return
        before = len(self._chains.ends)
        chains = self._chains.join(_Chains(ends, ends, blocks[hits]))
        order = np.lexsort((chains.ends, chains.ends % stride))
        chains, is_old = chains.where(order), order < before
        ends, hashes = chains.ends, chains.hashes
        follows = np.zeros(len(ends), np.bool_)
        follows[1:] = (ends[1:] - ends[:-1] == stride) & ~is_old[1:]
        follows &= self._none_missing(ends - stride, ends + last_gram)
        # Equal consecutive blocks, as in a line of dashes, do not show how many were copied.
        is_repeat = follows.copy()
        is_repeat[1:] &= hashes[1:] == hashes[:-1]
        self._has_repeats |= bool(is_repeat.any())
        heads = np.where(follows & ~is_repeat, 0, np.arange(len(ends)))
        starts = chains.starts[np.maximum.accumulate(heads)]
        self._longest_chain = max(self._longest_chain, int(((ends - starts) // stride).max()) + 1)
        self._chains = _Chains(starts, ends, hashes)

    def _none_missing(self, first: _Places, last: _Places) -> npt.NDArray[np.bool_]:
        """Return whether the sketch lacks no gram that starts in ``first`` to ``last``."""
        misses = self._misses
        none: npt.NDArray[np.bool_] = np.searchsorted(misses, first) == np.searchsorted(
            misses, last, side="right"
        )
        return none


def _tail(count: int, expected: float) -> float:
    """Return Chernoff's bound on the upper tail of a Poisson distribution.

    Args:
        count: Number of events.
        expected: Mean number of events.
    """
    if count <= expected:
        return 1.0
    if expected == 0:
        return 0.0
    return math.exp(count - expected + count * math.log(expected / count))


@dataclass(frozen=True)
class _Chains:
    """Chains of blocks: places of their first and last blocks, and hashes of the last ones."""

    starts: _Places
    ends: _Places
    hashes: Hashes

    @classmethod
    def empty(cls) -> _Chains:
        """Return no chains."""
        places = np.zeros(0, np.int64)
        return cls(places, places, np.zeros(0, np.uint64))

    def where(self, chosen: npt.NDArray[Any]) -> _Chains:
        """Return some of the chains, by index or by mask."""
        return _Chains(self.starts[chosen], self.ends[chosen], self.hashes[chosen])

    def join(self, other: _Chains) -> _Chains:
        """Return these chains followed by others."""
        return _Chains(
            np.concatenate([self.starts, other.starts]),
            np.concatenate([self.ends, other.ends]),
            np.concatenate([self.hashes, other.hashes]),
        )
