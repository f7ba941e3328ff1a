"""The metrics of a run: a line of JSON for each report, in the run directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from charrnn.files import write_whole
from charrnn.training.monitor import Monitor, Report

METRICS_NAME = "metrics.jsonl"
MAX_HISTORY = 100
HISTORY_NAMES = ("step", "seconds", "epoch", "train_nats_per_char", "val_nats_per_char")


def open_metrics(directory: Path, step: int) -> TextIO:
    """Open the metrics of a run for writing, without what stands there of later steps.

    Args:
        directory: The run directory.
        step: Where the run stands. A process that was killed may have written more.
    """
    path = directory / METRICS_NAME
    lines = path.read_bytes().splitlines(keepends=True) if step and path.exists() else []
    write_whole(path, b"".join(line for line in lines if _step(line) <= step))
    return path.open("a", encoding="utf-8", buffering=1)


def read_history(directory: Path, last: Report) -> list[dict[str, Any]]:
    """Return the validations of a run so far: what a model file tells of its training.

    Args:
        directory: The run directory, with the metrics of all reports before the last.
        last: The last report, which may not be there yet.

    Returns:
        At most ``MAX_HISTORY`` points with the names ``HISTORY_NAMES``, the last report at the end.
    """
    path = directory / METRICS_NAME
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    reports = [json.loads(line) for line in lines if _step(line) < last.step]
    validated = [r for r in reports if r.get("val_nats_per_char") is not None or r.get("is_best")]
    points = [{name: r.get(name) for name in HISTORY_NAMES} for r in [*validated, last.to_json()]]
    stride = -(-len(points) // MAX_HISTORY)
    return points[::-1][::stride][::-1]


def _step(line: bytes) -> float:
    """Return the step of a line; one that was cut short comes after all others."""
    try:
        return int(json.loads(line)["step"]) if line.endswith(b"\n") else float("inf")
    except (ValueError, KeyError, TypeError):
        return float("inf")


@dataclass(frozen=True)
class Recorder:
    """A monitor that also writes each report as a line of JSON."""

    monitor: Monitor
    metrics: TextIO

    def notice(self, line: str) -> None:
        """Hand a line on."""
        self.monitor.notice(line)

    def report(self, report: Report) -> None:
        """Write a report down and hand it on."""
        self.metrics.write(json.dumps(report.to_json(), allow_nan=False) + "\n")
        self.monitor.report(report)

    def preview(self, text: str) -> None:
        """Hand a text on."""
        self.monitor.preview(text)

    def stop_signal(self) -> int | None:
        """Ask the monitor."""
        return self.monitor.stop_signal()
