"""Signals: an immediate message, a saved state, the command to resume, an exit code."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charrnn.library import load
from charrnn.training.run.state import read_state

Start = Callable[..., subprocess.Popen[bytes]]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONG = ["--steps", "20000", "--preview-every", "0"]


@pytest.fixture
def corpus(tmp_path: Path, text: str) -> str:
    """A text of 2,040 characters."""
    path = tmp_path / "sea.txt"
    path.write_text(text, encoding="utf-8")
    return str(path)


def wait_for_training(process: subprocess.Popen[bytes]) -> None:
    """Return when a process has made its first report."""
    line = b""
    while b"step " not in line:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line, "the run ended before its first report"


@pytest.mark.slow
def test_signals_end_runs_after_saving(
    start: Start, charrnn: Callable[..., Any], tiny: list[str], corpus: str, tmp_path: Path
) -> None:
    """Each signal ends the run with its exit code; the printed command resumes it."""
    with contextlib.ExitStack() as stack:
        processes = {}
        for number in SIGNALS:  # side by side, to save the time of one
            process = start("train", corpus, *LONG, *tiny, "-o", number.name, cwd=tmp_path)
            processes[number] = stack.enter_context(process)
        for number, process in processes.items():
            wait_for_training(process)
            sent = time.monotonic()
            process.send_signal(number)
            stdout, errors = process.communicate(timeout=60)
            assert time.monotonic() - sent < 30
            assert (process.returncode, stdout) == (128 + number, b"")
            lines = errors.decode().splitlines()
            saving = f"{number.name}: saving after this step"
            assert any(line.startswith(f"charrnn: {saving}") for line in lines)
            assert "Traceback" not in errors.decode()
            assert len(load(tmp_path / number.name).sample(length=10)) == 10
            directory = tmp_path / number.name
            assert {path.name for path in directory.iterdir()} == {
                *("model.safetensors", "state.safetensors", "metrics.jsonl"),
                *("corpus.npy", "corpus.json"),
            }
            step = read_state(directory / "state.safetensors").step
            assert 0 < step < 20000
            assert lines[-1] == f"charrnn: next: charrnn sample -m {number.name}"
            (told,) = [line for line in lines if "stopped by" in line]
            command = told.partition(f"stopped by {number.name}; to resume: charrnn ")[2]
            if number is signal.SIGTERM:
                finished = charrnn(*shlex.split(command), "--steps", str(step + 1), cwd=tmp_path)
                assert finished.code == 0, finished.stderr
                assert f"resuming {number.name!r} after step {step:,}" in finished.stderr


@pytest.mark.slow
def test_a_second_signal_ends_at_once_and_leaves_whole_files(
    start: Start, charrnn: Callable[..., Any], tmp_path: Path, text: str
) -> None:
    """A signal while the first is being served ends the process; the files can be gone on with."""
    (tmp_path / "sea.txt").write_text(text * 100, encoding="utf-8")
    sizes = ["--cell", "lstm", "--hidden-size", "512", "--seq-length", "256", "--threads", "1"]
    args = ["train", "sea.txt", "--steps", "99", "--batch-size", "32", *sizes, "-o", "run"]
    with start(*args, cwd=tmp_path) as process:
        wait_for_training(process)
        process.send_signal(signal.SIGINT)  # a step takes long: it is not over
        line = b""
        while b"saving after" not in line:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert time.monotonic() - sent < 5
        assert process.returncode == 130
    step = read_state(tmp_path / "run" / "state.safetensors").step
    finished = charrnn("train", "--resume", "-o", "run", "--steps", str(step + 1), cwd=tmp_path)
    assert finished.code == 0, finished.stderr
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]


def test_signals_before_training_leave_nothing(start: Start, corpus: str, tmp_path: Path) -> None:
    """A signal while torch is loaded ends the run with its code, and the directory goes."""
    with start("train", corpus, *LONG, "-o", "run", cwd=tmp_path) as process:
        line = b""
        while b"held out" not in line:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert b"Traceback" not in errors
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["bar", "quiet"])
def test_a_terminal_that_goes_away_is_a_signal(
    start: Start, quiet: list[str], tiny: list[str], corpus: str, tmp_path: Path
) -> None:
    """When the connection to the terminal breaks, the run is saved, though nobody can be told."""
    master, slave = pty.openpty()
    where = {"stdin": slave, "stdout": slave, "stderr": slave}

    def take_terminal() -> None:
        import fcntl
        import termios

        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    args = ["train", corpus, *LONG, *tiny, *quiet, "-o", "run"]
    with start(*args, cwd=tmp_path, preexec_fn=take_terminal, **where) as process:
        os.close(slave)
        state = tmp_path / "run" / "model.safetensors"
        until = time.monotonic() + 60
        while not state.exists():
            assert time.monotonic() < until
            if select.select([master], [], [], 0.05)[0]:
                os.read(master, 65536)
        os.close(master)
        assert process.wait(60) == 129
    assert read_state(tmp_path / "run" / "state.safetensors").step > 0
    assert len(load(tmp_path / "run").sample(length=10)) == 10
    assert not (tmp_path / "run" / ".lock").exists()


@pytest.mark.slow
def test_the_terminal_is_given_back(
    start: Start, tiny: list[str], corpus: str, tmp_path: Path
) -> None:
    """Ctrl-C on a terminal prints how to resume, and shows the cursor again."""
    master, slave = pty.openpty()
    where = {"stdin": slave, "stdout": slave, "stderr": slave}
    args = ["train", corpus, *LONG, *tiny, "-o", "run"]
    arrived = b""
    with start(*args, cwd=tmp_path, **where) as process:
        os.close(slave)
        is_sent = False
        with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
            while block := os.read(master, 65536):
                arrived += block
                if not is_sent and b"step " in arrived:
                    process.send_signal(signal.SIGINT)
                    is_sent = True
        os.close(master)
        assert process.wait(60) == 130
    shown = arrived.decode()
    assert "SIGINT: saving after this step" in shown
    assert "to resume: charrnn train --resume -o run" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
