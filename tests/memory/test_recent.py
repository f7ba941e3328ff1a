"""What followed a context before, against a dictionary of lists."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from charrnn.memory.evidence import NUM_FOLLOWERS
from charrnn.memory.recent import text as text_module
from charrnn.memory.recent.contexts import NUM_KINDS
from charrnn.memory.recent.text import RecentText

SIZE = 300  # of the vocabulary, so that ids take two bytes


def make_text(num: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return ids, and hashes of contexts that come again after any number of characters."""
    rng = np.random.default_rng(seed)
    names = np.random.default_rng(0).integers(0, 2**32, (501, NUM_KINDS), dtype=np.uint32)
    contexts = rng.zipf(1.3, (num, NUM_KINDS)).clip(max=500)
    return rng.integers(0, SIZE, num), names[contexts, np.arange(NUM_KINDS)]


def expected(ids, hashes):
    """Return followers and ages at each place, character by character."""
    known: dict[tuple[int, int], list[int]] = defaultdict(list)
    followers = np.full((len(ids), NUM_KINDS, NUM_FOLLOWERS), SIZE)
    ages = np.zeros((len(ids), NUM_KINDS), int)
    for place in range(len(ids)):
        for kind in range(NUM_KINDS):
            last = known[kind, hashes[place, kind]][: -NUM_FOLLOWERS - 1 : -1]
            followers[place, kind, : len(last)] = [ids[p + 1] for p in last]
            ages[place, kind] = place - last[0] if last else 0
        for kind in range(NUM_KINDS):
            known[kind, hashes[place, kind]].append(place)
    return followers, ages


def check(found, wanted, *, lost: float = 0.0) -> None:
    """Compare what was found with what was wanted, where anything was wanted."""
    is_equal = (found[0] == wanted[0]).all(-1) & ((found[1] == wanted[1]) | (wanted[1] == 0))
    is_known = wanted[1] > 0
    assert is_equal[~is_known].all()
    assert is_equal[is_known].sum() >= (1 - lost) * is_known.sum()


@pytest.mark.parametrize("size", [1, 3, 250, 1000])
def test_a_text_in_blocks(size: int) -> None:
    """Blocks of any size find what followed each context, and how long ago."""
    ids, hashes = make_text(1000)
    text, followers, ages = RecentText(SIZE), [], []
    for begin in range(0, len(ids), size):
        found = text.read(ids[begin : begin + size], hashes[begin : begin + size])
        followers.append(found.followers)
        ages.append(found.ages)
    check((np.concatenate(followers), np.concatenate(ages)), expected(ids, hashes), lost=0.005)


def test_a_long_text_forgets_its_older_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered was read within the limit, and all of the newer half is."""
    monkeypatch.setattr(text_module, "MAX_PLACES", 512)
    ids, hashes = make_text(2000)
    text = RecentText(SIZE)
    blocks = [text.read(ids[i : i + 100], hashes[i : i + 100]) for i in range(0, 2000, 100)]
    ages = np.concatenate([block.ages for block in blocks])
    followers = np.concatenate([block.followers for block in blocks])
    is_known = followers[..., 0] < SIZE
    assert ages[is_known].max() <= 512
    _, wanted = expected(ids, hashes)
    is_near = (wanted > 0) & (wanted < 256)
    assert (is_known & (ages == wanted))[is_near].mean() > 0.99
