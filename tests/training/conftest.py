"""Fixtures for runs: a small one, stopping it anywhere, and all that it leaves."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from charrnn.model.checkpoint import read_checkpoint
from charrnn.training.api import resume, train
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.monitor import Silent
from charrnn.training.run.session import Result
from charrnn.training.run.state import read_state

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


class Stopping(Silent):
    """A monitor that records everything and stops a process after some steps."""

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


@pytest.fixture
def small() -> Settings:
    """The settings of a run that takes a moment."""
    return SMALL


@pytest.fixture
def stopping() -> type[Stopping]:
    """The kind of a monitor that stops a process after some of its steps."""
    return Stopping


@pytest.fixture(name="outcome")
def _outcome() -> Callable[[Path], dict[str, Any]]:
    """Return a function that collects what a run left, except for what depends on the clock."""
    return outcome


@pytest.fixture(name="stopped")
def _stopped() -> Callable[..., Result]:
    """Return a function that trains a run in several processes, each stopped after some steps."""
    return stopped


def without_clock(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what does not depend on the time of day or the speed of the machine."""
    return {name: value for name, value in values.items() if name not in CLOCK}


def outcome(directory: Path) -> dict[str, Any]:
    """Return all that a run left, arrays as bytes, but for what the clock has written."""
    model = read_checkpoint(directory / "model.safetensors")
    state = read_state(directory / "state.safetensors")
    about = {name: value for name, value in model.about.items() if name != "trained_at"}
    about["history"] = [without_clock(point) for point in about["history"]]
    loop_state = state.loop_state.to_json()
    loop_state["best"] = without_clock(loop_state["best"])
    lines = (directory / "metrics.jsonl").read_text().splitlines()
    return {
        "model": {name: array.tobytes() for name, array in model.arrays.items()},
        "config": model.config,
        "vocabulary": model.vocabulary,
        "about": {**about, "report": without_clock(about["report"])},
        "state": {name: array.tobytes() for name, array in state.arrays.items()},
        "step": (state.step, state.chars),
        "recipe": state.recipe,
        "tally": {n: v for n, v in loop_state.items() if n not in ("validating", "reported_at")},
        "losses": [without_clock(json.loads(line)) for line in lines],
    }


def stopped(corpus: str, out: Path, settings: Settings, *stops: float, **more: Any) -> Result:
    """Train a run in several processes, each stopped after some steps; the last one finishes."""
    result = train([corpus], out=out, settings=settings, monitor=Stopping(stops[0]), **more)
    for stop in stops[1:]:
        assert result.stop_signal == 15
        result = resume(out, monitor=Stopping(stop))
    return result
