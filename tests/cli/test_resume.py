"""``charrnn train --resume`` and ``--init-from`` through the real program."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn.model.checkpoint import read_checkpoint
from charrnn.training.run.state import read_state

SMALL = [
    *["--hidden-size", "12", "--num-layers", "2", "--batch-size", "4", "--seq-length", "16"],
    *["--dropout", "0.3", "--threads", "1", "--preview-every", "0"],
]


@pytest.fixture
def corpus(tmp_path: Path, text: str) -> str:
    """A text of 2,040 characters."""
    path = tmp_path / "sea.txt"
    path.write_text(text, encoding="utf-8")
    return path.name


def left(directory: Path) -> tuple[dict[str, bytes], dict[str, bytes], list[dict[str, Any]]]:
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


@pytest.mark.slow
def test_a_stopped_run_ends_as_one_that_was_not(
    charrnn: Callable[..., Any], start: Callable[..., Any], corpus: str, tmp_path: Path
) -> None:
    """N steps, a signal, a new process: weights, optimizer, losses and model of one process."""
    args = ["train", corpus, "--steps", "120", *SMALL]
    with start(*args, "-o", "parts", cwd=tmp_path) as process:
        line = b""
        while b"step " not in line:
            line = process.stderr.readline()
            assert line
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 143
    step = read_state(tmp_path / "parts" / "state.safetensors").step
    assert 0 < step < 120
    with start(*args, "-o", "whole", cwd=tmp_path) as whole:
        finished = charrnn("train", corpus, "--resume", "-o", "parts", cwd=tmp_path)
        whole.communicate(timeout=60)
    assert (whole.returncode, finished.code) == (0, 0), finished.stderr
    assert f"charrnn: resuming 'parts' after step {step:,}" in finished.error_lines
    assert "bit for bit" not in finished.stderr
    assert left(tmp_path / "parts") == left(tmp_path / "whole")
    again = charrnn("train", "--resume", "-o", "parts", cwd=tmp_path)
    assert again.code == 0
    assert "is finished (120 steps)" in again.stderr


@pytest.mark.slow
def test_two_trainings_cannot_share_a_directory(
    charrnn: Callable[..., Any], start: Callable[..., Any], corpus: str, tmp_path: Path
) -> None:
    """The second training fails with one line that names the first; a killed one can be resumed."""
    with start("train", corpus, "--steps", "99999", *SMALL, "-o", "run", cwd=tmp_path) as first:
        line = b""
        while b"step " not in line:
            line = first.stderr.readline()
            assert line
        for args in (["train", corpus, "-o", "run"], ["train", "--resume", "-o", "run"]):
            second = charrnn(*args, cwd=tmp_path)
            assert second.code == 1
            (told,) = second.error_lines
            assert f"error: 'run': process {first.pid} on " in told
            assert "is training here since" in told
        assert (tmp_path / "run" / ".lock").exists()
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=60)
    assert (tmp_path / "run" / ".lock").exists()
    third = charrnn("train", "--resume", "-o", "run", "--steps", "3", cwd=tmp_path)
    assert third.code == 0, third.stderr
    assert not (tmp_path / "run" / ".lock").exists()


@pytest.mark.slow
def test_a_reader_beside_a_writer_always_loads(
    start: Callable[..., subprocess.Popen[bytes]], corpus: str, tmp_path: Path
) -> None:
    """While a run writes its files again and again, each reading finds a whole one."""
    args = ["train", corpus, "--steps", "1200", *SMALL, "--save-every", "0.001s", "-o", "run"]
    files = set()
    with start(*args, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        model, state = (tmp_path / "run" / f"{n}.safetensors" for n in ("model", "state"))
        readings = 0
        while process.poll() is None:
            if model.exists():
                read_checkpoint(model)
                files.add(read_state(state).step)
                readings += 1
    assert process.returncode == 0
    assert readings > 20
    assert len(files) > 2


USAGE = {
    "no text": (["train"], "no text: name files, folders, or - for standard input"),
    "no text to resume": (["train", "--resume"], "no text: name files"),
    "both": (
        ["train", "sea.txt", "--resume", "--init-from", "m"],
        "--init-from and --resume exclude",
    ),
    "no model": (["train", "sea.txt", "--init-from", "none"], "'none': no such model"),
    "no run": (["train", "sea.txt", "--resume"], "no run below ./runs was trained on 'sea.txt'"),
    "no directory": (["train", "--resume", "-o", "x"], "'x': no run was saved here"),
    "save": (["train", "sea.txt", "--save-every", "x"], "--save-every: invalid duration 'x'"),
}


@pytest.mark.parametrize(("args", "message"), USAGE.values(), ids=USAGE.keys())
def test_mistakes_are_one_line(
    args: list[str], message: str, invoke: Callable[..., Any], corpus: str, tmp_path: Path
) -> None:
    """A mistake is reported before anything is made."""
    finished = invoke(*args)
    assert finished.code in (1, 2)
    (line,) = finished.error_lines
    assert message in line
    assert [path.name for path in tmp_path.iterdir()] == [corpus]


def test_only_what_is_named_is_changed(
    invoke: Callable[..., Any], corpus: str, tiny: list[str]
) -> None:
    """A resumed run keeps its options and refuses other values."""
    args = ["train", corpus, "--steps", "3", "--clip", "0.5", "--seed", "7", "--val", "0.2"]
    assert invoke(*args, *tiny, "--bytes", "-q").code == 0
    assert invoke("train", corpus, "--resume", "--steps", "5", "-q").code == 0
    state = read_state(Path("runs/sea/state.safetensors"))
    assert (state.step, state.recipe.clip, state.recipe.seed) == (5, 0.5, 7)
    refused = invoke("train", corpus, "--resume", "--steps", "9", "--val", "0.1", "-q")
    assert refused.code == 2
    assert "--val: the run has 0.2, not 0.1; drop the option" in refused.stderr
    refused = invoke("train", corpus, "--resume", "--hidden-size", "9")
    assert "--hidden-size: the run has 8, not 9; drop the option" in refused.stderr
    Path(corpus).write_text("short and other " * 9)
    refused = invoke("train", corpus, "--resume", "--steps", "9")
    assert refused.code == 1
    assert "not the text that 'runs/sea' was trained on: in its vocabulary" in refused.stderr


@pytest.mark.slow
def test_standard_input_goes_on(charrnn: Callable[..., Any], text: str, tmp_path: Path) -> None:
    """A run on standard input resumes with the same text there, or without it."""
    run = {"stdin": text.encode(), "cwd": tmp_path}
    assert charrnn("train", "-", "--steps", "2", *SMALL, "-q", **run).code == 0
    assert charrnn("train", "-", "--resume", "--steps", "3", "-q", **run).code == 0
    run["stdin"] = text.encode()[:-1]
    refused = charrnn("train", "-", "--resume", "--steps", "4", "-q", **run)
    assert (refused.code, len(refused.error_lines)) == (1, 1)
    assert f"it has {len(text) - 1:,} characters, not {len(text):,}" in refused.stderr
    args = ["train", "--resume", "-o", "runs/stdin", "--steps", "4", "-q"]
    assert charrnn(*args, cwd=tmp_path).code == 0
    assert read_state(tmp_path / "runs" / "stdin" / "state.safetensors").step == 4


@pytest.mark.slow
def test_longer_by_time(
    invoke: Callable[..., Any], corpus: str, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with a budget of steps resumes with a time limit; a notice says what is inexact."""
    monkeypatch.setattr("charrnn.cli.train._BEGAN", time.monotonic())  # not when pytest began
    assert invoke("train", corpus, "--steps", "3", *tiny, "-q").code == 0
    finished = invoke("train", corpus, "--resume", "--time", "4s")
    assert finished.code == 0
    assert "bit for bit: the schedule follows the clock" in finished.stderr
    assert "the budget is now 4 s; step 3 " in finished.stderr
    state = read_state(Path("runs/sea/state.safetensors"))
    assert state.step > 3
    assert state.recipe.steps is None


