"""Reports of a training run, and what receives them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol, Self

from charrnn.units import SCHEMA, nats_to_bits


@dataclass(frozen=True, kw_only=True)
class Report:
    """Where a run stands.

    Attributes:
        step: Optimizer updates done.
        epoch: Passes over the training text, with the part of the present one.
        progress: The share of the budget that is used up, 0 to 1.
        seconds: Since the run began.
        seconds_left: Until its end, as far as can be told.
        chars: Characters trained on.
        chars_per_second: Since the report before.
        learning_rate: Of the last step.
        train_nats_per_char: The mean loss since the report before.
        val_nats_per_char: The loss of the validation text, where it was measured.
        is_best: Whether this is the best validation so far, so that the model was kept.
    """

    step: int
    epoch: float
    progress: float
    seconds: float
    seconds_left: float
    chars: int
    chars_per_second: float
    learning_rate: float
    train_nats_per_char: float
    val_nats_per_char: float | None = None
    is_best: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the report as one object for a line of JSON."""
        values = {
            name: round(value, 6) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        bits = nats_to_bits(self.train_nats_per_char)
        return {"schema": SCHEMA, **values, "train_bits_per_char": round(bits, 6)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the report that ``to_json`` described.

        Raises:
            TypeError: If the values are not those of one.
        """
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})


class Monitor(Protocol):
    """Who follows a run. Every method returns at once and raises nothing of its own."""

    def notice(self, line: str) -> None:
        """Take one line on something that a user should know."""

    def report(self, report: Report) -> None:
        """Take a report, about a hundred times in a run."""

    def preview(self, text: str) -> None:
        """Take a short text that the model made in passing."""

    def stop_signal(self) -> int | None:
        """Return the signal that asks the run to end after this step, if there is one.

        Asked before the first step too: from then on a signal must end no more than the step.
        """


class Silent:
    """A monitor that ignores everything and never stops a run."""

    def notice(self, line: str) -> None:
        """Drop a line."""

    def report(self, report: Report) -> None:
        """Drop a report."""

    def preview(self, text: str) -> None:
        """Drop a text."""

    def stop_signal(self) -> int | None:
        """Never ask for an end."""
        return None
