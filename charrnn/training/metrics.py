"""``metrics.jsonl``: a line of JSON for each report of a run.

A line is appended by one write, so a process that is killed leaves at most its last line cut off.
Who reads the file drops such a line, and who continues it takes it away.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from charrnn.files import write_whole
from charrnn.training.monitor import Report

METRICS_NAME = "metrics.jsonl"


class Metrics:
    """The reports of a run, those on disk and those that are still to be written."""

    def __init__(self, path: Path, last_step: int | None = None) -> None:
        """Begin the file, or continue one.

        Args:
            path: Where it is; an older file is replaced.
            last_step: Continue an older file after the reports up to this step; those of later
                steps are dropped, since these steps are done again.

        Raises:
            OSError: If the file cannot be written.
        """
        self._path = path
        kept: list[dict[str, Any]] = []
        if last_step is not None and path.exists():
            kept = [line for line in read_metrics(path) if line["step"] <= last_step]
        data = b"".join(map(_line, kept))
        write_whole(path, data)
        self._size = len(data)
        self._waiting = b""

    def add(self, report: Report) -> None:
        """Take a report, to be written by the next ``flush``."""
        self._waiting += _line(report.to_json())

    def flush(self) -> None:
        """Write what was added.

        Raises:
            OSError: If the disk refuses; what was added is kept for the next time, and the file
                ends with a whole line.
        """
        with self._path.open("r+b", buffering=0) as file:
            try:
                file.seek(self._size)
                written = file.write(self._waiting)
                if written < len(self._waiting):  # then the disk is full: let it say so
                    file.write(self._waiting[written:])
            except BaseException:
                with contextlib.suppress(OSError):
                    file.truncate(self._size)
                raise
        self._size += len(self._waiting)
        self._waiting = b""


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the reports in a file, without what no whole line is.

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


def _line(values: dict[str, Any]) -> bytes:
    """Return the line of a report."""
    return json.dumps(values, allow_nan=False).encode() + b"\n"
