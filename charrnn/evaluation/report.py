"""The result of an evaluation, for people and for programs."""

from dataclasses import dataclass
from typing import Any

from charrnn.evaluation.baselines import Baseline
from charrnn.evaluation.score import Score
from charrnn.memory.copying import Novelty
from charrnn.units import SCHEMA, finite_or_none


@dataclass(frozen=True)
class Evaluation:
    """The score of a text, beside what simpler predictors score.

    Attributes:
        score: Sums over the predicted characters.
        num_bytes: Size of the predicted characters in UTF-8.
        unknown: Number of characters that the model does not know.
        baselines: Losses of simpler predictors on the same text.
        novelty: How much is copied from the training text; None without an index of it.
    """

    score: Score
    num_bytes: int
    unknown: int
    baselines: tuple[Baseline, ...] = ()
    novelty: Novelty | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as one object."""
        score = self.score
        values = {
            "nats_per_char": score.nats_per_char,
            "nats_per_char_without_memory": score.nats_per_char_without_memory,
            "bits_per_char": score.bits_per_char,
            "bits_per_byte": score.bits_per_byte(self.num_bytes),
            "perplexity": score.perplexity,
            "accuracy": score.accuracy,
        }
        value: dict[str, Any] = {"schema": SCHEMA}
        value |= {name: finite_or_none(number) for name, number in values.items()}
        value |= {"chars": score.chars, "bytes": self.num_bytes, "unknown": self.unknown}
        if self.baselines:
            value["yardsticks"] = [baseline.to_json() for baseline in self.baselines]
        if self.novelty is not None:
            value["novelty"] = self.novelty.to_json()
        return value

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the numbers, then the baselines, then the novelty, as (name, value, note)."""
        score = self.score
        rows = [
            ("nats per character", f"{score.nats_per_char:.4f}", ""),
            ("without memory", f"{score.nats_per_char_without_memory:.4f}", ""),
            ("bits per character", f"{score.bits_per_char:.4f}", ""),
            ("bits per byte", f"{score.bits_per_byte(self.num_bytes):.4f}", ""),
            ("perplexity", f"{score.perplexity:.3f}", ""),
            ("accuracy", f"{score.accuracy:.4f}", ""),
            ("characters", f"{score.chars:,}", ""),
            ("bytes", f"{self.num_bytes:,}", ""),
            ("unknown", f"{self.unknown:,}", ""),
        ]
        rows += [baseline.row() for baseline in self.baselines]
        return rows if self.novelty is None else [*rows, *self.novelty.rows()]

    def lines(self) -> list[str]:
        """Return the numbers as an aligned table."""
        rows = self.rows()
        width = max(len(name) for name, _, _ in rows) + 2
        return [f"{name:{width}}{value:>12}  {note}".rstrip() for name, value, note in rows]
