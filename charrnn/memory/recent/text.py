"""What was read of a text since its start: where each context stood before, and what followed.

A hash table knows the last place of each context, as in the window of a compressor (P. Deutsch,
DEFLATE, RFC 1951, section 4), and each place what had followed its contexts before.

Sizes: T characters of a block, K kinds of context, M followers of each, P places.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.memory.evidence import NUM_FOLLOWERS
from charrnn.memory.recent.contexts import NUM_KINDS, Hashes
from charrnn.memory.recent.places import FIRST_PLACES, SLOTS, Indices, Places
from charrnn.text.vocabulary import Ids

MAX_PLACES = 1 << 19  # of a longer text the older half is forgotten


class Earlier(NamedTuple):
    """What followed some contexts before.

    Attributes:
        followers: The last M, the latest first; V for none; shape (N, K, M).
        ages: How many characters ago each context last stood, shape (N, K).
    """

    followers: Ids
    ages: npt.NDArray[np.int64]


class RecentText:
    """A text that is read in blocks.

    Attributes:
        size: The number of places, P; the first is ``NOWHERE``.
        places: The places.
        table: The last place of each context.
    """

    def __init__(self, vocab_size: int) -> None:
        """Start a text."""
        self.size = 1
        self.places = Places(vocab_size, FIRST_PLACES)
        self.table = np.zeros(FIRST_PLACES * SLOTS, np.int32)

    def read(self, ids: Ids, hashes: Hashes) -> Earlier:
        """Read a block, shape (T,); ``hashes`` has the contexts after each character, (T, K)."""
        self._make_room(len(ids))
        places, begin, end = self.places, self.size, self.size + len(ids)
        places.followers[max(begin - 1, 1) : end - 1] = ids[begin == 1 :]
        places.hashes[begin:end] = hashes
        last, _ = places.find(self.table, hashes)
        found = places.after(last)
        for kind in range(NUM_KINDS):
            self._read_kind(kind, ids, hashes[:, kind], last[:, kind], found[:, kind])
        places.before[begin:end] = found
        self.size = end
        return Earlier(found, np.arange(begin, end)[:, None] - last)

    def _read_kind(
        self, kind: int, ids: Ids, hashes: Hashes, last: Indices, found: npt.NDArray[Any]
    ) -> None:
        """Let places of a block that share a context know of one another.

        Args:
            kind: The kind of context.
            ids: The block, shape (T,).
            hashes: The contexts after each character, shape (T,).
            last: Where each context stood before the block, shape (T,); becomes where it stood
                before each place.
            found: What had followed it there, shape (T, M); likewise.
        """
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        is_first = np.append(True, ordered[1:] != ordered[:-1])
        ends = order[np.append(is_first[1:], True)]  # the last places of their contexts
        self.places.insert(self.table, self.size + ends, np.full(len(ends), kind))
        again = np.flatnonzero(~is_first)
        firsts = np.flatnonzero(is_first)[is_first.cumsum()[again] - 1]
        ranks = (again - firsts)[:, None]  # how many places of the block come before
        followers = np.append(ids[1:], 0)[order]  # the last place has none, but comes before none
        steps = np.arange(NUM_FOLLOWERS)
        inside = followers[np.maximum(again[:, None] - 1 - steps, 0)]
        before = np.take_along_axis(found[order[firsts]], np.maximum(steps - ranks, 0), axis=1)
        found[order[again]] = np.where(steps < ranks, inside, before)
        last[order[again]] = self.size + order[again - 1]

    def _make_room(self, num_chars: int) -> None:
        """Make room for more places; forget old ones if they are too many."""
        drop, room = 0, len(self.places.followers)
        if self.size + num_chars > MAX_PLACES:
            drop = max(self.size - MAX_PLACES // 2, 0)
        while room < self.size - drop + num_chars:
            room *= 2
        if drop == 0 and room == len(self.places.followers):
            return
        old, self.places = self.places, Places(self.places.vocab_size, room)
        self.places.copy(old, 1 + drop, self.size, 1)
        self.size -= drop
        self.table = self.places.table(1, self.size, room * SLOTS)
