"""The learning-rate schedule."""

import itertools

from charrnn.training.optim.schedule import learning_rate_factor


def test_the_learning_rate_rises_once_and_then_falls_to_zero() -> None:
    """The schedule is positive, at most 1, has one peak, and ends at 0."""
    factors = [learning_rate_factor(i / 1000) for i in range(1001)]
    assert all(0 < factor <= 1 for factor in factors[:-1])
    assert factors[-1] == 0
    rises = [later >= earlier for earlier, later in itertools.pairwise(factors)]
    assert rises == sorted(rises, reverse=True)
