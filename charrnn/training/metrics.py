"""The metrics of a run: a line of JSON for each report, in the run directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from charrnn.files import write_whole
from charrnn.training.monitor import Monitor, Report

METRICS_NAME = "metrics.jsonl"


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
