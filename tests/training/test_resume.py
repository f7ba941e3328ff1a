"""A run that was stopped and goes on ends as one that was never stopped, bit for bit."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn.errors import CheckpointError, ConfigError, RunError, TrainingError
from charrnn.model.checkpoint import read_checkpoint
from charrnn.text.options import CorpusOptions
from charrnn.training.monitor import Silent
from charrnn.training.recipe import Settings
from charrnn.training.resume import resume
from charrnn.training.run import Result
from charrnn.training.state import read_state, write_state
from charrnn.training.train import train

TEXT = "Die Möwe rief: Fähre! Und 7 Boote lagen still im roten Hafen.\n" * 8
SMALL = Settings(
    steps=22,
    cell="gru",
    hidden_size=6,
    embedding_size=5,
    batch_size=3,
    seq_length=12,
    dropout=0.25,
    precision="float32",
    threads=1,
    num_networks=1,
    ngrams=1,
)
CLOCK = ("seconds", "seconds_left", "chars_per_second")  # what no two runs share
KINDS = {
    "rnn": {"cell": "rnn"},
    "rnn-relu": {"cell": "rnn", "nonlinearity": "relu", "optimizer": "rmsprop"},
    "gru": {"cell": "gru", "num_layers": 2},
    "lstm": {"cell": "lstm", "optimizer": "sgd", "learning_rate": 0.1},
    "mingru": {"cell": "mingru"},
    "plain-mingru": {"cell": "mingru", "block": "plain", "optimizer": "adam"},
    "residual-lstm": {"cell": "lstm", "block": "residual", "num_layers": 2},
    "residual-rnn": {"cell": "rnn", "block": "residual"},
    "ngrams-gru": {"cell": "gru", "ngrams": 3},
    "two-networks": {"cell": "mingru", "num_networks": 2, "ngrams": 2},
    "bfloat16-mingru": {"cell": "mingru", "precision": "auto", "ngrams": 2},
}


class Stopping(Silent):
    """A monitor that stops a process after some of its steps, and keeps what it is told."""

    def __init__(self, after: float = math.inf) -> None:
        self.left = after + 1  # it is asked once before the first step
        self.notices: list[str] = []

    def notice(self, line: str) -> None:
        self.notices.append(line)

    def stop_signal(self) -> int | None:
        self.left -= 1
        return 15 if self.left <= 0 else None


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    """A text of 496 characters: an epoch is 13 steps."""
    path = tmp_path / "sea.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def without_clock(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what does not depend on the time of day or the speed of the machine."""
    return {name: value for name, value in values.items() if name not in CLOCK}


def outcome(directory: Path) -> dict[str, Any]:
    """Return all that a run left, arrays as bytes, but for what the clock has written."""
    model = read_checkpoint(directory / "model.safetensors")
    state = read_state(directory / "state.safetensors")
    about = {name: value for name, value in model.about.items() if name != "trained_at"}
    about["history"] = [without_clock(point) for point in about["history"]]
    tally = state.tally.to_json()
    tally["best"] = without_clock(tally["best"])
    lines = (directory / "metrics.jsonl").read_text().splitlines()
    return {
        "model": {name: array.tobytes() for name, array in model.arrays.items()},
        "config": model.config,
        "vocabulary": model.vocabulary,
        "about": {**about, "report": without_clock(about["report"])},
        "state": {name: array.tobytes() for name, array in state.arrays.items()},
        "step": (state.step, state.chars),
        "recipe": state.recipe,
        "tally": {n: v for n, v in tally.items() if n not in ("validating", "reported_at")},
        "losses": [without_clock(json.loads(line)) for line in lines],
    }


def stopped(corpus: str, out: Path, settings: Settings, *stops: float, **more: Any) -> Result:
    """Train a run that is stopped after so many steps of each process; the last one ends it."""
    result = train([corpus], out=out, settings=settings, monitor=Stopping(stops[0]), **more)
    for stop in stops[1:]:
        assert result.stop_signal == 15
        result = resume(out, monitor=Stopping(stop))
    return result


