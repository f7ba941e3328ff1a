"""What resuming refuses, and what a failed run leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn.errors import CheckpointError, ConfigError, RunError, TrainingError
from charrnn.training.api import resume, train
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.state import read_state, write_state


@pytest.mark.parametrize("changes", [{"steps": 5}, {"time": 0.001}, {"epochs": 0.1}])
def test_a_budget_that_is_over_is_refused(
    small: Settings,
    stopped: Callable[..., Any],
    changes: dict[str, float],
    corpus: str,
    tmp_path: Path,
) -> None:
    """A budget that is already used up leaves nothing to do."""
    stopped(corpus, tmp_path / "run", small, 9)
    with pytest.raises(ConfigError, match="used up: step 9 "):
        resume(tmp_path / "run", changes=changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 7}, "`hidden_size`: the run has 6, not 7; drop the option"),
        ({"cell": "lstm"}, "`cell`: the run has gru, not lstm"),
        ({"optimizer": "sgd"}, "`optimizer`: the run has muon, not sgd"),
        ({"seed": 2}, "`seed`: the run has 1, not 2"),
        ({"batch_size": 4}, "`batch_size`: the run has 3, not 4"),
        ({"min_count": 2}, "`min_count`: the run has 1, not 2"),
        ({"val": "0.2"}, "`val`: the run has 0.1, not 0.2"),
        ({"lr": 0.1}, "'lr' is not a setting; known: batch_size, "),
        ({"steps": None}, "`time`, `steps` and `epochs` are all None"),
        ({"learning_rate": None}, "`learning_rate`: None is not a number"),
        ({"max_bytes": 20_000}, "`max_bytes`: the run has none, not 20000"),
        ({"steps": 0}, "`steps`: 0 is out of range"),
    ],
    ids=str,
)
def test_what_must_stay_is_named(
    small: Settings,
    stopped: Callable[..., Any],
    changes: dict[str, Any],
    message: str,
    corpus: str,
    tmp_path: Path,
) -> None:
    """Another architecture, place in the text or reading is refused, with both values."""
    stopped(corpus, tmp_path / "run", small, 3)
    before = {path: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(ConfigError, match=message):
        resume(tmp_path / "run", changes=changes)
    assert {path: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_what_is_said_again_may_be_said(
    small: Settings,
    stopping: Callable[..., Any],
    outcome: Callable[..., Any],
    stopped: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
) -> None:
    """Options that the run has already change nothing."""
    train([corpus], out=tmp_path / "whole", settings=small)
    stopped(corpus, tmp_path / "parts", small, 4)
    same = {"hidden_size": 6, "cell": "gru", "seed": 1, "steps": 22, "val": "0.1"}
    resume(tmp_path / "parts", [corpus], changes=same, monitor=(monitor := stopping()))
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")
    assert not any("bit for bit" in line for line in monitor.notices)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("7", "8"), r"in its vocabulary '8' new and '7' gone"),
        (lambda text: text + "Die", "it has 499 characters, not 496"),
        (lambda text: text[:100] + "m" + text[101:], "character 101 is another"),
    ],
    ids=["vocabulary", "length", "one character"],
)
def test_a_changed_text_is_refused(
    small: Settings,
    stopped: Callable[..., Any],
    change: Callable[[str], str],
    message: str,
    corpus: str,
    tmp_path: Path,
) -> None:
    """A text that is not the one of the run is refused, with where it differs."""
    stopped(corpus, tmp_path / "run", small, 3)
    before = sorted((tmp_path / "run").iterdir())
    text = Path(corpus).read_text(encoding="utf-8")
    Path(corpus).write_text(change(text), encoding="utf-8")
    with pytest.raises(RunError, match=message):
        resume(tmp_path / "run", [corpus])
    assert sorted((tmp_path / "run").iterdir()) == before


def test_a_changed_corpus_file_is_refused(
    small: Settings, stopped: Callable[..., Any], corpus: str, tmp_path: Path
) -> None:
    """The text as numbers that lies beside the state must be the one that was trained on."""
    stopped(corpus, tmp_path / "run", small, 3)
    path = tmp_path / "run" / "corpus.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match=r"corpus\.npy is not the text that this run was trained"):
        resume(tmp_path / "run")


def test_the_run_of_a_text_is_found(
    small: Settings,
    stopping: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a directory it is the run below ./runs on that text that was saved last."""
    monkeypatch.chdir(tmp_path)
    text = Path(corpus).read_text(encoding="utf-8")
    (tmp_path / "other.txt").write_text(text, encoding="utf-8")
    for _ in range(2):
        train([corpus], settings=small, monitor=stopping(3))
    resume(Path("runs/sea"), monitor=stopping(2))
    train(["other.txt"], settings=small, monitor=stopping(3))
    assert resume(None, [corpus], monitor=stopping(1)).directory == Path("runs/sea")
    assert resume(None, ["other.txt"], monitor=stopping(1)).directory == Path("runs/other")
    (tmp_path / "third.txt").write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match=r"no run below \./runs was trained on 'third\.txt'"):
        resume(None, ["third.txt"])


