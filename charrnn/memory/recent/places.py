"""Places of a text, and a hash table that finds the last place of a context.

Each kind of context has a part of the table to itself. A context takes the first slot, counted from
its hash, that is empty when it comes (linear probing).

Sizes: V vocabulary, P places, K kinds of context, M followers of each.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.memory.evidence import NUM_FOLLOWERS
from charrnn.memory.recent.contexts import NUM_KINDS, Hashes
from charrnn.text.vocabulary import Ids, smallest_dtype

NOWHERE = 0  # the place before the first; its contexts have the hash 0, and nothing follows

Indices = npt.NDArray[np.int32]  # places
Kinds = npt.NDArray[np.intp]
Slots = npt.NDArray[np.intp]

_SLOTS = 2  # of the table for each place and kind
_PROBES = np.arange(2, dtype=np.uint32)
_MORE_PROBES = np.arange(8, dtype=np.uint32)  # of few contexts: a second round would cost more
_KINDS = np.arange(NUM_KINDS)


class Places:
    """What is known of P places.

    Attributes:
        vocab_size: V.
        ids: The character after each place, V while that is not known, shape (P,).
        hashes: Its contexts, shape (P, K).
        followers: What followed each of its contexts, there and before, the latest first; V for
            none; shape (P, K, M).
        table: The last place of each context, found by its hash; ``NOWHERE`` in an empty slot.
    """

    def __init__(self, vocab_size: int, num_places: int) -> None:
        """Make room for places."""
        dtype = smallest_dtype(vocab_size + 1)
        self.vocab_size = vocab_size
        self.ids = np.full(num_places, vocab_size, dtype)
        self.hashes = np.zeros((num_places, NUM_KINDS), np.uint32)
        self.followers = np.full((num_places, NUM_KINDS, NUM_FOLLOWERS), vocab_size, dtype)
        self.table = np.zeros(num_places * _SLOTS * NUM_KINDS, np.int32)  # NOWHERE is 0

    def moved(self, begin: int, end: int, num_places: int) -> "Places":
        """Return room for another number of places, with some of these as its first ones."""
        places = Places(self.vocab_size, num_places)
        for name in ("ids", "hashes", "followers"):
            getattr(places, name)[1 : 1 + end - begin] = getattr(self, name)[begin:end]
        for kind, last in enumerate(self.table.reshape(NUM_KINDS, -1)):
            new = last[last >= begin] - (begin - 1)
            kinds = np.full(len(new), kind)
            places._insert(new, kinds, places._slots(places.hashes[new, kind], kinds))
        return places

    def followers_at(self, places: Indices) -> Ids:
        """Return what followed contexts that stood last at places, (..., K), shape (..., K, M)."""
        found: Ids = self.followers[places, _KINDS]
        return found

    def find(self, hashes: Hashes) -> Indices:
        """Return the last place of contexts, any shape, or ``NOWHERE``."""
        found: Indices = self.table[self._slots(hashes, _KINDS, _MORE_PROBES)]
        return found

    def settle(self, begin: int, end: int) -> tuple[Indices, Ids]:
        """Let the table know new places, whose hashes and characters are given.

        Returns:
            Where the contexts of each place stood last before, shape (end - begin, K), and what had
            followed, shape (end - begin, K, M).
        """
        hashes = self.hashes[begin:end]
        new, kinds = np.broadcast_arrays(np.arange(begin, end)[:, None], _KINDS)
        slots = self._slots(hashes, kinds)
        last: Indices = self.table[slots]
        found = self.followers_at(last)
        for kind in range(NUM_KINDS):
            self._settle_kind(kind, begin, end, last[:, kind], found[:, kind])
        self._insert(new.ravel(), kinds.ravel(), slots.ravel())
        self.followers[begin:end, :, 0] = self.ids[begin:end, None]
        self.followers[begin:end, :, 1:] = found[..., :-1]
        return last, found

    def _settle_kind(
        self, kind: int, begin: int, end: int, last: Indices, found: npt.NDArray[Any]
    ) -> None:
        """Let places that share a context of one kind know of one another.

        ``last``, (T,), and ``found``, (T, M), say where the context stood before the first of these
        places, and become what they are before each.
        """
        hashes = self.hashes[begin:end, kind]
        order = np.argsort(hashes, kind="stable")
        is_new = np.ones(len(order) + 1, np.bool_)
        is_new[1:-1] = np.diff(hashes[order]) != 0
        again = np.flatnonzero(~is_new[:-1])
        firsts = np.flatnonzero(is_new)[is_new.cumsum()[again] - 1]
        ranks = (again - firsts)[:, None]  # how many of these places come before
        steps = np.arange(NUM_FOLLOWERS)
        inside = self.ids[begin:end][order][np.maximum(again[:, None] - 1 - steps, 0)]
        before = np.take_along_axis(found[order[firsts]], np.maximum(steps - ranks, 0), axis=1)
        found[order[again]] = np.where(steps < ranks, inside, before)
        last[order[again]] = begin + order[again - 1]

    def _slots(
        self, hashes: Hashes, kinds: Kinds, probes: Hashes = _PROBES, skip: int = 0
    ) -> Slots:
        """Return where contexts, any shape, stand in the table, or else would; skip some slots.

        ``probes`` are the slots that are looked at in one round, counted from the first one.
        """
        size = len(self.table) // NUM_KINDS
        first, last = np.uint32(skip), np.uint32(size - 1)
        parts = kinds * size
        places = self.table[((hashes[..., None] + (first + probes)) & last) + parts[..., None]]
        is_it = (places == NOWHERE) | (self.hashes[places, kinds[..., None]] == hashes[..., None])
        steps = is_it.argmax(axis=-1).astype(np.uint32)
        slots: Slots = ((hashes + (first + steps)) & last) + parts
        is_found = np.logical_or.reduce(is_it, axis=-1)
        if not is_found.all():
            is_further = ~is_found
            kinds = np.broadcast_to(kinds, hashes.shape)[is_further]
            slots[is_further] = self._slots(hashes[is_further], kinds, probes, skip + len(probes))
        return slots

    def _insert(self, places: Slots | Indices, kinds: Kinds, slots: Slots) -> None:
        """Insert contexts into the table at the slots found for them.

        Equal contexts are given in order of place.
        """
        while len(places):
            self.table[slots] = places  # of several in one slot the last one stays
            stayed, hashes = self.table[slots], self.hashes[places, kinds]
            is_left = self.hashes[stayed, kinds] != hashes  # another context took the slot
            places, kinds = places[is_left], kinds[is_left]
            slots = self._slots(hashes[is_left], kinds)
