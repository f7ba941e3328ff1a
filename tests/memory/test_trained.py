"""What followed in the training text, against a search of it."""

from __future__ import annotations

import numpy as np
import pytest

from charrnn.memory.evidence import NUM_FOLLOWERS
from charrnn.memory.index import build_index
from charrnn.memory.trained import TRAINED_LENGTHS, followers, no_runs, read_step, read_text

SIZE = 3
TRAINED = np.random.default_rng(1).integers(0, SIZE, 3000)
IDS = np.concatenate([TRAINED[100:160], [0, 0, 1, 2] * 5, TRAINED[-40:]])
NUM_READ = np.arange(1, len(IDS) + 1)


def places_of(run: np.ndarray) -> list[int]:
    """Return the places after each occurrence of a run in the training text."""
    text, sought = TRAINED.tolist(), run.tolist()
    ends = range(len(sought), len(text) + 1)
    return [end for end in ends if text[end - len(sought) : end] == sought]


def test_followers_and_sizes_are_those_of_a_search() -> None:
    """Each context is found as often as it stands; few followers are all given, many a sample."""
    index = build_index(TRAINED, SIZE)
    runs = read_text(index, IDS, no_runs(index, 1), NUM_READ)
    found, sizes = followers(index, runs, NUM_READ)
    for place in range(len(IDS)):
        for kind, length in enumerate(TRAINED_LENGTHS):
            run = IDS[max(place + 1 - length, 0) : place + 1]
            places = places_of(run) if len(run) == length else []
            assert sizes[place, kind] == len(places)
            wanted = sorted(TRAINED[p] if p < len(TRAINED) else SIZE for p in places)
            given = sorted(found[:, place, kind].tolist())
            if len(places) <= NUM_FOLLOWERS:
                assert given == wanted + [SIZE] * (NUM_FOLLOWERS - len(wanted))
            else:
                assert set(given) <= set(wanted)


def test_many_followers_are_a_fair_sample() -> None:
    """On average, each character has the share of the sample that it has of all followers."""
    index = build_index(TRAINED, SIZE)
    num_read = np.arange(1, len(TRAINED) + 1)
    runs = read_text(index, TRAINED, no_runs(index, 1), num_read)
    found, _ = followers(index, runs, num_read)
    shares = [
        np.bincount(found[:, place, 0], minlength=SIZE + 1)[:SIZE] / NUM_FOLLOWERS
        - np.bincount(TRAINED[places_of(TRAINED[place - 3 : place + 1])[:-1]], minlength=SIZE)
        / len(places_of(TRAINED[place - 3 : place + 1])[:-1])
        for place in range(1000, 1300)
    ]
    assert np.abs(np.mean(shares, axis=0)).max() < 0.03


def test_many_followers_all_have_their_turn() -> None:
    """Over the places of a text, each follower is seen as often as any other."""
    trained = np.concatenate([np.zeros(900, np.int64), [1], np.zeros(60, np.int64), [2]])
    index = build_index(trained, SIZE)
    runs = read_text(index, trained[:100], no_runs(index, 1), np.arange(1, 101))[-1:]
    num_read = np.arange(1, 20_001)
    found, sizes = followers(index, np.repeat(runs, len(num_read), 0), num_read)
    for kind, length in enumerate(TRAINED_LENGTHS):
        size = 961 - 2 * (length - 1) - 1
        assert (sizes[:, kind] == size).all()
        for id in (1, 2):
            share = (found[..., kind] == id).mean()
            assert share * size == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("size", [1, 17])
def test_blocks_and_streams_find_the_same(size: int) -> None:
    """A text in blocks and character by character has the runs of the whole."""
    index = build_index(TRAINED, SIZE)
    whole = read_text(index, IDS, no_runs(index, 1), NUM_READ)
    runs, steps = no_runs(index, 1), no_runs(index, 2)
    for begin in range(0, len(IDS), size):
        part = slice(begin, begin + size)
        found = read_text(index, IDS[part], runs, NUM_READ[part])
        runs = found[-1:]
        assert (found[:, 1] - found[:, 0] == whole[part, 1] - whole[part, 0]).all()
    for place, id in enumerate(IDS):
        steps = read_step(index, np.array([id, IDS[-1 - place]]), steps)
        assert (steps[0, 1] - steps[0, 0] == whole[place, 1] - whole[place, 0]).all()


def test_a_context_does_not_reach_back_before_its_document() -> None:
    """Contexts are no longer than what the document has."""
    index = build_index(TRAINED, SIZE)
    runs = read_text(index, TRAINED[:20], no_runs(index, 1), np.arange(20) % 10 + 1)
    is_there = runs[:, 1] > runs[:, 0]
    for place in range(20):
        assert not is_there[place, place % 10 + 2 :].any()
        assert is_there[place, : place % 10 + 2].all()
