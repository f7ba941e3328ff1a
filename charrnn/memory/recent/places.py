"""Places of a text, and hash tables that find the last place of a context.

A table is an array of places. A context can stand in a few slots, from its hash on, as in hashing
with linear probing. A new context without an empty slot takes that of the oldest one.

Sizes: V vocabulary, P places, K kinds of context, M followers of each.
"""

import numpy as np
import numpy.typing as npt

from charrnn.memory.evidence import NUM_FOLLOWERS
from charrnn.memory.recent.contexts import NUM_KINDS, Hashes
from charrnn.text.vocabulary import Ids, smallest_dtype

FIRST_PLACES = 256
SLOTS = 16  # of a table for each place
NOWHERE = 0  # the place before the first; its contexts have the hash 0

Indices = npt.NDArray[np.int32]  # places
Slots = npt.NDArray[np.intp]

_PROBES = np.arange(4, dtype=np.uint32)
_KINDS = np.arange(NUM_KINDS)


class Places:
    """What is known of P places.

    Attributes:
        vocab_size: V.
        followers: The character after each place, V while that is not known, shape (P,).
        before: What followed each of its contexts before, the latest first, V for none, shape (P,
            K, M).
        hashes: Its contexts, shape (P, K).
    """

    def __init__(self, vocab_size: int, num_places: int) -> None:
        """Make room for places."""
        dtype = smallest_dtype(vocab_size + 1)
        self.vocab_size = vocab_size
        self.followers = np.full(num_places, vocab_size, dtype)
        self.before = np.full((num_places, NUM_KINDS, NUM_FOLLOWERS), vocab_size, dtype)
        self.hashes = np.zeros((num_places, NUM_KINDS), np.uint32)

    def copy(self, source: "Places", begin: int, end: int, to: int) -> None:
        """Take over some places of others, to begin at ``to``."""
        for name in ("followers", "before", "hashes"):
            getattr(self, name)[to : to + end - begin] = getattr(source, name)[begin:end]

    def after(self, places: Indices) -> Ids:
        """Return what followed contexts that stood last at places, (..., K), shape (..., K, M)."""
        found = np.empty((*places.shape, NUM_FOLLOWERS), self.before.dtype)
        found[..., 0] = self.followers[places]
        found[..., 1:] = self.before[places, _KINDS, :-1]
        return found

    def find(
        self,
        table: Indices,
        hashes: Hashes,
        kinds: Slots = _KINDS,
        *,
        num_slots: int | None = None,
        offsets: Slots | int = 0,
    ) -> tuple[Indices, Slots]:
        """Find contexts in a table, or each in its own of several tables.

        Args:
            table: The table, or tables one after another.
            hashes: The contexts, shape (..., K).
            kinds: The kind of each, shape (K,).
            num_slots: The size of each table, a power of two; by default there is one.
            offsets: Where the table of each context begins.

        Returns:
            The last place of each context, or ``NOWHERE``; and the slot where a new place of it
            belongs; both of shape (..., K).
        """
        last_slot = np.uint32((num_slots or len(table)) - 1)
        slots = ((hashes[..., None] + _PROBES) & last_slot) + offsets
        places = table[slots]
        is_same = self.hashes[places, kinds[:, None]] == hashes[..., None]
        best = np.where(is_same, 1, -places).argmax(axis=-1)[..., None]
        found = np.take_along_axis(places * is_same, best, axis=-1)[..., 0]
        return found, np.take_along_axis(slots, best, axis=-1)[..., 0]

    def insert(self, table: Indices, places: Slots, kinds: Slots) -> None:
        """Insert some contexts, each a place and a kind, into a table."""
        for _ in _PROBES:  # contexts that want the same slot try again, all but the last
            _, slots = self.find(table, self.hashes[places, kinds], kinds)
            table[slots] = places
            is_lost = table[slots] != places
            if not is_lost.any():
                break
            places, kinds = places[is_lost], kinds[is_lost]

    def table(self, begin: int, end: int, num_slots: int) -> Indices:
        """Return a table of the contexts of some places."""
        table = np.zeros(num_slots, np.int32)
        for kind in _KINDS:
            _, last = np.unique(self.hashes[begin:end, kind][::-1], return_index=True)
            self.insert(table, end - 1 - last, np.full(len(last), kind))
        return table
