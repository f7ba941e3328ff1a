"""The hash table of places against a dictionary."""

from __future__ import annotations

import numpy as np
import pytest

from charrnn.memory.recent.contexts import NUM_KINDS
from charrnn.memory.recent.places import NOWHERE, Places

NUM_PLACES = 512


@pytest.mark.parametrize("size", [1, 50, NUM_PLACES - 1])
def test_the_last_place_of_every_context_is_found(size: int) -> None:
    """However full the table is, whatever else wants the same slots, and in blocks of any size."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(1, 1 << 32, (NUM_PLACES, NUM_KINDS), np.uint32)
    hashes[:, ::3] &= np.uint32(0xFFFFFFC0)  # these want few slots
    hashes[rng.integers(0, NUM_PLACES, 200)] = hashes[:200]
    hashes[:, 1] = np.roll(hashes[:, 0], 7)  # kinds do not know one another
    places = Places(9, NUM_PLACES)
    places.hashes[1:], places.ids[1:] = hashes[1:], 3
    known: dict[tuple[int, int], int] = {}
    for begin in range(1, NUM_PLACES, size):
        end = min(begin + size, NUM_PLACES)
        last, _ = places.settle(begin, end)
        for place in range(begin, end):
            for kind, hash in enumerate(hashes[place].tolist()):
                assert last[place - begin, kind] == known.get((kind, hash), NOWHERE)
                known[kind, hash] = place
    never = rng.integers(1, 1 << 32, (40, NUM_KINDS), np.uint32)
    assert not places.find(never).any()