@pytest.mark.slow
def test_a_model_begins_a_training(
    invoke: Callable[..., Any], corpus: str, tiny: list[str], tmp_path: Path
) -> None:
    """With --init-from the weights are those of the model; what becomes of characters is said."""
    assert invoke("train", corpus, "--steps", "3", *tiny, "-q").code == 0
    (tmp_path / "land.txt").write_text("Das Land rief: „Straße“? Xanten (still).\n" * 30)
    args = ["train", "land.txt", "--init-from", "runs/sea", "--steps", "1", "--lr", "0", "-q"]
    assert invoke(*args).code == 0
    args[-1:] = ["-o", "land"]
    finished = invoke(*args)
    assert finished.code == 0
    assert "charrnn: 19 of 24 characters are known to the model" in finished.error_lines
    assert "charrnn: 5 new to it: ? L S X ß" in finished.error_lines
    old = read_checkpoint(Path("runs/sea/model.safetensors"))
    new = read_checkpoint(Path("land/model.safetensors"))
    name = "layers.0.weight_hh"
    np.testing.assert_array_equal(new.arrays[name], old.arrays[name])
    refused = invoke(*args[:-1], "other", "--hidden-size", "64")
    assert refused.code == 2
    assert "--hidden-size: the model of --init-from has 8, not 64" in refused.stderr
    assert not Path("other").exists()
