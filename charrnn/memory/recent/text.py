"""What was read of a text since its start: where each context stood before, and what followed.

A hash table knows the last place of each context, as in the window of a compressor (P. Deutsch,
DEFLATE, RFC 1951, section 4), and each place what had followed its contexts.

Sizes: N contexts, T characters of a block, K kinds of context, M followers of each, P places.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.memory.evidence import NUM_FOLLOWERS
from charrnn.memory.recent.contexts import NUM_KINDS, Hashes
from charrnn.memory.recent.places import Places
from charrnn.text.vocabulary import Ids, smallest_dtype

FIRST_PLACES = 256
MAX_PLACES = 1 << 19  # of a longer text the older half is forgotten


class Earlier(NamedTuple):
    """What followed some contexts before.

    Attributes:
        followers: The last M, the latest first; V for none; shape (N, K, M).
        ages: How many characters ago each context last stood, shape (N, K).
    """

    followers: Ids
    ages: npt.NDArray[np.int64]


@cache  # the same at each step
def nothing_earlier(vocab_size: int, num_contexts: int) -> Earlier:
    """Return what followed N contexts of each kind of which nothing was read; read-only arrays."""
    shape = num_contexts, NUM_KINDS
    followers = np.full((*shape, NUM_FOLLOWERS), vocab_size, smallest_dtype(vocab_size + 1))
    ages = np.zeros(shape, np.int64)
    followers.flags.writeable = ages.flags.writeable = False
    return Earlier(followers, ages)


class RecentText:
    """A text that is read in blocks.

    Attributes:
        size: The number of places, P; the first is ``NOWHERE``.
        places: The places.
    """

    def __init__(self, vocab_size: int) -> None:
        """Start a text."""
        self.size = 1
        self.places = Places(vocab_size, FIRST_PLACES)

    def read(self, ids: Ids, hashes: Hashes) -> Earlier:
        """Read a block, shape (T,); ``hashes`` has the contexts after each character, (T, K)."""
        self._make_room(len(ids))
        self.know_next(int(ids[0]))
        begin, end = self.size, self.size + len(ids)
        self.places.ids[begin : end - 1] = ids[1:]
        self.places.hashes[begin:end] = hashes
        last, found = self.places.settle(begin, end)
        self.size = end
        return Earlier(found, np.arange(begin, end)[:, None] - last)

    def know_next(self, id: int) -> None:
        """Take the character after the last place."""
        if self.size > 1:
            self.places.ids[self.size - 1] = self.places.followers[self.size - 1, :, 0] = id

    def _make_room(self, num_chars: int) -> None:
        """Make room for more places; forget old ones if they are too many."""
        drop, room = 0, len(self.places.ids)
        if self.size + num_chars > MAX_PLACES:
            drop = max(self.size - MAX_PLACES // 2, 0)
        while room < self.size - drop + num_chars:
            room *= 2
        if drop == 0 and room == len(self.places.ids):
            return
        self.places = self.places.moved(1 + drop, self.size, room)
        self.size -= drop
