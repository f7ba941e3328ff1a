"""Which model a user means: by name, by environment, or the one trained last."""

from __future__ import annotations

import functools
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from charrnn.errors import CheckpointError
from charrnn.model.checkpoint import MODEL_NAME, write_checkpoint
from charrnn.model.find import MODEL_VARIABLE, find_model


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """A ``runs`` folder in an empty current folder, with no model in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(MODEL_VARIABLE, raising=False)
    (tmp_path / "runs").mkdir()
    return Path("runs")


@pytest.fixture
def write_run(make_checkpoint):
    """Return a function that writes a run directory and returns its model file."""

    def write(run: Path, **about) -> Path:
        run.mkdir(parents=True)
        path = run / MODEL_NAME
        tiny = functools.partial(make_checkpoint, "rnn", hidden_size=1, embedding_size=1)
        write_checkpoint(path, tiny(characters="ab", **about))
        return path

    return write


def test_a_model_is_found_by_file_and_by_folder(runs, write_run):
    """A model file and its run directory both name the model."""
    path = write_run(runs / "one", trained_at=1.0)
    assert find_model(str(path)) == path
    assert find_model(str(path.parent)) == path


def test_a_folder_without_a_model_is_refused(runs, write_run):
    """A folder without a model raises, even if another run could be found."""
    write_run(runs / "one", trained_at=1.0)
    with pytest.raises(CheckpointError, match=r"'runs': no model\.safetensors .*run directory"):
        find_model("runs")


def test_the_environment_names_a_model(runs, write_run, monkeypatch):
    """The variable beats ./runs, and the option beats the variable."""
    write_run(runs / "latest", trained_at=9.0)
    chosen = write_run(runs / "chosen", trained_at=1.0)
    other = write_run(runs / "other", trained_at=2.0)
    monkeypatch.setenv(MODEL_VARIABLE, str(chosen.parent))
    assert find_model(None) == chosen
    assert find_model(str(other)) == other
    monkeypatch.setenv(MODEL_VARIABLE, "")
    assert find_model(None) == runs / "latest" / MODEL_NAME


def test_the_run_trained_last_is_found_by_its_own_time(runs, write_run):
    """The time in the model file decides, not the modification time, which a copy changes."""
    for name, trained_at, modified in [("a", 5.0, 10), ("b", 7.0, 1), ("c", 6.0, 20)]:
        path = write_run(runs / name, trained_at=trained_at)
        os.utime(path, (modified, modified))
    assert find_model(None) == runs / "b" / MODEL_NAME


def test_without_a_run_the_message_says_what_to_do(runs):
    """Without any model, one line says how to train one and names the option."""
    for _ in range(2):
        with pytest.raises(CheckpointError) as caught:
            find_model(None)
        message = str(caught.value)
        assert "charrnn train" in message
        assert "-m" in message
        assert len(message.splitlines()) == 1
        if runs.exists():
            runs.rmdir()  # the second time there is not even the folder


DAMAGES = {
    "empty": lambda _: b"",
    "cut": lambda data: data[:-1],
    "text": lambda _: b"no model at all\n" * 9,
    "pickle": lambda _: pickle.dumps({"trained_at": 9e9}),
}
TIMES = {
    "nan": "NaN",
    "infinite": "Infinity",
    "huge": "9" * 400,
    "list": "[9]",
    "nested": "[" * 100_000 + "]" * 100_000,
}


@pytest.mark.parametrize("name", ["a-damaged", "z-damaged"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_run_is_passed_over(runs, write_run, damage, name):
    """A damaged run is skipped."""
    bad = write_run(runs / name, trained_at=9e9)
    write_run(runs / "m-old", trained_at=1.0)
    good = write_run(runs / "n-new", trained_at=2.0)
    bad.write_bytes(damage(bad.read_bytes()))
    assert find_model(None) == good


@pytest.mark.parametrize("name", ["a-strange", "z-strange"])
@pytest.mark.parametrize("time", TIMES.values(), ids=TIMES)
def test_a_run_of_no_time_is_passed_over(runs, write_run, header_of, with_header, time, name):
    """A run with a nonsensical time is not chosen."""
    bad = write_run(runs / name, trained_at=9e9)
    good = write_run(runs / "n-new", trained_at=2.0)
    header = header_of(bad.read_bytes())
    header["__metadata__"]["about"] = f'{{"trained_at": {time}}}'
    bad.write_bytes(with_header(bad.read_bytes(), json.dumps(header).encode()))
    assert find_model(None) == good


def test_what_is_no_file_is_passed_over(runs, write_run):
    """A folder or a dead link in place of a model does not stop the search."""
    good = write_run(runs / "good", trained_at=1.0)
    (runs / "folder" / MODEL_NAME).mkdir(parents=True)
    (runs / "link").mkdir()
    (runs / "link" / MODEL_NAME).symlink_to("nowhere")
    (runs / "file").write_text("not a run")
    assert find_model(None) == good


def test_a_pipe_among_the_runs_does_not_stop_the_search(runs, write_run):
    """The search does not wait for a pipe in place of a model."""
    good = write_run(runs / "good", trained_at=1.0)
    (runs / "pipe").mkdir()
    os.mkfifo(runs / "pipe" / MODEL_NAME)
    # In a process of its own, because a search that waits can only be ended from outside.
    program = "from charrnn.model.find import find_model; print(find_model(None))"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        output, _ = process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail("the search waits for the pipe")
    assert output.strip() == str(good)
