"""The index of a text against plain searches of that text."""

from __future__ import annotations

import numpy as np
import pytest

from charrnn.memory import index as index_module
from charrnn.memory.index import Index, build_index
from charrnn.memory.suffix_sort import sort_by_context

TEXTS = {
    "empty": (0, 3),
    "one": (1, 1),
    "repeated": (300, 1),
    "two characters": (500, 2),
    "four": (2000, 4),
    "many": (3000, 300),
}


def some_ids(count, size, seed=0):
    """Return random ids."""
    return np.random.default_rng(seed).integers(0, size, count)


@pytest.mark.parametrize(("count", "size"), TEXTS.values(), ids=TEXTS)
def test_places_are_sorted_by_what_stands_before_them(count, size):
    """The order is that of Python's ``sorted`` for the reversed contexts."""
    ids = some_ids(count, size)
    expected = sorted(range(count + 1), key=lambda place: ids[:place][::-1].tolist())
    assert sort_by_context(ids, size).tolist() == expected


@pytest.mark.parametrize(("count", "size"), TEXTS.values(), ids=TEXTS)
def test_an_index_holds_its_text(count, size):
    """It can be read back, also where only stretches of it are remembered."""
    ids = some_ids(count, size)
    np.testing.assert_array_equal(build_index(ids, size).text(), ids)
    cut = build_index(ids, size, max_chars=max(count // 3, 1)).text()
    stretches = "".join(map(chr, cut)).split(chr(size))
    assert all(stretch in "".join(map(chr, ids)) for stretch in stretches)


def test_a_text_that_repeats_itself_is_sorted():
    """Contexts that tie for thousands of characters are distinguished."""
    ids = np.tile(some_ids(97, 5), 40)
    order = sort_by_context(ids, 5)
    ranks = np.argsort(order)
    pairs = np.random.default_rng(1).integers(1, len(ids) + 1, (500, 2))
    for one, other in pairs.tolist():
        contexts = ids[:one][::-1].tolist(), ids[:other][::-1].tolist()
        assert (ranks[one] < ranks[other]) == (contexts[0] < contexts[1])


@pytest.mark.parametrize("size", [1, 2, 7, 300])
def test_a_run_is_found_as_often_as_it_stands_in_the_text(size):
    """The rows of a run are as many as its places, and hold what follows there."""
    ids = some_ids(1500, size)
    index = build_index(ids, size)
    rng = np.random.default_rng(2)
    for _ in range(100):
        begin = rng.integers(0, len(ids))
        run = ids[begin : begin + rng.integers(1, 12)].tolist()
        run[-1] = int(rng.integers(0, size))  # sometimes it stands nowhere
        bounds = np.array([0, index.num_rows])
        for id in run:
            bounds = index.extend(bounds, id)
        expected = [
            ids[end] if end < len(ids) else size
            for end in range(len(run), len(ids) + 1)
            if ids[end - len(run) : end].tolist() == run
        ]
        assert sorted(index.followers[bounds[0] : bounds[1]].tolist()) == sorted(expected)


def test_a_character_outside_the_vocabulary_is_nowhere():
    """A run with an unknown character has no rows."""
    index = build_index(some_ids(100, 5), 5)
    first, last = index.extend(np.array([0, index.num_rows]), -1)
    assert first == last


def test_large_vocabularies_do_not_overflow():
    """Ids of 32 bits, of which id times rows takes more, are found where they stand."""
    ids = np.random.default_rng(1).permutation(60_000).astype(np.int32)
    index = build_index(ids, 60_000)
    bounds = index.extend(np.array([[0] * 60_000, [index.num_rows] * 60_000]), ids)
    assert (bounds[1] - bounds[0] == 1).all()
    assert (index.followers[bounds[0, :-1]] == ids[1:]).all()


def test_of_a_long_text_blocks_from_all_over_it_are_kept(monkeypatch):
    """A limit keeps as many characters, from the beginning, the middle and the end."""
    monkeypatch.setattr(index_module, "BLOCK_CHARS", 100)
    ids = np.arange(10_000)
    index = build_index(ids, len(ids), 1000)
    kept = np.sort(index.followers[index.followers < len(ids)])
    assert len(kept) == 1000
    assert (kept[0], kept[-1]) == (0, 9999)
    assert np.diff(kept).max() < 1100
    # No run goes from one block to the next.
    cut = kept[:-1][np.diff(kept) > 1]
    for id in cut.tolist():
        bounds = index.extend(np.array([0, index.num_rows]), id)
        assert index.followers[bounds[0] : bounds[1]].tolist() == [len(ids)]


def test_any_ids_are_an_index_of_something():
    """Bounds stay within the rows whatever a file holds."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        followers = rng.integers(0, 5, rng.integers(1, 200)).astype(np.uint8)
        followers[rng.integers(0, len(followers))] = 4
        index = Index(followers, 4)
        bounds = np.array([0, index.num_rows])
        for id in rng.integers(-1, 4, 50).tolist():
            bounds = index.extend(bounds, id)
            assert 0 <= bounds[0] <= bounds[1] <= index.num_rows


@pytest.mark.parametrize(
    "followers",
    [
        np.zeros(0, np.uint8),
        np.zeros(5, np.uint8),
        np.full(5, 9, np.uint8),
        np.full(5, 4, np.int64),
        np.full((5, 1), 4, np.uint8),
        np.full(5, True),
    ],
    ids=["empty", "endless", "too large", "wide", "table", "booleans"],
)
def test_what_is_no_index_is_refused(followers):
    """The wrong type, shape or range is an error."""
    with pytest.raises(ValueError, match="index"):
        Index(followers, 4)
