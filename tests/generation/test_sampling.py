"""Logits to ids: exact cases, laws, and the statistics of draws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from charrnn.generation import sampling
from charrnn.generation.sampling import log_probs


def draw(logits, temperature, rngs):
    """Draw characters at one temperature."""
    return sampling.draw(logits, [temperature] * len(rngs), rngs)


LOGITS = np.array([0.3, -1.2, 2.0, 2.0, 0.0, -0.5], np.float32)  # two are equally likely

TINY_TEMPERATURES = [1e-30, 1e-300, 2.3e-308]  # the last is about the smallest normal float64


class Constant(np.random.Generator):
    """A random generator that always returns the same number in [0, 1)."""

    def __init__(self, value):
        super().__init__(np.random.PCG64(0))
        self.value = value

    def random(self):
        """Return the number."""
        return self.value


def softmax(logits, temperature=1.0):
    """Return the probabilities of a few logits, computed in plain Python."""
    top = max(float(logit) for logit in logits)
    weights = [math.exp((float(logit) - top) / temperature) for logit in logits]
    return np.array(weights) / math.fsum(weights)


def some_logits(shape, spread=3.0, dtype=np.float32):
    """Return random logits."""
    return (spread * np.random.default_rng(21).normal(size=shape)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_probs_are_the_logarithm_of_the_softmax(dtype):
    """Each value is the logarithm of the probability, in float64 for any dtype."""
    logits = some_logits((3, 4, 7), dtype=dtype)
    found = log_probs(logits)
    assert found.dtype == np.float64
    for place in np.ndindex(3, 4):
        # Some roundings of float64 on values of about ten.
        np.testing.assert_allclose(found[place], np.log(softmax(logits[place])), atol=1e-14)


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 1e4])
def test_probabilities_sum_to_one(spread):
    """Probabilities sum to 1, however flat or sharp the logits."""
    sums = np.exp(log_probs(some_logits((50, 40), spread))).sum(axis=-1)
    np.testing.assert_allclose(sums, 1, rtol=0, atol=1e-13)  # 40 roundings of values up to one


@pytest.mark.parametrize("shift", [-1e4, -3.0, 1.0, 1e4])
def test_a_constant_added_to_the_logits_changes_nothing(shift):
    """Only differences between logits count."""
    logits = some_logits((5, 8), dtype=np.float64)
    # A logit near 1e4 is known to 1e-12 in float64.
    np.testing.assert_allclose(log_probs(logits + shift), log_probs(logits), rtol=0, atol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_probs_of_huge_logits_are_exact(dtype):
    """Logits of 1e4 either way neither overflow nor lose the unlikely character."""
    found = log_probs(np.array([[1e4, -1e4], [-1e4, -1e4], [1e4, 1e4]], dtype))
    expected = [[0, -2e4], [-math.log(2)] * 2, [-math.log(2)] * 2]
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_log_probs_leave_the_logits_alone():
    """The argument is unchanged, in float64 too."""
    logits = some_logits((2, 5), dtype=np.float64)
    kept = logits.copy()
    log_probs(logits)
    np.testing.assert_array_equal(logits, kept)


def test_temperature_zero_takes_the_first_of_the_likeliest():
    """Temperature 0 takes the highest logit; ties go to the lowest id."""
    logits = np.array([[1, 3, 3, 2], [0, 0, 0, 0], [-9, -8, -7, -7]], np.float32)
    rngs = [np.random.default_rng(0)] * 3
    np.testing.assert_array_equal(draw(logits, 0, rngs), [1, 0, 2])


def test_temperature_zero_uses_no_chance():
    """Temperature 0 uses no random number."""
    rng = np.random.default_rng(1)
    before = rng.bit_generator.state
    draw(LOGITS[None, :], 0.0, [rng])
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("temperature", [1e-30, 0.5, 1.0, 100.0])
def test_a_draw_uses_one_random_number(temperature):
    """Each draw uses exactly one number, so a text can be repeated from any position."""
    rng, other = np.random.default_rng(2), np.random.default_rng(2)
    draw(LOGITS[None, :], temperature, [rng])
    other.random()
    assert rng.bit_generator.state == other.bit_generator.state


@pytest.mark.parametrize("temperature", TINY_TEMPERATURES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tiny_temperature_is_temperature_zero(temperature, dtype):
    """A tiny temperature draws the highest logit, without a warning."""
    logits = some_logits((50, 30), 1e4, dtype)
    logits[:, 4] = -np.inf
    rngs = [np.random.default_rng(3)] * 50
    np.testing.assert_array_equal(draw(logits, temperature, rngs), logits.argmax(axis=-1))


@pytest.mark.parametrize("temperature", TINY_TEMPERATURES)
def test_a_tiny_temperature_draws_among_the_likeliest(temperature):
    """A tiny temperature draws all characters tied for the highest logit, and no others."""
    rng = np.random.default_rng(4)
    drawn = draw(np.tile(LOGITS, (200, 1)), temperature, [rng] * 200)
    assert set(drawn.tolist()) == {2, 3}


def deviation(counts, probs):
    """Return Pearson's chi-square statistic of counts against probabilities."""
    expected = probs * counts.sum()
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_characters_are_drawn_as_often_as_the_softmax_says(temperature):
    """The frequencies of 20,000 draws match softmax(logits / temperature), and no other one."""
    num_draws = 20_000
    rng = np.random.default_rng(5)
    drawn = draw(np.tile(LOGITS, (num_draws, 1)), temperature, [rng] * num_draws)
    counts = np.bincount(drawn, minlength=len(LOGITS))
    # With 5 degrees of freedom chance exceeds 30.86 once in 100,000 times.
    assert deviation(counts, softmax(LOGITS, temperature)) < 30.86
    for other in {0.5, 1.0, 2.0} - {temperature}:
        assert deviation(counts, softmax(LOGITS, other)) > 30.86


