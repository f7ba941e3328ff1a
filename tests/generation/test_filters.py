"""Filters and penalties: exact cases, and laws on random logits."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest

from charrnn.errors import ConfigError
from charrnn.generation.filters import (
    filters_of,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    penalise_repeats,
)
from charrnn.generation.params import SamplingParams, StopCriteria
from charrnn.generation.sampling import draw, log_probs

NEVER = -np.inf
PROBS = [0.1, 0.4, 0.2, 0.2, 0.1]
FILTERS = {
    **{f"top-k {k}": partial(keep_top_k, count=k) for k in (1, 2, 7, 100)},
    **{f"top-p {p}": partial(keep_top_p, mass=p) for p in (0.0, 0.3, 0.9, 0.999)},
    **{f"min-p {p}": partial(keep_min_p, share=p) for p in (1e-9, 0.1, 0.9, 1.0)},
}


@pytest.fixture(params=FILTERS.values(), ids=FILTERS.keys())
def keep(request):
    """Each filter in turn, at several settings."""
    return request.param


def kept_of(keep, probs=PROBS):
    """Return the ids that a filter keeps of characters with some probabilities."""
    (logits,) = keep(np.log(np.array([probs])))
    return [id for id, logit in enumerate(logits) if logit > NEVER]


def some_logits(dtype=np.float32):
    """Return random logits: one in five is forbidden, and some are tied."""
    rng = np.random.default_rng(8)
    logits = (3 * rng.normal(size=(40, 30))).round(1)
    logits[rng.random(logits.shape) < 0.2] = NEVER
    return logits.astype(dtype)


@pytest.mark.parametrize(
    ("count", "kept"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [0, 1, 2, 3]), (9, [*range(5)])]
)
def test_top_k_keeps_the_likeliest(count, kept):
    """Exactly ``count`` characters remain; ties go to the lowest id."""
    assert kept_of(partial(keep_top_k, count=count)) == kept


@pytest.mark.parametrize(
    ("mass", "kept"),
    [(0.0, [1]), (0.39, [1]), (0.41, [1, 2]), (0.61, [1, 2, 3]), (0.85, [0, 1, 2, 3])],
)
def test_top_p_keeps_the_fewest_that_suffice(mass, kept):
    """The fewest likeliest characters that reach the mass remain."""
    assert kept_of(partial(keep_top_p, mass=mass)) == kept


@pytest.mark.parametrize(
    ("share", "kept"), [(0.2, [*range(5)]), (0.3, [1, 2, 3]), (0.6, [1]), (1.0, [1])]
)
def test_min_p_keeps_a_share_of_the_best(share, kept):
    """Characters with the share of the highest probability remain."""
    assert kept_of(partial(keep_min_p, share=share)) == kept


def test_min_p_of_one_keeps_all_the_best():
    """All characters tied for the highest probability remain."""
    assert kept_of(partial(keep_min_p, share=1.0), [0.4, 0.2, 0.4]) == [0, 2]


def test_what_is_kept_is_kept_as_it_is(keep):
    """A filter keeps a logit unchanged or drops it, and leaves its argument alone."""
    logits = some_logits()
    before = logits.copy()
    after = keep(logits)
    assert after.dtype == logits.dtype
    np.testing.assert_array_equal(logits, before)
    assert ((after == logits) | (after == NEVER)).all()


def test_the_likeliest_character_is_always_left(keep):
    """The likeliest candidate remains; ties go to the lowest id."""
    logits = some_logits()
    rows = np.arange(len(logits))
    best = logits.argmax(axis=-1)
    assert (keep(logits)[rows, best] == logits[rows, best]).all()


def test_the_likeliest_are_kept_first(keep):
    """Every dropped character is at most as likely as every kept one."""
    for before, after in zip(some_logits(), keep(some_logits()), strict=True):
        taken = before[(after == NEVER) & (before > NEVER)]
        assert taken.max(initial=NEVER) <= before[after > NEVER].min()


def test_a_constant_changes_nothing(keep):
    """Adding a constant to all logits keeps the same characters."""
    logits = some_logits(np.float64)
    np.testing.assert_array_equal(keep(logits + 64) == NEVER, keep(logits) == NEVER)


def test_a_filter_sees_each_sample_alone(keep):
    """Filtering a row does not depend on the other rows."""
    logits = some_logits()
    for row, alone in zip(keep(logits), logits, strict=True):
        np.testing.assert_array_equal(keep(alone[None])[0], row)


def test_what_is_left_sums_to_one(keep):
    """The probabilities of the remaining characters sum to 1."""
    probs = np.exp(log_probs(keep(some_logits())))
    np.testing.assert_allclose(probs.sum(axis=-1), 1, rtol=0, atol=1e-13)


def test_draws_are_of_what_is_left(keep):
    """Only remaining characters are drawn, at any temperature."""
    logits = keep(some_logits())
    rngs = [np.random.default_rng(row) for row in range(len(logits))]
    for temperature in (0.0, 0.01, 1.0, 1e6):
        chosen = draw(logits, [temperature] * len(rngs), rngs)
        assert (logits[np.arange(len(logits)), chosen] > NEVER).all()


def test_filters_act_in_their_order():
    """Top-k comes first, top-p acts on the rest, and min-p comes last."""
    params = SamplingParams(top_k=3, top_p=0.6, min_p=0.4)
    assert [keep.func for keep in filters_of(params)] == [keep_top_k, keep_top_p, keep_min_p]
    logits = np.log(np.array([PROBS]))
    for keep in filters_of(SamplingParams(top_k=3, top_p=0.74)):
        logits = keep(logits)
    # Of 0.4, 0.2 and 0.2 the first two have three quarters; of all five they have less.
    assert (logits[0] > NEVER).tolist() == [False, True, True, False, False]


def test_no_filter_is_none():
    """No filter is active by default."""
    assert filters_of(SamplingParams()) == []


@pytest.mark.parametrize("penalty", [0.5, 2.0, 10.0])
def test_a_penalty_divides_probabilities(penalty):
    """The penalty divides the probabilities of recent characters."""
    logits = np.log(np.array([PROBS, PROBS]))
    (first, second) = np.exp(penalise_repeats(logits, [[1, 1, 3], []], penalty))
    np.testing.assert_allclose(first, np.array(PROBS) / [1, penalty, 1, penalty, 1], rtol=1e-12)
    np.testing.assert_allclose(second, PROBS, rtol=1e-12)


def test_a_penalty_does_not_see_a_constant():
    """Penalties depend on probabilities, not on a constant in the logits."""
    logits = some_logits(np.float64)
    recent = [[row % 30, 3] for row in range(len(logits))]
    found = [log_probs(penalise_repeats(logits + shift, recent, 3.0)) for shift in (0, 64)]
    np.testing.assert_allclose(*found, rtol=0, atol=1e-12)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1])
@pytest.mark.parametrize("name", ["temperature", "top_p", "min_p", "repeat_penalty"])
def test_numbers_that_are_not_finite_and_positive_are_refused(name, bad):
    """The error names the parameter of the library."""
    with pytest.raises(ConfigError, match=f"^`{name}`: "):
        SamplingParams(**{name: bad})


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": ()},
        {"temperature": (1, -1)},
        {"top_k": -1},
        {"repeat_last_n": -1},
        {"repeat_penalty": 0.0},
        {"top_p": 1.5},
        {"min_p": 2.0},
    ],
    ids=str,
)
def test_values_out_of_range_are_refused(values):
    """An error about a value names its parameter."""
    (name,) = values
    with pytest.raises(ConfigError, match=f"^`{name}`: "):
        SamplingParams(**values)


@pytest.mark.parametrize(
    "values",
    [{"length": -2}, {"stop": ("a", "")}, {"stop": ""}, {"stop": "a", "match": "b"}],
    ids=str,
)
def test_impossible_stop_criteria_are_refused(values):
    """The error names a parameter that cannot be met."""
    with pytest.raises(ConfigError, match=f"^`{next(iter(values))}`"):
        StopCriteria(**values)


@pytest.mark.parametrize(
    ("stop", "stops"), [("Ab", ("Ab",)), (["A", "b"], ("A", "b")), ((), ())], ids=str
)
def test_a_string_is_one_stop_text(stop, stops):
    """A string is one stop text, not one for each of its characters."""
    assert StopCriteria(stop=stop).stops == stops


def test_every_filter_is_the_likeliest_at_its_end():
    """The strictest filters draw what temperature 0 draws."""
    logits = some_logits()
    strictest = [partial(keep_top_k, count=1), partial(keep_top_p, mass=0.0)]
    for keep, seed in itertools.product(strictest, range(3)):
        rngs = [np.random.default_rng(seed)] * len(logits)
        expected = draw(logits, [0.0] * len(logits), rngs)
        np.testing.assert_array_equal(draw(keep(logits), [1.0] * len(logits), rngs), expected)