@pytest.mark.slow
@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS.keys())
def test_stopping_leaves_no_trace(changes: dict[str, Any], corpus: str, tmp_path: Path) -> None:
    """Stopped in the middle of an epoch, at its end and after its start, all is the same."""
    settings = dataclasses.replace(SMALL, **changes)
    train([corpus], out=tmp_path / "whole", settings=settings)
    stopped(corpus, tmp_path / "parts", settings, 5, 8, 1, math.inf)  # after 5, 13 and 14 steps
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("stop", range(1, 22))
def test_every_step_is_one_to_stop_at(stop: int, corpus: str, tmp_path: Path) -> None:
    """Wherever a run is stopped, just after a validation or a report too, all is the same."""
    settings = dataclasses.replace(SMALL, steps=22, cell="mingru")
    train([corpus], out=tmp_path / "whole", settings=settings)
    stopped(corpus, tmp_path / "parts", settings, stop, math.inf)
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")


@pytest.mark.slow
def test_reports_between_losses_survive(corpus: str, tmp_path: Path) -> None:
    """In a run of more steps than reports the losses since the last report are not lost."""
    settings = dataclasses.replace(SMALL, steps=333)
    train([corpus], out=tmp_path / "whole", settings=settings)
    stopped(corpus, tmp_path / "parts", settings, 5, 100, 77, math.inf)
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")
    steps = [line["step"] for line in outcome(tmp_path / "parts")["losses"]]
    assert {5, 105, 182}.isdisjoint(steps)


def test_nothing_need_validate(corpus: str, tmp_path: Path) -> None:
    """The law holds where nothing validates and the model is the last one."""
    more = {"options": CorpusOptions(val="0")}
    train([corpus], out=tmp_path / "whole", settings=SMALL, **more)
    stopped(corpus, tmp_path / "parts", SMALL, 9, math.inf, **more)
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")


def test_documents_go_on(corpus: str, tmp_path: Path) -> None:
    """The law holds where each line is a document with a fresh state."""
    more = {"options": CorpusOptions(separator="\n")}
    train([corpus], out=tmp_path / "whole", settings=SMALL, **more)
    stopped(corpus, tmp_path / "parts", SMALL, 5, 8, math.inf, **more)
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")
    again = {"separator": "\n", "val": "0.1"}
    resume(tmp_path / "parts", [corpus], changes=again)
    with pytest.raises(ConfigError, match=r"--lines or --doc-sep: the run has '.n', not none"):
        resume(tmp_path / "parts", changes={"separator": None})


def test_a_stop_at_the_last_step_is_an_end(corpus: str, tmp_path: Path) -> None:
    """A run that is stopped when it is over anyway has nothing left to do."""
    train([corpus], out=tmp_path / "whole", settings=SMALL)
    result = stopped(corpus, tmp_path / "parts", SMALL, 22)
    assert result.stop_signal == 15
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")
    monitor = Stopping()
    again = resume(tmp_path / "parts", monitor=monitor)
    assert (again.stop_signal, again.best.step) == (None, result.best.step)
    (line,) = monitor.notices
    assert "is over: 22 steps are used up; for more, add a larger --time, --steps" in line


GROUPS = ("network.", "average.", "optimizer.exp_avg.", "optimizer.exp_avg_sq.", "optimizer.step.")


@pytest.mark.slow
@pytest.mark.parametrize("prefix", [*GROUPS, "carried.1.", "carried.0.", "generator"])
def test_the_law_needs_all_that_is_saved(prefix: str, corpus: str, tmp_path: Path) -> None:
    """A run that goes on without a part of its state ends elsewhere: each part is needed."""
    settings = dataclasses.replace(SMALL, ngrams=2, steps=54)  # the average begins at step 41
    stopped(corpus, tmp_path / "parts", settings, 46, math.inf)
    stopped(corpus, tmp_path / "hurt", settings, 46)
    path = tmp_path / "hurt" / "state.safetensors"
    state = read_state(path)
    hurt = {
        name: np.asarray(np.roll(array, 1) + (0 if prefix == "generator" else 1), array.dtype)
        for name, array in state.arrays.items()
        if name.startswith(prefix)
    }
    assert hurt
    if prefix == "generator":  # another seed: its numbers are no weights to shift
        other = stopped(corpus, tmp_path / "other", dataclasses.replace(settings, seed=9), 1)
        hurt = {prefix: read_state(other.directory / "state.safetensors").arrays[prefix]}
    write_state(path, dataclasses.replace(state, arrays={**state.arrays, **hurt}))
    resume(tmp_path / "hurt")
    assert outcome(tmp_path / "hurt")["state"] != outcome(tmp_path / "parts")["state"]


