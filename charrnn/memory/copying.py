"""Finds what a text has copied verbatim from the training text, with an index of that text.

Sizes: N characters, M runs, V vocabulary.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.memory.index import Index
from charrnn.text.vocabulary import Ids, Vocabulary

GRAM_CHARS = 20
MAX_RUNS = 4096  # a text of one repeated character has as many runs as characters

_BLOCK_CHARS = 1 << 15  # characters searched together


@dataclass(frozen=True)
class Novelty:
    """How much of a text stands in the training text, as far as the model remembers that text.

    Attributes:
        chars: Number of characters in the text.
        num_copied: Number of its 20-grams that stand in the training text.
        longest: Length of the longest passage that stands there.
    """

    chars: int
    num_copied: int
    longest: int

    @property
    def num_grams(self) -> int:
        """The number of 20-grams in the text."""
        return max(self.chars - GRAM_CHARS + 1, 0)

    @property
    def copied_share(self) -> float | None:
        """The share of copied 20-grams, 0 to 1; None if the text has none."""
        return self.num_copied / self.num_grams if self.num_grams else None

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as an object."""
        return {
            "copied_share": self.copied_share,
            "grams_checked": self.num_grams,
            "longest_copied": self.longest,
        }

    def line(self) -> str:
        """Return the numbers as one line."""
        words = f"longest passage {self.longest:,} characters"
        if self.copied_share is not None:
            numbers = f"{self.num_copied:,} of {self.num_grams:,}"
            words = f"{self.copied_share:.1%} of the {GRAM_CHARS}-grams ({numbers}), {words}"
        return f"copied: {words}"

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the numbers as table rows: (name, value, note)."""
        share = "-" if self.copied_share is None else f"{self.copied_share:.4f}"
        return [
            (f"copied {GRAM_CHARS}-grams", share, ""),
            ("longest copied", f"{self.longest:,}", "characters"),
        ]


class CopiedRuns:
    """The runs at the end of what was read that stand in the training text.

    Runs that stand at the same places count as one, the longest of them.

    Attributes:
        lengths: Characters in each run, the longest first, shape (M,); the last run is empty.
        bounds: Where each run stands; see ``Index.extend``; shape (2, M).
    """

    def __init__(self, index: Index) -> None:
        """Start before the first character."""
        self._index = index
        self._none = np.array([[0], [index.num_rows]])
        self.lengths = np.zeros(1, np.int64)
        self.bounds = self._none

    @property
    def longest(self) -> int:
        """Characters in the longest run."""
        return int(self.lengths[0])

    def read(self, id: int) -> None:
        """Read a character."""
        bounds = np.concatenate([self._index.extend(self.bounds, id), self._none], axis=1)
        sizes = bounds[1] - bounds[0]
        is_kept = sizes > 0
        is_kept[1:] &= sizes[1:] != sizes[:-1]
        self.lengths = np.append(self.lengths + 1, 0)[is_kept][-MAX_RUNS:]
        self.bounds = bounds[:, is_kept][:, -MAX_RUNS:]

    def followers(self, length: int) -> npt.NDArray[np.unsignedinteger]:
        """Return what follows the last ``length`` characters in the training text, with repeats."""
        if length > self.lengths[0]:
            return self._index.followers[:0]
        row = len(self.lengths) - 1 - int(np.searchsorted(self.lengths[::-1], length))
        first, last = self.bounds[:, row]
        return self._index.followers[first:last]


class CopySearch:
    """Searches a text, in parts of any size, for passages of the training text."""

    def __init__(self, index: Index, unknown_id: int | None = None) -> None:
        """Start a text. No copied passage contains the unknown symbol."""
        self._index = index
        self._unknown_id = -1 if unknown_id is None else unknown_id
        self._waiting: list[npt.NDArray[np.int64]] = []  # batches small reads
        self._num_waiting = 0
        self._tail = np.zeros(0, np.int64)  # the characters before those
        self._chars = self._num_copied = self._longest = 0
        self._runs: CopiedRuns | None = None  # if the last 20-gram was copied

    def read(self, ids: Ids) -> None:
        """Read any number of characters; -1 is one outside the vocabulary."""
        for begin in range(0, len(ids), _BLOCK_CHARS):
            block = ids[begin : begin + _BLOCK_CHARS].astype(np.int64)
            block[block == self._unknown_id] = -1
            self._waiting.append(block)
            self._num_waiting += len(block)
            if self._num_waiting >= _BLOCK_CHARS:
                self._search()

    def result(self) -> Novelty:
        """Return what was found in the text so far."""
        self._search()
        return Novelty(self._chars, self._num_copied, self._longest)

    def _search(self) -> None:
        """Search the waiting characters."""
        num_before = len(self._tail)
        ids = np.concatenate([self._tail, *self._waiting])
        self._chars += len(ids) - num_before
        self._waiting, self._num_waiting = [], 0
        self._tail = ids[max(len(ids) - GRAM_CHARS + 1, 0) :]
        ends = self._copied_grams(ids)  # of the tail none, which is too short for one
        self._num_copied += len(ends)
        if self._runs is not None and not (len(ends) and ends[0] == num_before):
            self._runs = None
        for stretch in np.split(ends, np.flatnonzero(np.diff(ends) > 1) + 1):
            if len(stretch):
                self._follow(ids, int(stretch[0]), int(stretch[-1]))
        if not (len(ends) and ends[-1] == len(ids) - 1):
            self._runs = None

    def _copied_grams(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        """Return where the copied 20-grams end; note how long the longest shorter copy is."""
        bounds = np.broadcast_to([[0], [self._index.num_rows]], (2, len(ids)))
        ends = np.arange(len(ids))  # of the copied runs of ``length - 1`` characters
        for length in range(1, GRAM_CHARS + 1):
            bounds = self._index.extend(bounds, ids[ends])
            is_copied = bounds[1] > bounds[0]
            if is_copied.any():
                self._longest = max(self._longest, length)
            # A run ends where the one before it, of one character less, ended, and one further on.
            is_copied[ends == len(ids) - 1] &= length == GRAM_CHARS
            bounds, ends = bounds[:, is_copied], ends[is_copied] + (length < GRAM_CHARS)
        return ends

    def _follow(self, ids: npt.NDArray[np.int64], first: int, last: int) -> None:
        """Find the longest passage among 20-grams that end at ``first`` to ``last``."""
        if self._runs is None or first > GRAM_CHARS - 1:
            self._runs = CopiedRuns(self._index)
            first -= GRAM_CHARS - 1
        for id in ids[first : last + 1].tolist():
            self._runs.read(id)
            self._longest = max(self._longest, self._runs.longest)


def search_text(search: CopySearch, vocabulary: Vocabulary, text: str) -> Novelty:
    """Search a text that is given as a string, with the ends of its documents."""
    from charrnn.corpus.documents import cut_documents, insert_ends  # sampling starts sooner

    for part, ends in cut_documents([vocabulary.from_user(text)], vocabulary.separator):
        search.read(insert_ends(vocabulary.look_up(part), ends, vocabulary.end_id))
    return search.result()
