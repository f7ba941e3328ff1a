"""A run killed at any moment resumes from whole files and ends like an undisturbed one.

``CHARRNN_KILLS=200 pytest tests/cli/test_kills.py`` tries as many kills; the default is a few.
``CHARRNN_KILL_SEED`` chooses the moments.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from charrnn.model.checkpoint import read_checkpoint
from charrnn.training.run.state import read_state

KILLS = int(os.environ.get("CHARRNN_KILLS", "6"))
SEED = int(os.environ.get("CHARRNN_KILL_SEED", "1"))
STEPS = 2500
OPTIONS = [
    *["--steps", str(STEPS), "--hidden-size", "12", "--num-layers", "2", "--batch-size", "4"],
    *["--seq-length", "16", "--dropout", "0.2", "--threads", "1", "--preview-every", "0"],
]
Start = Callable[..., subprocess.Popen[bytes]]


def left(directory: Path) -> tuple[object, ...]:
    """Return the weights, the state, and the losses that a run left."""
    model = read_checkpoint(directory / "model.safetensors").arrays
    state = read_state(directory / "state.safetensors").arrays
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    clock = {"seconds", "seconds_left", "chars_per_second"}
    return (
        {name: array.tobytes() for name, array in model.items()},
        {name: array.tobytes() for name, array in state.items()},
        [{name: line[name] for name in line.keys() - clock} for line in lines],
    )


def check_files(directory: Path) -> int:
    """Assert that what a killed process left is whole; return the step of the state."""
    names = [path.name for path in directory.iterdir()] if directory.exists() else []
    if "model.safetensors" in names:
        read_checkpoint(directory / "model.safetensors")
    # The one file that was being written, and the lock; what earlier processes left is gone.
    assert len([name for name in names if name.startswith(".") and name != ".lock"]) <= 1
    if "state.safetensors" not in names:
        return -1
    return read_state(directory / "state.safetensors").step


def run_and_kill(start: Start, args: list[str], chance: random.Random, folder: Path) -> int | None:
    """Start a process and kill it at a random moment.

    Returns:
        Its exit code if it ended before, else None.
    """
    with start(*args, cwd=folder, stderr=subprocess.PIPE) as process:
        if chance.random() < 0.75:  # most moments are to be ones of training
            line = b" "
            while line and b" step " not in line:
                assert process.stderr is not None
                line = process.stderr.readline()
            time.sleep(chance.uniform(0, 0.8))
        else:
            time.sleep(chance.uniform(0, 5))
        code = process.poll()
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert code in (None, 0), errors.decode()
    return code


@pytest.mark.slow
def test_kills_at_random_moments(start: Start, text: str, tmp_path: Path) -> None:
    """After each kill the files are whole; the run resumes and ends like an undisturbed one."""
    (tmp_path / "sea.txt").write_text(text, encoding="utf-8")
    begin = ["train", "sea.txt", *OPTIONS, "-o"]
    with start(*begin, "whole", cwd=tmp_path) as process:
        _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors.decode()
    whole = left(tmp_path / "whole")
    chance = random.Random(SEED)
    kills = finished = resumed = 0
    reached = -1
    while kills < KILLS or reached >= 0:
        directory = tmp_path / f"run{finished}"
        go_on = ["train", "--resume", "-o", directory.name]
        args = go_on if reached >= 0 else [*begin, directory.name]
        args += ["--save-every", "0.02s"]
        resumed += reached >= 0
        if kills < KILLS:
            code = run_and_kill(start, args, chance, tmp_path)
            kills += code is None
        else:
            with start(*args, cwd=tmp_path) as process:
                _, errors = process.communicate(timeout=600)
            code = process.returncode
            assert code == 0, errors.decode()
        step = check_files(directory)
        assert step >= reached
        reached = step
        if code == 0:
            assert left(directory) == whole
            names = {path.name for path in directory.iterdir() if path.name.startswith(".")}
            assert names == set()
            finished += 1
            reached = -1
    print(f"{kills} kills, {resumed} resumed processes, {finished} finished runs")  # noqa: T201
    assert finished