def test_what_a_killed_process_wrote_later_is_made_again(corpus: str, tmp_path: Path) -> None:
    """Metrics and a model that are newer than the state are replaced by equal ones."""
    train([corpus], out=tmp_path / "run", settings=SMALL)
    whole = outcome(tmp_path / "run")
    stopped(corpus, tmp_path / "killed", SMALL, 9)
    old = (tmp_path / "killed" / "state.safetensors").read_bytes()
    resume(tmp_path / "killed", monitor=Stopping(7))
    (tmp_path / "killed" / "state.safetensors").write_bytes(old)  # the newer one was never saved
    with (tmp_path / "killed" / "metrics.jsonl").open("a") as metrics:
        metrics.write('{"schema": 1, "st')
    resume(tmp_path / "killed")
    assert outcome(tmp_path / "killed") == whole


@pytest.mark.slow
def test_a_clock_driven_run_keeps_the_better_model(corpus: str, tmp_path: Path) -> None:
    """Where the way will be another, a better model that was kept after the state stays."""
    stopped(corpus, tmp_path / "run", SMALL, 9)
    old = (tmp_path / "run" / "state.safetensors").read_bytes()
    resume(tmp_path / "run")
    good = read_checkpoint(tmp_path / "run" / "model.safetensors")
    (tmp_path / "run" / "state.safetensors").write_bytes(old)
    monitor = Stopping()
    resume(tmp_path / "run", changes={"learning_rate": 1e-9, "time": 3.0}, monitor=monitor)
    kept = read_checkpoint(tmp_path / "run" / "model.safetensors")
    assert kept.about["report"] == good.about["report"]
    (line,) = [line for line in monitor.notices if line.startswith("not bit for bit")]
    assert "the schedule follows the clock; learning rate is 1e-09, was 0.004" in line


def test_a_longer_budget_goes_on_along_the_new_line(corpus: str, tmp_path: Path) -> None:
    """A run that is over gets more steps; the rate is where a run of that length would have it."""
    train([corpus], out=tmp_path / "run", settings=SMALL)
    best = outcome(tmp_path / "run")["about"]["report"]
    monitor = Stopping()
    result = resume(tmp_path / "run", changes={"steps": 44}, monitor=monitor)
    after = outcome(tmp_path / "run")
    assert after["step"][0] == 44
    assert after["recipe"].steps == 44
    steps = [line["step"] for line in after["losses"]]
    assert steps == sorted(set(steps))
    rates = {line["step"]: line["learning_rate"] for line in after["losses"]}
    peak = after["recipe"].learning_rate
    assert rates[22] == pytest.approx(peak * (1 - 21 / 22) / 0.98, abs=1e-6)
    assert rates[23] == pytest.approx(peak * 0.5 / 0.98, abs=1e-6)
    assert result.best.val_nats_per_char <= best["val_nats_per_char"]
    assert any("the learning rate goes on at 0.002, 50% of the way" in n for n in monitor.notices)
    assert any("the budget is another" in line for line in monitor.notices)


def test_time_that_was_used_counts(corpus: str, tmp_path: Path) -> None:
    """Seconds used before a stop are part of the budget of a run by the clock."""
    settings = dataclasses.replace(SMALL, steps=None, time=30.0)
    stopped(corpus, tmp_path / "run", settings, 9)
    path = tmp_path / "run" / "state.safetensors"
    state = read_state(path)
    assert 0 < state.used["elapsed"] < 20
    used = {**state.used, "elapsed": 29.9}
    write_state(path, dataclasses.replace(state, used=used))
    result = resume(tmp_path / "run", monitor=(monitor := Stopping()))
    assert result.stop_signal is None
    assert 29.9 < read_state(path).used["elapsed"] < 35
    assert read_state(path).tally.is_over
    assert any("the schedule follows the clock" in line for line in monitor.notices)


