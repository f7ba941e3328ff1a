"""Predictions of counts, held against the formula written out in plain Python."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from charrnn.memory import context_model
from charrnn.memory.context_model import KIND_WEIGHT, ContextModel
from charrnn.memory.counting import count_followers
from charrnn.memory.counts import Counts

TEXT = np.random.default_rng(0).zipf(1.6, 3000).clip(max=6) - 1  # six characters
OTHER = np.random.default_rng(1).zipf(1.6, (3, 40)).clip(max=6) - 1


@pytest.fixture(params=[1, 2, 4])
def counts(request) -> Counts:
    """Counts of a text of six characters, in a vocabulary of eight."""
    return count_followers(TEXT.astype(np.uint8), 8, request.param, None)


def expected(before, max_context) -> np.ndarray:
    """Return the probability of each character after some others, by Witten and Bell."""
    probs = np.full(8, 1 / 8)
    text = TEXT.tolist()
    for length in range(min(max_context, len(before)) + 1):
        context = list(before[len(before) - length :])
        places = range(length, len(text))
        times = Counter(text[place] for place in places if text[place - length : place] == context)
        if times.total() < 2:
            break
        if max(times.values()) > 255:
            most = max(times.values())
            times = Counter({c: max(n * 255 // most, 1) for c, n in times.items()})
        rest = KIND_WEIGHT * len(times)
        probs = np.array([(times[c] + rest * probs[c]) / (times.total() + rest) for c in range(8)])
    return probs


def test_a_prediction_is_that_of_the_formula(counts):
    """After each character of a text, from its first on."""
    model = ContextModel(counts)
    found, _ = model.read(OTHER.astype(np.uint8), model.no_context(len(OTHER)))
    for row, stream in enumerate(OTHER.tolist()):
        for step in range(len(stream)):
            np.testing.assert_allclose(
                found[row, step], expected(stream[: step + 1], counts.max_context), rtol=1e-5
            )


def test_windows_are_one_text(counts, monkeypatch):
    """However a text is cut, and however few predictions are computed at once."""
    model = ContextModel(counts)
    whole, after = model.read(OTHER, model.no_context(3))
    monkeypatch.setattr(context_model, "MAX_CELLS", 24)
    context, parts = model.no_context(3), []
    for begin, end in [(0, 1), (1, 2), (2, 9), (9, 40)]:
        probs, context = model.read(OTHER[:, begin:end], context)
        parts.append(probs)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    np.testing.assert_array_equal(context, after)


def test_probabilities_add_up_to_one(counts):
    """Whatever came before; a character that never came has some."""
    model = ContextModel(counts)
    probs, _ = model.read(np.arange(8)[:, None], model.no_context(8))
    np.testing.assert_allclose(probs.sum(-1), 1, rtol=1e-6)
    assert (probs > 0).all()


def test_without_the_empty_context_all_characters_are_alike(counts):
    """Counts of a stranger need not have it."""
    first = int(counts.kinds[0])
    fewer = dataclasses.replace(
        counts,
        contexts=counts.contexts[1:],
        kinds=counts.kinds[1:],
        followers=counts.followers[first:],
        times=counts.times[first:],
    )
    model = ContextModel(fewer)
    probs, _ = model.read(np.array([[7]]), model.no_context(1))
    np.testing.assert_allclose(probs, 1 / 8)


@pytest.mark.parametrize(
    "change",
    [
        lambda counts: {"contexts": counts.contexts[::-1]},
        lambda counts: {"contexts": counts.contexts[:-1]},
        lambda counts: {"contexts": counts.contexts.astype(np.int64)},
        lambda counts: {"contexts": counts.contexts[:0], "kinds": counts.kinds[:0]},
        lambda counts: {"kinds": np.zeros_like(counts.kinds)},
        lambda counts: {"kinds": counts.kinds.astype(np.uint16)},
        lambda counts: {"kinds": counts.kinds[None]},
        lambda counts: {"followers": counts.followers[:-1]},
        lambda counts: {"followers": counts.followers + np.uint8(8)},
        lambda counts: {"times": counts.times * np.uint8(0)},
        lambda counts: {"times": counts.times[1:]},
        lambda _: {"share": 1.5},
        lambda _: {"share": float("nan")},
    ],
)
def test_parts_that_do_not_fit_are_refused(counts, change):
    """One part of good counts at a time is another."""
    with pytest.raises(ValueError, match="its counts"):
        dataclasses.replace(counts, **change(counts))


def test_arrays_that_are_no_counts_are_refused(counts):
    """What a file must have, and no more."""
    arrays = counts.to_arrays()
    for wrong in (
        {**arrays, "more": arrays["times"]},
        {name: array for name, array in arrays.items() if name != "kinds"},
        {**arrays, "share": np.zeros(2)},
        {**arrays, "share": np.zeros(1, np.float32)},
    ):
        with pytest.raises(ValueError, match="its counts"):
            Counts.from_arrays(counts.max_context, 8, wrong)
    again = Counts.from_arrays(counts.max_context, 8, arrays)
    assert again.share == counts.share


def test_the_last_id_of_a_byte_is_one_like_others():
    """Ids as a corpus has them, in the smallest type: 255 and one more does not fit it."""
    text = np.tile(np.array([255, 7, 0, 9], np.uint8), 50)
    model = ContextModel(count_followers(text, 256, 2, None))
    probs, _ = model.read(np.array([[255]], np.uint8), model.no_context(1))
    assert probs[0, 0].argmax() == 7
