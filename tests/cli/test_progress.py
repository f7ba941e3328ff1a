"""Progress of a training run outside a terminal."""

from __future__ import annotations

import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from charrnn.cli.progress import PlainMonitor, describe
from charrnn.training.run.monitor import Report
from charrnn.training.run.session import Result

REPORT = Report(
    step=1234,
    epoch=0.5,
    progress=0.25,
    seconds=60.0,
    seconds_left=185.0,
    chars=10**6,
    chars_per_second=54321.0,
    learning_rate=1e-3,
    train_nats_per_char=2.0,
    val_nats_per_char=1.5,
)


def test_progress_is_one_line_with_units() -> None:
    """A report names progress, step, losses with units, speed and the time that is left."""
    assert describe(REPORT) == (
        " 25%  step 1,234  epoch 0.5  loss 2.000 nats 2.885 bits  val 1.500 nats 2.164 bits"
        "  54,321 chars/s  3m 05s left"
    )
    assert "val" not in describe(replace(REPORT, val_nats_per_char=None))


def test_plain_lines_come_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Outside a terminal, only validations and one report every ten seconds are printed."""
    monitor = PlainMonitor(quiet=False, json=None)
    for step in range(50):
        val = 1.5 if step == 20 else None
        monitor.report(replace(REPORT, step=step, val_nats_per_char=val))
    lines = capsys.readouterr().err.splitlines()
    assert [re.search(r"step (\d+)", line)[1] for line in lines] == ["0", "20"]


def test_closing_lines_name_the_best() -> None:
    """The closing lines name the best validation, the model and the next command."""
    monitor = PlainMonitor(quiet=False, json=None)
    lines = list(monitor.closing_lines(Result(Path("runs/sea"), REPORT, signal.SIGTERM)))
    assert lines == [
        "stopped by SIGTERM; to resume: charrnn train --resume -o runs/sea",
        "best validation at step 1,234: 1.5000 nats, 2.1640 bits per character",
        "the model is 'runs/sea/model.safetensors'",
        "next: charrnn sample -m runs/sea",
    ]