@pytest.mark.parametrize("damage", ["cut", "flip", "model", "empty"])
def test_a_damaged_state_is_one_line(
    small: Settings, stopped: Callable[..., Any], damage: str, corpus: str, tmp_path: Path
) -> None:
    """A damaged state is refused; the error gives the remedy, and nothing is lost."""
    stopped(corpus, tmp_path / "run", small, 9)
    path = tmp_path / "run" / "state.safetensors"
    model = (tmp_path / "run" / "model.safetensors").read_bytes()
    data = path.read_bytes()
    flipped = data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]
    path.write_bytes({"cut": data[:-1], "flip": flipped, "model": model, "empty": b""}[damage])
    with pytest.raises(CheckpointError, match=r"not the whole state of a run.*--init-from"):
        resume(tmp_path / "run")
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == model


@pytest.mark.parametrize("name", ["network.output.bias", "optimizer.exp_avg.output.bias"])
@pytest.mark.parametrize("value", [np.zeros((3, 3), np.float32), np.full(7, np.nan, np.float32)])
def test_a_state_of_another_network_is_refused(
    small: Settings,
    stopped: Callable[..., Any],
    name: str,
    value: np.ndarray,
    corpus: str,
    tmp_path: Path,
) -> None:
    """Arrays that do not fit the recipe are an error of the file."""
    stopped(corpus, tmp_path / "run", small, 3)
    path = tmp_path / "run" / "state.safetensors"
    state = read_state(path)
    write_state(path, dataclasses.replace(state, arrays={**state.arrays, name: value}))
    with pytest.raises(CheckpointError, match="not the whole state of a run"):
        resume(tmp_path / "run")


def test_a_failure_keeps_the_last_good_state(
    small: Settings,
    stopping: Callable[..., Any],
    stopped: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
) -> None:
    """A failed run keeps its last good state and can be resumed with another learning rate."""
    bad = dataclasses.replace(small, cell="rnn", nonlinearity="relu", optimizer="sgd", steps=400)
    stopped(corpus, tmp_path / "bad", bad, 9)
    good = (tmp_path / "bad" / "state.safetensors").read_bytes()
    steering = {"learning_rate": 1e6, "clip": 0.0}
    with pytest.raises(TrainingError, match="the loss is not finite"):
        resume(tmp_path / "bad", changes=steering, save_every=1e-9)
    state = read_state(tmp_path / "bad" / "state.safetensors")
    assert all(np.isfinite(array).all() for array in state.arrays.values())
    assert state.step >= read_state_of(good, tmp_path).step
    resume(tmp_path / "bad", changes={"learning_rate": 1e-3, "clip": 1.0}, monitor=stopping(2))


def read_state_of(data: bytes, folder: Path) -> Any:
    """Return the state in the bytes of a file."""
    (folder / "copy.safetensors").write_bytes(data)
    return read_state(folder / "copy.safetensors")


def test_memory_that_is_not_there_keeps_the_state(
    small: Settings,
    outcome: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error in the middle of a run that has a state removes nothing."""
    from charrnn.training.learn.trainer import Trainer

    advance = Trainer.advance

    def failing(self: Trainer, progress: float) -> tuple[float, int]:
        if self.step == 7:
            raise MemoryError
        return advance(self, progress)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", failing)
        patch.setattr("charrnn.training.run.files.SAVING_SHARE", 1e9)
        with pytest.raises(TrainingError, match="memory"):
            train([corpus], out=tmp_path / "run", settings=small, save_every=1e-9)
    assert read_state(tmp_path / "run" / "state.safetensors").step == 7
    resume(tmp_path / "run")
    train([corpus], out=tmp_path / "whole", settings=small)
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def test_a_failure_before_the_first_step_leaves_nothing(
    small: Settings, corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that fails at once leaves no directory."""
    from charrnn.training.learn.trainer import Trainer

    def failing(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Trainer, "advance", failing)
    with pytest.raises(TrainingError, match="memory"):
        train([corpus], out=tmp_path / "run", settings=small)
    assert not (tmp_path / "run").exists()


def test_a_full_disk_warns_and_training_goes_on(
    small: Settings,
    stopping: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A save in passing that fails is a warning; the last one that fails is an error."""
    from charrnn.training.run import files

    calls = []

    def failing(path: Path, state: Any) -> None:
        calls.append(state.step)
        if state.step in (3, 22):
            raise OSError(28, "No space left on device")
        write_state(path, state)

    monkeypatch.setattr(files, "write_state", failing)
    monkeypatch.setattr("charrnn.training.run.files.SAVING_SHARE", 1e9)
    monitor = stopping()
    with pytest.raises(RunError, match="No space left"):
        train([corpus], out=tmp_path / "run", settings=small, save_every=1e-9, monitor=monitor)
    assert calls == [*range(23)]
    (line,) = [line for line in monitor.notices if "warning" in line]
    assert "could not be saved: No space left on device" in line
    assert read_state(tmp_path / "run" / "state.safetensors").step == 21


def test_an_error_of_a_monitor_is_not_one_of_the_state(
    small: Settings, stopping: Callable[..., Any], corpus: str, tmp_path: Path
) -> None:
    """Only errors of the state file say that it could not be saved."""

    class Broken(stopping):  # type: ignore[misc,valid-type]
        def report(self, *_: object) -> None:
            raise ConnectionResetError(104, "the monitor lost its connection")

    with pytest.raises(ConnectionResetError, match="the monitor lost"):
        train([corpus], out=tmp_path / "run", settings=small, monitor=Broken())
