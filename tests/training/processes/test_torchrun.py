"""Runs in several processes: resuming, and every way to lose a process, each with a time limit.

Every test waits for the end of all processes, and fails if that does not come.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from charrnn.model.checkpoint import read_checkpoint
from charrnn.training.run.state import read_state

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc"),
]

PROGRAM = ("-m", "charrnn", "train")
ENDLESS = ("--steps", "1000000", "--save-every", "1s", "--preview-every", "0")
END_SECONDS = 45.0  # torchrun itself waits up to 30 for what it has asked to end


def state_of(folder: Path) -> tuple[int, dict[str, bytes]]:
    """Return the step of the run in a folder, and its arrays; it is whole."""
    state = read_state(folder / "run" / "state.safetensors")
    assert all(np.isfinite(array).all() for array in state.arrays.values())
    return state.step, {name: array.tobytes() for name, array in state.arrays.items()}


def is_under_way(folder: Path, after: int = 20) -> Callable[[], bool]:
    """Return whether a state of some steps was saved."""

    def check() -> bool:
        path = folder / "run" / "state.safetensors"
        return path.exists() and read_state(path).step > after

    return check


WRAPPED = """
import os, sys, time
from charrnn.training.processes import group
{change}
from charrnn.cli.app import app
app(prog_name="charrnn")
"""


def outcome(folder: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the arrays of the model and of the state of a run."""
    arrays = (
        read_checkpoint(folder / "model.safetensors").arrays,
        read_state(folder / "state.safetensors").arrays,
    )
    first, second = ({n: a.tobytes() for n, a in each.items()} for each in arrays)
    return first, second


@pytest.mark.parametrize("parallel", ["data", "ensemble"])
def test_a_stopped_run_goes_on_bit_for_bit(
    parallel: str, start: Callable, text: str, small: list[str], tmp_path: Path
) -> None:
    """A signal to one worker in step 23 of 60 ends all with code 0; the rest gives the same."""
    change = """
import signal
from charrnn.training.learn.trainer import Trainer
advance = Trainer.advance
def struck(self, progress):
    if os.environ["RANK"] == "1" and self.step == 22:
        os.kill(os.getpid(), signal.SIGTERM)
    return advance(self, progress)
Trainer.advance = struck
"""
    (tmp_path / "program.py").write_text(WRAPPED.format(change=change))
    options = [text, *small, "--parallel", parallel, "--steps", "60"]
    assert start(*PROGRAM, *options, "-o", "whole").end() == 0
    run = start("program.py", "train", *options, "-o", "run")
    assert run.end() == 0, run.output()
    assert "stopped by SIGTERM" in run.output()
    assert 22 < state_of(tmp_path)[0] < 30
    resumed = start(*PROGRAM, "--resume", "-o", "run")
    assert resumed.end() == 0
    assert "not exact" not in resumed.output()
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")
    if parallel == "ensemble":
        alone = start(*PROGRAM, text, *small, "--steps", "60", "-o", "alone", size=1)
        assert alone.end() == 0
        assert outcome(tmp_path / "alone") == outcome(tmp_path / "whole")


def test_another_number_of_processes_goes_on_and_says_so(
    start: Callable, text: str, small: list[str], tmp_path: Path
) -> None:
    """Four processes, then two, then one."""
    options = [*small, "--parallel", "data", "--steps", "40", "-o", "run"]
    assert start(*PROGRAM, text, *options, size=4).end() == 0
    run = start(*PROGRAM, "--resume", "-o", "run", "--steps", "60")
    assert run.end() == 0
    assert "the streams are shared among 2 processes, were among 4" in run.output()
    run = start(*PROGRAM, "--resume", "-o", "run", "--steps", "80", size=1)
    assert run.end() == 0
    assert "the streams are shared among 1 processes, were among 2" in run.output()
    assert state_of(tmp_path)[0] == 80


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_ends_all_and_the_state_is_whole(
    rank: int, start: Callable, text: str, small: list[str], tmp_path: Path
) -> None:
    """The others end, torchrun reports a failure, and the run can be resumed."""
    run = start(*PROGRAM, text, *small, *ENDLESS, "--parallel", "data", "-o", "run")
    run.wait_until(is_under_way(tmp_path))
    os.kill(run.workers()[rank], signal.SIGKILL)
    assert run.end(END_SECONDS) == 1
    step, _ = state_of(tmp_path)
    assert start(*PROGRAM, "--resume", "-o", "run", "--steps", str(step + 5)).end() == 0


