"""How much of a run is over, whatever limits it: time, steps or epochs."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

SAVING_SECONDS = 0.5


@dataclass
class Budget:
    """The limits of a run; the one that is reached first ends it.

    The clock is the monotonic one, so setting the time of day changes nothing.

    Attributes:
        seconds: That the whole run may take, from ``began``; None for no limit.
        steps: Optimizer updates; None for no limit.
        began: When the run began, by ``clock``.
        clock: Seconds that only grow.
        reserve: Seconds that the end takes: the last validation and saving.
    """

    seconds: float | None
    steps: int | None
    began: float
    clock: Callable[[], float] = time.monotonic
    reserve: float = SAVING_SECONDS
    training_began: float = field(init=False)

    def __post_init__(self) -> None:
        """Let training begin now, until ``start_training`` says when."""
        self.training_began = self.began

    def start_training(self) -> None:
        """Let the schedule begin now: what went before, such as reading, is not part of it."""
        self.training_began = self.clock()

    def to_json(self) -> dict[str, float]:
        """Return what is used up, as it stands in a state file."""
        reading = self.training_began - self.began
        return {"elapsed": self.elapsed, "reading": reading, "reserve": self.reserve}

    def go_on(self, used: Mapping[str, float]) -> None:
        """Count what an earlier process used up, which ``to_json`` described, as used."""
        self.began -= used["elapsed"]
        self.training_began = self.began + used["reading"]
        self.reserve = used["reserve"]

    def reserve_for_validation(self, seconds: float) -> None:
        """Keep as much time for the end as a validation took, but never much of the budget."""
        if self.seconds is not None:
            self.reserve = min(SAVING_SECONDS + seconds, 0.1 * self.seconds)

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self.clock() - self.began

    def progress(self, step: int) -> float:
        """Return the share of the training that is over, 0 to 1.

        Args:
            step: Optimizer updates done.
        """
        shares = [0.0]
        if self.steps is not None:
            shares.append(step / self.steps)
        if self.seconds is not None:
            now = self.clock()
            length = self.began + self.seconds - self.reserve - self.training_began
            shares.append((now - self.training_began) / max(length, 1e-9))
        return min(max(shares), 1.0)

    def seconds_left(self, step: int) -> float:
        """Return an estimate of the seconds until the end of training."""
        progress = self.progress(step)
        if progress == 0:
            return 0.0
        return (self.clock() - self.training_began) * (1 - progress) / progress