@pytest.mark.parametrize("changes", [{"steps": 5}, {"time": 0.001}, {"epochs": 0.1}])
def test_a_budget_that_is_over_is_refused(
    changes: dict[str, float], corpus: str, tmp_path: Path
) -> None:
    """A budget that is no longer than what is done gives nothing to do."""
    stopped(corpus, tmp_path / "run", SMALL, 9)
    with pytest.raises(ConfigError, match="no longer than what is over: step 9 is done and"):
        resume(tmp_path / "run", changes=changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 7}, "--hidden-size: the run has 6, not 7; drop the option"),
        ({"cell": "lstm"}, "--cell: the run has gru, not lstm"),
        ({"optimizer": "sgd"}, "--optimizer: the run has adamw, not sgd"),
        ({"seed": 2}, "--seed: the run has 1, not 2"),
        ({"batch_size": 4}, "--batch-size: the run has 3, not 4"),
        ({"min_count": 2}, "--min-count: the run has 1, not 2"),
        ({"val": "0.2"}, "--val: the run has 0.1, not 0.2"),
        ({"steps": 0}, "--steps: 0 is out of range"),
    ],
    ids=str,
)
def test_what_must_stay_is_named(
    changes: dict[str, Any], message: str, corpus: str, tmp_path: Path
) -> None:
    """Another architecture, place in the text or reading is refused, with both values."""
    stopped(corpus, tmp_path / "run", SMALL, 3)
    before = {path: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(ConfigError, match=message):
        resume(tmp_path / "run", changes=changes)
    assert {path: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_what_is_said_again_may_be_said(corpus: str, tmp_path: Path) -> None:
    """Options that the run has already change nothing."""
    train([corpus], out=tmp_path / "whole", settings=SMALL)
    stopped(corpus, tmp_path / "parts", SMALL, 4)
    same = {"hidden_size": 6, "cell": "gru", "seed": 1, "steps": 22, "val": "0.1"}
    resume(tmp_path / "parts", [corpus], changes=same, monitor=(monitor := Stopping()))
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
    change: Callable[[str], str], message: str, corpus: str, tmp_path: Path
) -> None:
    """A text that is not the one of the run is refused, with where it differs."""
    stopped(corpus, tmp_path / "run", SMALL, 3)
    before = sorted((tmp_path / "run").iterdir())
    Path(corpus).write_text(change(TEXT), encoding="utf-8")
    with pytest.raises(RunError, match=message):
        resume(tmp_path / "run", [corpus])
    assert sorted((tmp_path / "run").iterdir()) == before


def test_a_changed_corpus_file_is_refused(corpus: str, tmp_path: Path) -> None:
    """The text as numbers that lies beside the state must be the one that was trained on."""
    stopped(corpus, tmp_path / "run", SMALL, 3)
    path = tmp_path / "run" / "corpus.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match=r"corpus\.npy is not the text that this run was trained"):
        resume(tmp_path / "run")


def test_the_run_of_a_text_is_found(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a directory it is the run below ./runs on that text that was saved last."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.txt").write_text(TEXT, encoding="utf-8")
    for _ in range(2):
        train([corpus], settings=SMALL, monitor=Stopping(3))
    resume(Path("runs/sea"), monitor=Stopping(2))
    train(["other.txt"], settings=SMALL, monitor=Stopping(3))
    assert resume(None, [corpus], monitor=Stopping(1)).directory == Path("runs/sea")
    assert resume(None, ["other.txt"], monitor=Stopping(1)).directory == Path("runs/other")
    (tmp_path / "third.txt").write_text(TEXT, encoding="utf-8")
    with pytest.raises(RunError, match=r"no run below \./runs was trained on 'third\.txt'"):
        resume(None, ["third.txt"])


@pytest.mark.parametrize("damage", ["cut", "flip", "model", "empty"])
def test_a_damaged_state_is_one_line(damage: str, corpus: str, tmp_path: Path) -> None:
    """A state that is no good is refused with what can be done, and nothing is lost."""
    stopped(corpus, tmp_path / "run", SMALL, 9)
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
    name: str, value: np.ndarray, corpus: str, tmp_path: Path
) -> None:
    """Arrays that do not fit the recipe are no bug but a bad file."""
    stopped(corpus, tmp_path / "run", SMALL, 3)
    path = tmp_path / "run" / "state.safetensors"
    state = read_state(path)
    write_state(path, dataclasses.replace(state, arrays={**state.arrays, name: value}))
    with pytest.raises(CheckpointError, match="not the whole state of a run"):
        resume(tmp_path / "run")