def test_a_restart_goes_on(start: Callable, text: str, small: list[str], tmp_path: Path) -> None:
    """Torchrun starts all again, and they find the run themselves, without -o."""
    run = start(*PROGRAM, text, *small, *ENDLESS, more=("--max-restarts", "1"))

    def is_saved() -> bool:
        path = tmp_path / "runs" / "sea" / "state.safetensors"
        return path.exists() and read_state(path).step > 20

    run.wait_until(is_saved)
    before = run.workers()
    os.kill(before[1], signal.SIGKILL)
    step = read_state(tmp_path / "runs" / "sea" / "state.safetensors").step
    run.wait_until(lambda: "resuming '" in run.output())
    path = tmp_path / "runs" / "sea" / "state.safetensors"
    run.wait_until(lambda: read_state(path).step > step + 20)
    assert [each.name for each in (tmp_path / "runs").iterdir()] == ["sea"]
    run.agent.send_signal(signal.SIGTERM)
    run.end(END_SECONDS)
    assert "saving after this step" in run.output()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_torchrun_saves_and_ends_all(
    number: signal.Signals, start: Callable, text: str, small: list[str], tmp_path: Path
) -> None:
    """It passes the signal on; the state is of the last step, not of the last save."""
    run = start(*PROGRAM, text, *small, "--steps", "9000", "--save-every", "0", "-o", "run")
    run.wait_until(lambda: "  step " in run.output())
    run.agent.send_signal(number)
    assert run.end(END_SECONDS) != 0
    assert "forcefully" not in run.output()
    assert f"stopped by {number.name}" in run.output()
    assert state_of(tmp_path)[0] > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_first_step_ends_all(
    number: signal.Signals, start: Callable, text: str, small: list[str]
) -> None:
    """Whatever the processes are doing then, none has to be killed."""
    run = start(*PROGRAM, text, *small, "--steps", "1000000", "-o", "run")
    run.wait_until(lambda: "training 2 x" in run.output())
    run.agent.send_signal(number)
    assert run.end(END_SECONDS) != 0
    assert "forcefully" not in run.output()


def test_a_process_that_stands_still_is_given_up(
    start: Callable, text: str, small: list[str], tmp_path: Path
) -> None:
    """After the time limit the others end, and what was saved is whole."""
    (tmp_path / "program.py").write_text(WRAPPED.format(change="group.TIMEOUT = 6.0"))
    run = start("program.py", "train", text, *small, *ENDLESS, "-o", "run")
    run.wait_until(is_under_way(tmp_path))
    os.kill(run.workers()[1], signal.SIGSTOP)
    assert run.end(6 + END_SECONDS) == 1
    assert "lost or does not respond" in run.output()
    state_of(tmp_path)


def test_a_slow_process_does_not_part_from_the_others(
    start: Callable, text: str, small: list[str], tmp_path: Path
) -> None:
    """Process 0 alone decides when the time is over; another that is late ends with it."""
    change = """
from charrnn.training.learn.trainer import Trainer
advance = Trainer.advance
def slow(self, progress):
    time.sleep(0.05 if os.environ["RANK"] == "1" else 0)
    return advance(self, progress)
Trainer.advance = slow
"""
    (tmp_path / "program.py").write_text(WRAPPED.format(change=change))
    run = start("program.py", "train", text, *small, "--time", "4s", "-o", "run")
    assert run.end() == 0, run.output()
    assert "best validation" in run.output()


def test_a_full_disk_ends_all_with_one_line(
    start: Callable, text: str, small: list[str], tmp_path: Path
) -> None:
    """What process 0 cannot save it says once; the others end without a word."""
    change = """
from charrnn.training.run import files
def full(path, state):
    if state.step:
        raise OSError(28, "No space left on device", str(path))
files.write_state = full
"""
    (tmp_path / "program.py").write_text(WRAPPED.format(change=change))
    run = start("program.py", "train", text, *small, "--steps", "30", "-o", "run")
    assert run.end() == 1
    lines = [line for line in run.output().splitlines() if "charrnn: error:" in line]
    assert len(lines) == 1
    assert "No space left on device" in lines[0]


def test_a_mistake_is_said_once(start: Callable, small: list[str]) -> None:
    """A text that is not there: one line, and all processes end."""
    run = start(*PROGRAM, "nothing.txt", *small)
    assert run.end() == 1
    lines = [line for line in run.output().splitlines() if "charrnn: error:" in line]
    assert len(lines) == 1
    assert "nothing.txt" in lines[0]


def test_a_machine_without_the_folder_gets_the_text_sent(
    start: Callable, text: str, small: list[str], tmp_path: Path
) -> None:
    """All that it needs comes from process 0; a process without a network does no harm."""
    change = """
from charrnn.training.run import follower
def missing(directory):
    raise follower.TextError("not on this machine")
follower.open_corpus = missing
"""
    (tmp_path / "program.py").write_text(WRAPPED.format(change=change))
    run = start("program.py", "train", text, *small, "--steps", "20", "-o", "run", size=3)
    assert run.end() == 0, run.output()