def forbid(logits, ids):
    """Return logits in which some ids have probability 0."""
    logits = logits.copy()
    logits[:, ids] = -np.inf
    return logits


@pytest.mark.parametrize("temperature", [0.0, 1e-30, 0.5, 1.0, 100.0])
def test_a_forbidden_character_is_never_drawn(temperature):
    """Forbidden ids are never drawn, even if they are the likeliest by far."""
    logits = np.tile(LOGITS, (2000, 1))
    logits[:, [0, 5]] = 1e4
    rng = np.random.default_rng(6)
    drawn = draw(forbid(logits, [0, 5]), temperature, [rng] * len(logits))
    assert not {0, 5} & set(drawn.tolist())


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-53], ids=["least", "half", "greatest"])
@pytest.mark.parametrize("temperature", [1e-30, 0.3, 1.0, 7.0])
def test_the_ends_of_chance_reach_no_forbidden_character(uniform, temperature):
    """The smallest and the largest random number draw allowed characters."""
    logits = some_logits((100, 20))
    logits = forbid(logits, [0, 1, 18, 19])
    drawn = draw(logits, temperature, [Constant(uniform)] * 100)
    assert drawn.min() >= 2
    assert drawn.max() <= 17


def test_what_is_allowed_keeps_its_proportions():
    """Forbidding characters does not change the odds between the others."""
    logits = some_logits((4, 9), dtype=np.float64)
    with np.errstate(divide="raise"):
        before = log_probs(logits)
        after = log_probs(forbid(logits, [3, 7]))
    allowed = [0, 1, 2, 4, 5, 6, 8]
    shift = (after - before)[:, allowed]
    # One number, minus the logarithm of what is left, for the whole row, but for rounding.
    assert np.ptp(shift, axis=1).max() < 1e-14
    assert np.isneginf(after[:, [3, 7]]).all()


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_a_sample_does_not_depend_on_those_beside_it(temperature):
    """With a generator for each sample, a row draws the same in a batch and alone."""
    logits = some_logits((16, 12))
    batched_matmul = draw(logits, temperature, [np.random.default_rng(seed) for seed in range(16)])
    for row in range(16):
        alone = draw(logits[row : row + 1], temperature, [np.random.default_rng(row)])
        assert alone[0] == batched_matmul[row]


def test_drawing_leaves_the_logits_alone():
    """The argument is unchanged, in float64 too."""
    logits = some_logits((3, 5), dtype=np.float64)
    kept = logits.copy()
    draw(logits, 0.5, [np.random.default_rng(7)] * 3)
    np.testing.assert_array_equal(logits, kept)