def test_a_failure_keeps_the_last_good_state(corpus: str, tmp_path: Path) -> None:
    """A run that fails leaves its last good state, from which it goes on with another rate."""
    bad = dataclasses.replace(SMALL, cell="rnn", nonlinearity="relu", optimizer="sgd", steps=400)
    stopped(corpus, tmp_path / "bad", bad, 9)
    good = (tmp_path / "bad" / "state.safetensors").read_bytes()
    steering = {"learning_rate": 1e6, "clip": 0.0}
    with pytest.raises(TrainingError, match="the loss is not finite"):
        resume(tmp_path / "bad", changes=steering, save_every=1e-9)
    state = read_state(tmp_path / "bad" / "state.safetensors")
    assert all(np.isfinite(array).all() for array in state.arrays.values())
    assert state.step >= read_state_of(good, tmp_path).step
    resume(tmp_path / "bad", changes={"learning_rate": 1e-3, "clip": 1.0}, monitor=Stopping(2))


def read_state_of(data: bytes, folder: Path) -> Any:
    """Return the state in the bytes of a file."""
    (folder / "copy.safetensors").write_bytes(data)
    return read_state(folder / "copy.safetensors")


def test_memory_that_is_not_there_keeps_the_state(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the middle of a run that has a state removes nothing."""
    from charrnn.training.trainer import Trainer

    advance = Trainer.advance

    def failing(self: Trainer, progress: float) -> tuple[float, int]:
        if self.step == 7:
            raise MemoryError
        return advance(self, progress)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", failing)
        patch.setattr("charrnn.training.loop.SAVING_SHARE", 1e9)
        with pytest.raises(TrainingError, match="memory"):
            train([corpus], out=tmp_path / "run", settings=SMALL, save_every=1e-9)
    assert read_state(tmp_path / "run" / "state.safetensors").step == 7
    resume(tmp_path / "run")
    train([corpus], out=tmp_path / "whole", settings=SMALL)
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def test_a_failure_before_the_first_step_leaves_nothing(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that fails at once leaves no directory."""
    from charrnn.training.trainer import Trainer

    def failing(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Trainer, "advance", failing)
    with pytest.raises(TrainingError, match="memory"):
        train([corpus], out=tmp_path / "run", settings=SMALL)
    assert not (tmp_path / "run").exists()


def test_a_full_disk_warns_and_training_goes_on(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A save in passing that fails is a warning; the last one that fails is an error."""
    from charrnn.training import run as running

    calls = []

    def failing(path: Path, state: Any) -> None:
        calls.append(state.step)
        if state.step in (3, 22):
            raise OSError(28, "No space left on device")
        write_state(path, state)

    monkeypatch.setattr(running, "write_state", failing)
    monkeypatch.setattr("charrnn.training.loop.SAVING_SHARE", 1e9)
    monitor = Stopping()
    with pytest.raises(RunError, match="No space left"):
        train([corpus], out=tmp_path / "run", settings=SMALL, save_every=1e-9, monitor=monitor)
    assert calls == [*range(23)]
    (line,) = [line for line in monitor.notices if "warning" in line]
    assert "could not be saved: No space left on device" in line
    assert read_state(tmp_path / "run" / "state.safetensors").step == 21
