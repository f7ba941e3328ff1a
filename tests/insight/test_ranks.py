"""Rank statistics against their definitions."""

from __future__ import annotations

import numpy as np

from charrnn.insight.features import Feature
from charrnn.insight.ranks import feature_columns, guess_from_last, scores, unit_ranks

RNG = np.random.default_rng(0)
NUM = 300


def score(units, feature):
    """Return the scores of units for a feature."""
    columns = feature_columns([feature], slice(0, len(feature.values)))
    return scores(unit_ranks(units), columns)[:, 0]


def test_the_score_of_a_flag_is_that_of_all_pairs():
    """2 AUC - 1, with ties, which count half."""
    units = RNG.integers(-4, 5, (NUM, 3)).astype(np.float16) / 4
    flags = (RNG.random(NUM) < 0.3).astype(np.float32)
    ones, zeros = units[flags > 0].astype(float), units[flags == 0].astype(float)
    pairs = np.sign(ones[:, None] - zeros[None]).mean(axis=(0, 1))
    np.testing.assert_allclose(score(units, Feature("", flags)), pairs, atol=1e-5)


def test_the_score_of_a_number_is_the_correlation_of_ranks():
    """Without ties of the unit it is Spearman's."""
    units = RNG.permutation(NUM).astype(np.float16)[:, None] / 8
    numbers = RNG.integers(0, 9, NUM).astype(np.float32)

    def ranks(values):
        return np.array([(values < v).sum() + (values == v).sum() / 2 for v in values])

    expected = np.corrcoef(ranks(units[:, 0].astype(float)), ranks(numbers))[0, 1]
    feature = Feature("", numbers, is_number=True)
    np.testing.assert_allclose(score(units, feature)[0], expected, atol=1e-4)


def test_ranks_keep_the_order_of_all_floats():
    """Negative numbers, zeros of both signs, infinities."""
    values = np.array([-np.inf, -2, -1e-4, -0.0, 0.0, 1e-4, 3, np.inf], np.float16)[:, None]
    ranks = unit_ranks(values)[0]
    assert ranks[3] == ranks[4]
    assert (np.diff(ranks[[0, 1, 2, 3, 5, 6, 7]]) > 0).all()
    np.testing.assert_allclose(ranks.sum(), 0, atol=1e-6)


def test_what_three_characters_tell_is_guessed():
    """A feature of the last three characters is known, one of the fifth last is not."""
    text = "".join(RNG.choice(list("ab"), 4000))
    near = np.array([text[max(at - 2, 0)] == "a" for at in range(len(text))], np.float32)
    far = np.roll(near, 3)
    half = 2000

    def score_of(values):
        feature = Feature("", values)
        guess = guess_from_last(text, feature, half)
        columns = feature_columns([feature], slice(half, None))
        return scores(unit_ranks(guess[:, None].astype(np.float16)), columns)[0, 0]

    assert score_of(near) > 0.99
    assert abs(score_of(far)) < 0.2
