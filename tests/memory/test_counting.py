"""Counts of a text, held against a dictionary of every context, written out."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from charrnn.memory import counting
from charrnn.memory.counting import count_followers
from charrnn.memory.counts import Counts, hash_contexts, powers

Followers = dict[tuple[int, ...], Counter[int]]


def some_text(length, vocab_size, seed=0):
    """Return a text in which some runs come often, shape (N,)."""
    rng = np.random.default_rng(seed)
    words = [rng.integers(0, vocab_size, rng.integers(1, 6)) for _ in range(20)]
    chosen = rng.zipf(1.5, length).clip(max=len(words)) - 1
    return np.concatenate([words[number] for number in chosen])[:length].astype(np.uint8)


def written_out(ids, max_context, end_id=None, least=2) -> Followers:
    """Return what follows each context that comes often enough."""
    found: Followers = defaultdict(Counter)
    ids = ids.tolist()
    for place, follower in enumerate(ids):
        for length in range(min(max_context, place) + 1):
            context = tuple(ids[place - length : place])
            if end_id not in context[1:]:
                found[context][follower] += 1
    return {context: n for context, n in found.items() if n.total() >= least or not context}


def digest(context) -> int:
    """Return the hash of one context."""
    digits = np.array(context[::-1], np.uint64) + np.uint64(1)
    return int(hash_contexts((digits * powers(len(context))).sum(keepdims=True))[0])


def unpacked(counts: Counts) -> dict[int, dict[int, int]]:
    """Return the followers of each context by its hash."""
    ends = np.cumsum(counts.kinds, dtype=np.int64)
    return {
        int(context): dict(
            zip(
                counts.followers[end - kinds : end].tolist(),
                counts.times[end - kinds : end].tolist(),
                strict=True,
            )
        )
        for context, kinds, end in zip(
            counts.contexts, counts.kinds.astype(int), ends.tolist(), strict=True
        )
    }


@pytest.mark.parametrize("end_id", [None, 2])
@pytest.mark.parametrize("max_context", [1, 3, 8])
@pytest.mark.parametrize("length", [1, 2, 9, 200])
def test_all_that_comes_twice_is_counted(length, max_context, end_id):
    """Every context of up to K characters, none that reaches back over the end of a document.

    The empty context is counted in any text.
    """
    ids = some_text(length, 5)
    expected = written_out(ids, max_context, end_id)
    found = unpacked(count_followers(ids, 5, max_context, end_id))
    assert found == {digest(context): times for context, times in expected.items()}


def test_a_character_that_comes_very_often_leaves_the_others_their_part():
    """Of 3,000 to 30 to 1, which do not fit a byte, 255 to 2 to 1 are kept."""
    ids = np.array([0] * 3000 + [1] * 30 + [2], np.uint8)
    np.random.default_rng(0).shuffle(ids)
    times = unpacked(count_followers(ids, 3, 1, None))[0]
    assert times == {0: 255, 1: 2, 2: 1}


def test_of_a_long_text_parts_from_all_over_it_are_counted(monkeypatch):
    """Whatever is only at its start, in its middle or at its end is known."""
    monkeypatch.setattr(counting, "_STRETCH_CHARS", 500)
    ids = np.repeat(np.arange(10, dtype=np.uint8), 3000)
    times = unpacked(count_followers(ids, 10, 1, None, 4000))[0]
    assert set(times) >= {0, 4, 9}
    assert len(times) >= 7


def test_what_is_rare_in_a_long_text_is_left_out(monkeypatch):
    """A context is kept if it occurs once in ``RARE`` characters."""
    monkeypatch.setattr(counting, "RARE", 50)
    ids = some_text(500, 4)
    expected = written_out(ids, 4, least=10)
    found = unpacked(count_followers(ids, 4, 4, None))
    assert found == {digest(context): times for context, times in expected.items()}


def test_a_text_in_which_nothing_comes_twice_has_counts_all_the_same():
    """The empty context comes once for each character."""
    counts = count_followers(np.arange(4, dtype=np.uint8), 4, 8, None)
    assert unpacked(counts) == {0: {0: 1, 1: 1, 2: 1, 3: 1}}


@pytest.mark.parametrize("vocab_size", [255, 256, 257, 3000])
def test_vocabularies_of_all_sizes(vocab_size):
    """A context may be followed by every character there is."""
    ids = np.tile(np.arange(vocab_size, dtype=np.uint16), 2)
    counts = count_followers(ids, vocab_size, 1, None)
    assert unpacked(counts)[0] == dict.fromkeys(range(vocab_size), 2)
    again = Counts.from_arrays(1, vocab_size, counts.to_arrays())
    assert unpacked(again) == unpacked(counts)


def test_the_number_of_threads_changes_nothing(monkeypatch):
    """Parts are counted in any order, and come to the same."""
    monkeypatch.setattr(counting, "_PART_CHARS", 100)
    ids = some_text(2000, 9)
    one, many = (count_followers(ids, 9, 4, None, num_threads=n).to_arrays() for n in (1, 4))
    for name, array in one.items():
        np.testing.assert_array_equal(array, many[name])
