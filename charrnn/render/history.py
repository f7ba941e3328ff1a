"""The history of a run, read from files that may hold anything."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from charrnn.units import nats_to_bits

METRICS_NAME = "metrics.jsonl"
MAX_METRICS_BYTES = 1 << 26

Curve = list[tuple[float, float]]
"""Steps and the losses at these steps, in bits per character."""


@dataclass(frozen=True)
class Point:
    """A report of a run.

    Attributes:
        step: Number of optimizer updates.
        train: Mean training loss since the last report, in bits per character, if reported.
        val: Validation loss in bits per character, if measured.
    """

    step: float
    train: float | None
    val: float | None


def curve_of(points: Sequence[Point], name: Literal["train", "val"]) -> Curve:
    """Return the training or validation losses of the reports that have one."""
    pairs = ((point.step, getattr(point, name)) for point in points)
    return [(step, loss) for step, loss in pairs if loss is not None]


def number(value: object) -> float | None:
    """Return a value as a float if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer too large for a float
        return None


def to_points(reports: object) -> list[Point]:
    """Return the points of a list of reports; skip whatever is not a report."""
    points = []
    for report in reports if isinstance(reports, list) else []:
        step = number(report.get("step")) if isinstance(report, dict) else None
        if step is not None:
            losses = [number(report.get(f"{name}_nats_per_char")) for name in ("train", "val")]
            points.append(Point(step, *(None if n is None else nats_to_bits(n) for n in losses)))
    return points


def read_points(directory: Path) -> list[Point]:
    """Return the reports in a run directory; none if there is no such file."""
    path = directory / METRICS_NAME
    try:
        if not path.is_file() or path.stat().st_size > MAX_METRICS_BYTES:
            return []
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    return to_points([_parse(line) for line in lines])


def _parse(line: bytes) -> Any:
    """Return a line of JSON, or None if it is truncated."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
