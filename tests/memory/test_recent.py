"""What followed a context before, against a dictionary of lists."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from charrnn.memory.evidence import NUM_FOLLOWERS
from charrnn.memory.recent import streams as streams_module
from charrnn.memory.recent import text as text_module
from charrnn.memory.recent.contexts import NUM_KINDS
from charrnn.memory.recent.streams import RecentStreams
from charrnn.memory.recent.text import RecentText

SIZE = 300  # of the vocabulary, so that ids take two bytes


def make_text(num: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return ids, and hashes of contexts that come again after any number of characters."""
    rng = np.random.default_rng(seed)
    names = np.random.default_rng(0).integers(0, 2**32, (501, NUM_KINDS), dtype=np.uint32)
    contexts = rng.zipf(1.3, (num, NUM_KINDS)).clip(max=500)
    return rng.integers(0, SIZE, num), names[contexts, np.arange(NUM_KINDS)]


def expected(ids, hashes, *, delay: int = 0, shared: int = 0, kept: int = 10**9):
    """Return followers and ages at each place, character by character.

    Places from ``shared`` on are remembered after a delay, all others at once.
    """
    known: dict[tuple[int, int], list[int]] = defaultdict(list)
    followers = np.full((len(ids), NUM_KINDS, NUM_FOLLOWERS), SIZE)
    ages = np.zeros((len(ids), NUM_KINDS), int)
    for place in range(len(ids)):
        for kind in range(NUM_KINDS):
            places = [p for p in known[kind, hashes[place, kind]] if place - p <= kept]
            last = places[: -NUM_FOLLOWERS - 1 : -1]
            followers[place, kind, : len(last)] = [ids[p + 1] for p in last]
            ages[place, kind] = place - last[0] if last else 0
        due = place if place < shared else place - delay
        if place < shared or due >= shared:
            for kind in range(NUM_KINDS):
                known[kind, hashes[due, kind]].append(due)
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


@pytest.mark.parametrize("delay", [0, 40])
@pytest.mark.parametrize("shared", [1, 300])
def test_streams_go_on_from_a_text(
    delay: int, shared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stream finds what the text and, after a delay, it itself has had."""
    monkeypatch.setattr(streams_module, "DELAY", delay)
    monkeypatch.setattr(streams_module, "SETTLE_CHARS", 1)
    common, common_hashes = make_text(shared)
    own = [make_text(400, seed) for seed in (2, 3)]
    text = RecentText(SIZE)
    if shared > 1:
        text.read(common[:-1], common_hashes[:-1])
    streams = RecentStreams(text, int(common[-1]), 5)
    numbers = np.array([3, 1])
    streams.start(numbers)
    whole = [np.concatenate([common, ids]) for ids, _ in own]
    keys = [np.concatenate([common_hashes, hashes]) for _, hashes in own]
    found = [
        streams.read(
            numbers,
            np.array([ids[place] for ids in whole]),
            np.array([hashes[place] for hashes in keys]),
        )
        for place in range(shared - 1, shared + 400)
    ]
    for row in range(2):
        wanted = expected(whole[row], keys[row], delay=delay, shared=shared - 1)
        wanted = tuple(part[shared - 1 :] for part in wanted)
        followers = np.array([each.followers[row] for each in found])
        ages = np.array([each.ages[row] for each in found])
        check((followers, ages), wanted, lost=0.03)


def test_a_stream_that_starts_anew_knows_nothing_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Streams are used again, and others are not disturbed."""
    monkeypatch.setattr(streams_module, "DELAY", 0)
    monkeypatch.setattr(streams_module, "SETTLE_CHARS", 1)
    ids, hashes = make_text(600)
    streams = RecentStreams(RecentText(SIZE), 0, 2)
    both = np.array([0, 1])
    streams.start(both)
    for place in range(300):
        streams.read(both, ids[[place, place]], hashes[[place, place]])
    streams.start(both[:1])
    wanted = expected(ids, hashes)
    for place in range(300, 400):
        again = streams.read(both, ids[[place - 300, place]], hashes[[place - 300, place]])
        alone = tuple(part[place - 300] for part in wanted)
        check((again.followers[0], again.ages[0]), alone, lost=0.2)


def test_a_stream_forgets_the_older_half_of_what_it_wrote(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long it writes, its memory stays as large, and is right."""
    monkeypatch.setattr(streams_module, "DELAY", 0)
    monkeypatch.setattr(streams_module, "SETTLE_CHARS", 1)
    monkeypatch.setattr(streams_module, "MAX_WRITTEN", 512)
    ids, hashes = make_text(1500)
    streams = RecentStreams(RecentText(SIZE), 0, 1)
    number = np.array([0])
    streams.start(number)
    _, wanted = expected(ids, hashes)
    found = [streams.read(number, ids[[p]], hashes[[p]]) for p in range(len(ids))]
    ages = np.array([each.ages[0] for each in found])
    is_known = np.array([each.followers[0, :, 0] < SIZE for each in found])
    assert ages[is_known].max() <= 512
    is_near = (wanted > 0) & (wanted < 256)
    assert (is_known & (ages == wanted))[is_near].mean() > 0.97
