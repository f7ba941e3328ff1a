"""The clock of a run and the schedule that follows it."""

import pytest

from charrnn.training.run.budget import Budget


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_steps_and_time_both_count_and_the_nearer_limit_rules() -> None:
    """Progress is that of the limit that will be reached first."""
    clock = Clock()
    budget = Budget(seconds=100.5, steps=1000, began=clock.now, clock=clock, reserve=0.5)
    clock.now += 50
    assert budget.progress(step=10) == pytest.approx(0.5)
    assert budget.progress(step=900) == pytest.approx(0.9)
    clock.now += 500
    assert budget.progress(step=0) == 1.0


def test_what_happened_before_training_is_within_the_budget() -> None:
    """Seconds spent on reading shorten the training and do not count as its progress."""
    clock = Clock()
    began = clock.now
    clock.now += 20
    budget = Budget(seconds=100, steps=None, began=began, clock=clock, reserve=0)
    budget.start_training()
    assert budget.progress(step=0) == 0
    clock.now += 40
    assert budget.progress(step=0) == pytest.approx(0.5)
    assert budget.seconds_left(step=0) == pytest.approx(40)


def test_a_budget_used_up_before_training_is_over_at_once() -> None:
    """Where nothing is left of the time, progress is 1 and not negative or infinite."""
    clock = Clock()
    budget = Budget(seconds=1, steps=None, began=clock.now - 30, clock=clock)
    assert budget.progress(step=0) in (0, 1)
    clock.now += 1e-3
    assert budget.progress(step=0) == 1


def test_steps_alone_do_not_look_at_the_clock() -> None:
    """With a limit of steps alone, progress is exact and the same on every machine."""
    budget = Budget(seconds=None, steps=8, began=0.0, clock=lambda: float("nan"))
    assert [budget.progress(step) for step in range(9)] == [step / 8 for step in range(9)]
