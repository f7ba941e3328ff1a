"""Places of a text, and a hash table that finds the last place of a context.

The table uses linear probing: a context stands in the first slot from its hash on that was empty
when it came. Its entry says where its hash is, place * K + kind, so a slot costs four bytes.

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
Slots = npt.NDArray[np.intp]

_SLOTS = 32  # of the table for each place
_PROBES = np.arange(4, dtype=np.uint32)
_KINDS = np.arange(NUM_KINDS)


class Places:
    """What is known of P places.

    Attributes:
        vocab_size: V.
        ids: The character after each place, V while that is not known, shape (P,).
        hashes: Its contexts, shape (P, K).
        followers: What followed each of its contexts, there and before, the latest first; V for
            none; shape (P, K, M).
        table: The last entry of each context, found by its hash; 0 for an empty slot.
    """

    def __init__(self, vocab_size: int, num_places: int) -> None:
        """Make room for places."""
        dtype = smallest_dtype(vocab_size + 1)
        self.vocab_size = vocab_size
        self.ids = np.full(num_places, vocab_size, dtype)
        self.hashes = np.zeros((num_places, NUM_KINDS), np.uint32)
        self.followers = np.full((num_places, NUM_KINDS, NUM_FOLLOWERS), vocab_size, dtype)
        self.table = np.zeros(num_places * _SLOTS, np.int32)

    def moved(self, begin: int, end: int, num_places: int) -> "Places":
        """Return room for another number of places, with some of these as its first ones."""
        places = Places(self.vocab_size, num_places)
        for name in ("ids", "hashes", "followers"):
            getattr(places, name)[1 : 1 + end - begin] = getattr(self, name)[begin:end]
        for kind in range(NUM_KINDS):
            _, last = np.unique(self.hashes[begin:end, kind][::-1], return_index=True)
            places._insert((end - begin - last) * NUM_KINDS + kind)
        return places

    def followers_at(self, places: Indices) -> Ids:
        """Return what followed contexts that stood last at places, (..., K), shape (..., K, M)."""
        found: Ids = self.followers[places, _KINDS]
        return found

    def find(self, hashes: Hashes, skip: int = 0) -> Indices:
        """Return the last place of contexts, any shape, or ``NOWHERE``; skip so many slots."""
        steps = _PROBES + np.uint32(skip)
        entries = self.table[(hashes[..., None] + steps) & np.uint32(len(self.table) - 1)]
        is_full = entries.all(axis=-1)
        entries *= self.hashes.reshape(-1)[entries] == hashes[..., None]
        found: Indices = entries.max(axis=-1) // NUM_KINDS
        is_further = is_full & (found == NOWHERE)
        if is_further.any():
            found[is_further] = self.find(hashes[is_further], skip + len(_PROBES))
        return found

    def settle(self, begin: int, end: int) -> tuple[Indices, Ids]:
        """Let the table know new places, whose hashes and characters are given.

        Returns:
            Where the contexts of each place stood last before, shape (end - begin, K), and what had
            followed, shape (end - begin, K, M).
        """
        hashes = self.hashes[begin:end]
        last = self.find(hashes)
        found = self.followers_at(last)
        for kind in range(NUM_KINDS):
            self._settle_kind(kind, begin, end, last[:, kind], found[:, kind])
        self.followers[begin:end, :, 0] = self.ids[begin:end, None]
        self.followers[begin:end, :, 1:] = found[..., :-1]
        return last, found

    def _settle_kind(
        self, kind: int, begin: int, end: int, last: Indices, found: npt.NDArray[Any]
    ) -> None:
        """Let places that share a context of one kind know of one another, and the table of all.

        ``last``, (T,), and ``found``, (T, M), say where the context stood before the first of these
        places, and become what they are before each.
        """
        hashes = self.hashes[begin:end, kind]
        order = np.argsort(hashes, kind="stable")
        is_new = np.ones(len(order) + 1, np.bool_)
        is_new[1:-1] = np.diff(hashes[order]) != 0
        self._insert((begin + order[is_new[1:]]) * NUM_KINDS + kind)
        again = np.flatnonzero(~is_new[:-1])
        firsts = np.flatnonzero(is_new)[is_new.cumsum()[again] - 1]
        ranks = (again - firsts)[:, None]  # how many of these places come before
        steps = np.arange(NUM_FOLLOWERS)
        inside = self.ids[begin:end][order][np.maximum(again[:, None] - 1 - steps, 0)]
        before = np.take_along_axis(found[order[firsts]], np.maximum(steps - ranks, 0), axis=1)
        found[order[again]] = np.where(steps < ranks, inside, before)
        last[order[again]] = begin + order[again - 1]

    def _insert(self, entries: Slots) -> None:
        """Insert entries of different contexts into the table."""
        table, skips = self.table, np.zeros(len(entries), np.uint32)
        while len(entries):
            hashes = self.hashes.reshape(-1)[entries]
            slots = ((hashes + skips)[:, None] + _PROBES) & np.uint32(len(table) - 1)
            known = table[slots]
            is_free = (known == 0) | (self.hashes.reshape(-1)[known] == hashes[:, None])
            slots = slots[np.arange(len(slots)), is_free.argmax(axis=1)]
            is_free = is_free.any(axis=1)
            table[slots[is_free]] = entries[is_free]
            skips[~is_free] += len(_PROBES)
            # Contexts that want the same slot try again, all but the last.
            is_left = table[slots] != entries
            entries, skips = entries[is_left], skips[is_left]
