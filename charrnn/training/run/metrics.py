"""The metrics of a run: a line of JSON for each report, in the run directory.

A line is appended by one write, so a process that is killed leaves at most its last line cut off.
Who reads the file drops such a line, and who continues it takes it away.
"""

import contextlib
import json
from pathlib import Path
from typing import Any

from charrnn.storage.atomic import write_whole
from charrnn.training.run.monitor import Report

METRICS_NAME = "metrics.jsonl"
MAX_HISTORY = 100
HISTORY_NAMES = ("step", "seconds", "epoch", "train_nats_per_char", "val_nats_per_char")


class Metrics:
    """The reports of a run: those on disk, and those that are still to be written."""

    def __init__(self, path: Path, last_step: int = 0) -> None:
        """Begin the file, or continue one after a step, whose later lines are dropped."""
        self._path = path
        kept = read_metrics(path) if last_step and path.exists() else []
        kept = [report for report in kept if report["step"] <= last_step]
        data = b"".join(map(_line, kept))
        write_whole(path, data)
        self._size = len(data)
        self._waiting = b""
        self._validated = [point for report in kept if (point := _point(report))]

    def add(self, report: Report) -> None:
        """Take a report, to be written by the next ``flush``."""
        self._waiting += _line(report.to_json())
        if point := _point(report.to_json()):
            self._validated.append(point)

    def history(self, last: Report) -> list[dict[str, Any]]:
        """Return the validations of a run so far, for the model file.

        Args:
            last: The last report, which is not added yet.

        Returns:
            At most ``MAX_HISTORY`` points with the names ``HISTORY_NAMES``, the last report at the
            end.
        """
        points = [*self._validated, _point(last.to_json())]
        stride = -(-len(points) // MAX_HISTORY)
        return [point for point in points[::-1][::stride][::-1] if point]

    def flush(self) -> None:
        """Write what was added.

        Raises:
            OSError: If the disk refuses. What was added is kept for the next time, and the file
                ends with a whole line.
        """
        with self._path.open("r+b", buffering=0) as file:
            try:
                file.seek(self._size)
                data = self._waiting
                while data:  # a disk that is nearly full takes a part, and then says that it is
                    data = data[file.write(data) :]
            except BaseException:
                with contextlib.suppress(OSError):
                    file.truncate(self._size)
                raise
        self._size += len(self._waiting)
        self._waiting = b""


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the reports in a file; skip lines that are damaged.

    Raises:
        OSError: If the file cannot be read.
    """
    reports = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(line)
            if isinstance(value, dict) and isinstance(value.get("step"), int):
                reports.append(value)
    return reports


def _point(report: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the history of a run has of a report, None where that was not validated."""
    if report.get("val_nats_per_char") is None and not report.get("is_best"):
        return None
    return {name: report.get(name) for name in HISTORY_NAMES}


def _line(values: dict[str, Any]) -> bytes:
    """Return the line of a report."""
    return json.dumps(values, allow_nan=False).encode() + b"\n"
