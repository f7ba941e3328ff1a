"""A resumed run ends bit for bit like an uninterrupted one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn.corpus.options import CorpusOptions
from charrnn.errors import ConfigError
from charrnn.model.checkpoint import read_checkpoint
from charrnn.training.api import resume, train
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.state import read_state, write_state

KINDS = {
    "rnn": {"cell": "rnn"},
    "rnn-relu": {"cell": "rnn", "nonlinearity": "relu", "optimizer": "rmsprop"},
    "gru": {"cell": "gru", "num_layers": 2},
    "lstm": {"cell": "lstm", "optimizer": "sgd", "learning_rate": 0.1},
    "mingru": {"cell": "mingru"},
    "plain-mingru": {"cell": "mingru", "block": "plain", "optimizer": "adam"},
    "residual-lstm": {"cell": "lstm", "block": "residual", "num_layers": 2},
    "residual-rnn": {"cell": "rnn", "block": "residual", "optimizer": "adamw"},
    "ngrams-gru": {"cell": "gru", "ngrams": 3},
    "two-networks": {"cell": "mingru", "num_networks": 2, "ngrams": 2},
    "bfloat16-mingru": {"cell": "mingru", "precision": "auto", "ngrams": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS.keys())
def test_stopping_leaves_no_trace(
    small: Settings,
    outcome: Callable[..., Any],
    stopped: Callable[..., Any],
    changes: dict[str, Any],
    corpus: str,
    tmp_path: Path,
) -> None:
    """Stopped in the middle of an epoch, at its end and after its start, all is the same."""
    settings = dataclasses.replace(small, **changes)
    train([corpus], out=tmp_path / "whole", settings=settings)
    stopped(corpus, tmp_path / "parts", settings, 5, 8, 1, math.inf)  # after 5, 13 and 14 steps
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("stop", range(1, 22))
def test_every_step_is_one_to_stop_at(
    small: Settings,
    outcome: Callable[..., Any],
    stopped: Callable[..., Any],
    stop: int,
    corpus: str,
    tmp_path: Path,
) -> None:
    """Wherever a run is stopped, just after a validation or a report too, all is the same."""
    settings = dataclasses.replace(small, steps=22, cell="mingru")
    train([corpus], out=tmp_path / "whole", settings=settings)
    stopped(corpus, tmp_path / "parts", settings, stop, math.inf)
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")


@pytest.mark.slow
def test_reports_between_losses_survive(
    small: Settings,
    outcome: Callable[..., Any],
    stopped: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
) -> None:
    """In a run of more steps than reports the losses since the last report are not lost."""
    settings = dataclasses.replace(small, steps=333)
    train([corpus], out=tmp_path / "whole", settings=settings)
    stopped(corpus, tmp_path / "parts", settings, 5, 100, 77, math.inf)
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")
    steps = [line["step"] for line in outcome(tmp_path / "parts")["losses"]]
    assert {5, 105, 182}.isdisjoint(steps)


def test_nothing_need_validate(
    small: Settings,
    outcome: Callable[..., Any],
    stopped: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
) -> None:
    """The law holds where nothing validates and the model is the last one."""
    more = {"options": CorpusOptions(val="0")}
    train([corpus], out=tmp_path / "whole", settings=small, **more)
    stopped(corpus, tmp_path / "parts", small, 9, math.inf, **more)
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")


def test_documents_go_on(
    small: Settings,
    outcome: Callable[..., Any],
    stopped: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
) -> None:
    """The law holds where each line is a document with a fresh state."""
    more = {"options": CorpusOptions(separator="\n")}
    train([corpus], out=tmp_path / "whole", settings=small, **more)
    stopped(corpus, tmp_path / "parts", small, 5, 8, math.inf, **more)
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")
    again = {"separator": "\n", "val": "0.1"}
    resume(tmp_path / "parts", [corpus], changes=again)
    with pytest.raises(ConfigError, match=r"`lines` or `doc_sep`: the run has"):
        resume(tmp_path / "parts", changes={"separator": None})


def test_a_stop_at_the_last_step_is_an_end(
    small: Settings,
    stopping: Callable[..., Any],
    outcome: Callable[..., Any],
    stopped: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
) -> None:
    """A run that is stopped when it is over anyway has nothing left to do."""
    train([corpus], out=tmp_path / "whole", settings=small)
    result = stopped(corpus, tmp_path / "parts", small, 22)
    assert result.stop_signal == 15
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")
    monitor = stopping()
    again = resume(tmp_path / "parts", monitor=monitor)
    assert (again.stop_signal, again.best.step) == (None, result.best.step)
    (line,) = monitor.notices
    assert "is finished (22 steps)" in line


MOMENTS = ("momentum", "exp_avg", "exp_avg_sq", "step")
GROUPS = ("network.", "average.", *(f"optimizer.{name}." for name in MOMENTS))


@pytest.mark.slow
@pytest.mark.parametrize("prefix", [*GROUPS, "carried.1.", "carried.0.", "generator"])
def test_the_law_needs_all_that_is_saved(
    small: Settings,
    outcome: Callable[..., Any],
    stopped: Callable[..., Any],
    prefix: str,
    corpus: str,
    tmp_path: Path,
) -> None:
    """Resuming without any one part of the state gives another result: each part is needed."""
    settings = dataclasses.replace(small, ngrams=2, steps=54)  # the average begins at step 41
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
    if prefix == "generator":  # another seed, because its numbers cannot be shifted
        other = stopped(corpus, tmp_path / "other", dataclasses.replace(settings, seed=9), 1)
        hurt = {prefix: read_state(other.directory / "state.safetensors").arrays[prefix]}
    write_state(path, dataclasses.replace(state, arrays={**state.arrays, **hurt}))
    resume(tmp_path / "hurt")
    assert outcome(tmp_path / "hurt")["state"] != outcome(tmp_path / "parts")["state"]


def test_what_a_killed_process_wrote_later_is_made_again(
    small: Settings,
    stopping: Callable[..., Any],
    outcome: Callable[..., Any],
    stopped: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
) -> None:
    """Metrics and a model that are newer than the state are replaced by equal ones."""
    train([corpus], out=tmp_path / "run", settings=small)
    whole = outcome(tmp_path / "run")
    stopped(corpus, tmp_path / "killed", small, 9)
    old = (tmp_path / "killed" / "state.safetensors").read_bytes()
    resume(tmp_path / "killed", monitor=stopping(7))
    (tmp_path / "killed" / "state.safetensors").write_bytes(old)  # the newer one was never saved
    with (tmp_path / "killed" / "metrics.jsonl").open("a") as metrics:
        metrics.write('{"schema": 1, "st')
    resume(tmp_path / "killed")
    assert outcome(tmp_path / "killed") == whole


@pytest.mark.slow
def test_a_clock_driven_run_keeps_the_better_model(
    small: Settings,
    stopping: Callable[..., Any],
    stopped: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
) -> None:
    """Where the way will be another, a better model that was kept after the state stays."""
    stopped(corpus, tmp_path / "run", small, 9)
    old = (tmp_path / "run" / "state.safetensors").read_bytes()
    resume(tmp_path / "run")
    good = read_checkpoint(tmp_path / "run" / "model.safetensors")
    (tmp_path / "run" / "state.safetensors").write_bytes(old)
    monitor = stopping()
    resume(tmp_path / "run", changes={"learning_rate": 1e-9, "time": 3.0}, monitor=monitor)
    kept = read_checkpoint(tmp_path / "run" / "model.safetensors")
    assert kept.about["report"] == good.about["report"]
    (line,) = [line for line in monitor.notices if "bit for bit" in line]
    assert "the schedule follows the clock; learning rate is 1e-09, was 0.016" in line


def test_a_longer_budget_goes_on_along_the_new_line(
    small: Settings,
    stopping: Callable[..., Any],
    outcome: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
) -> None:
    """A run that is over gets more steps; the rate is where a run of that length would have it."""
    train([corpus], out=tmp_path / "run", settings=small)
    best = outcome(tmp_path / "run")["about"]["report"]
    monitor = stopping()
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
    assert any("learning rate continues at 0.0082" in n for n in monitor.notices)
    assert any("the budget" in line and "bit for bit" in line for line in monitor.notices)


@pytest.mark.slow
def test_time_that_was_used_counts(
    small: Settings,
    stopping: Callable[..., Any],
    stopped: Callable[..., Any],
    corpus: str,
    tmp_path: Path,
) -> None:
    """Seconds used before a stop are part of the budget of a run by the clock."""
    settings = dataclasses.replace(small, steps=None, time=30.0)
    stopped(corpus, tmp_path / "run", settings, 9)
    path = tmp_path / "run" / "state.safetensors"
    state = read_state(path)
    assert 0 < state.used["elapsed"] < 20
    used = {**state.used, "elapsed": 29.9}
    write_state(path, dataclasses.replace(state, used=used))
    result = resume(tmp_path / "run", monitor=(monitor := stopping()))
    assert result.stop_signal is None
    assert 29.9 < read_state(path).used["elapsed"] < 35
    assert read_state(path).loop_state.is_over
    assert any("the schedule follows the clock" in line for line in monitor.notices)
