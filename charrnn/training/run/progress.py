"""What the loop of a run counts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from charrnn.training.run.monitor import Report

NUM_REPORTS = 100
NUM_VALIDATIONS = 20  # at the most


@dataclass
class LoopState:
    """What the loop counts; together with a trainer's state all that the next steps depend on.

    Attributes:
        validation_chars: How much of the validation text each validation reads.
        best: The report of the best validation, or the last one where nothing validates.
        nats: The sum of the losses since the last report.
        num_chars: How many characters they are of.
        reports_done: In hundredths of the budget.
        validations_done: In twentieths of the budget.
        validating: Seconds that validations took.
        reported_at: When the last report was made, in seconds since the run began.
        is_over: Whether the budget was used up.
    """

    validation_chars: int
    best: Report | None = None
    nats: float = 0.0
    num_chars: int = 0
    reports_done: int = 0
    validations_done: int = 0
    validating: float = 0.0
    reported_at: float = 0.0
    is_over: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the counts as they stand in a state file."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the counts that ``to_json`` described.

        Raises:
            TypeError: If the values are not those.
        """
        best = values["best"]
        return cls(**{**values, "best": None if best is None else Report(**best)})


def milestones(progress: float) -> tuple[int, int]:
    """Return how many reports and validations a run has behind it.

    Args:
        progress: The share of the training that is over, 0 to 1.
    """
    return int(progress * NUM_REPORTS), int(progress * NUM_VALIDATIONS)
