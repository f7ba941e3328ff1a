"""Numbers that go wrong: memory that is used up, losses that are not finite, a clock that jumps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.streams import Window
from charrnn.errors import TrainingError
from charrnn.model.checkpoint import read_checkpoint
from charrnn.training.api import train
from charrnn.training.devices.memory import one_line_if_out_of_memory
from charrnn.training.learn.learner import Learner
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.loop import Trainer
from charrnn.training.run.metrics import read_metrics
from charrnn.training.run.session import Result

TEXT = "Die Möwe rief: „Fähre!“ und 7 Boote lagen (still) im Hafen.\n" * 20
SMALL: dict[str, Any] = {
    "steps": 10,
    "cell": "lstm",
    "hidden_size": 4,
    "embedding_size": 4,
    "batch_size": 4,
    "seq_length": 8,
    "precision": "float32",
    "threads": 1,
}
OUT_OF_MEMORY = {
    "torch on a GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "CUDA": RuntimeError("CUDA error: out of memory"),
    "cuBLAS": RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"),
    "MPS": RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    "torch on a CPU": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you "
        "tried to allocate 1000000000000 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "NumPy": MemoryError("Unable to allocate 7.28 TiB for an array"),
}


@pytest.fixture
def go(tmp_path: Path) -> Callable[..., Result]:
    """Train a small model in ``tmp_path / "run"``."""
    (tmp_path / "text").write_text(TEXT, encoding="utf-8")

    def run(val: str = "0.1", **settings: Any) -> Result:
        return train(
            [str(tmp_path / "text")],
            out=tmp_path / "run",
            options=CorpusOptions(val=val),
            settings=Settings(**SMALL | settings),
        )

    return run


def strike_at(step: int, monkeypatch: pytest.MonkeyPatch, strike: Callable[[], float]) -> None:
    """Let something happen to a step of training; what it returns is the loss."""
    advance = Learner.advance

    def changed(self: Learner, window: Window, number: int, *rest: float) -> None:
        advance(self, window, number, *rest)
        if number == step:
            self._nats[-1] = torch.tensor(strike())

    monkeypatch.setattr(Learner, "advance", changed)


@pytest.mark.parametrize("where", OUT_OF_MEMORY)
def test_memory_that_is_used_up_while_training(
    where: str, go: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says which memory, and what to make smaller; the model of before stays."""

    def strike() -> float:
        raise OUT_OF_MEMORY[where]

    strike_at(7, monkeypatch, strike)
    with pytest.raises(TrainingError) as caught:
        go()
    line = str(caught.value)
    is_cpu = where in ("torch on a CPU", "NumPy")
    assert f"the memory of {'this machine' if is_cpu else 'the GPU'};" in line
    assert "`batch_size` 2, or a smaller `seq_length`, `hidden_size` or `num_layers`" in line
    assert "\n" not in line
    assert 0 < read_checkpoint(tmp_path / "run" / "model.safetensors").about["report"]["step"] < 7
    assert len(read_metrics(tmp_path / "run" / "metrics.jsonl")) == 6


@pytest.mark.parametrize("library", ["torch", "numpy"])
def test_what_no_memory_holds(
    library: str, go: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real allocations of a pebibyte fail in one line; without a model nothing is left."""

    def strike() -> float:
        size = 1 << 50
        torch.empty(size, dtype=torch.uint8) if library == "torch" else np.empty(size, np.uint8)
        return 1.0

    strike_at(1, monkeypatch, strike)
    with pytest.raises(TrainingError, match="the memory of this machine;"):
        go()
    assert not (tmp_path / "run").exists()


def test_other_errors_are_bugs(go: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A RuntimeError that is not about memory passes through."""

    def strike() -> float:
        raise RuntimeError("shapes do not fit")

    strike_at(1, monkeypatch, strike)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        go()
    recipe = resolve(Settings(**SMALL), num_chars=100, vocab_size=10)
    with pytest.raises(KeyError), one_line_if_out_of_memory(recipe):
        raise KeyError("a bug")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("step", [1, 2, 7, 10])
def test_a_loss_that_is_not_finite(
    value: float, step: int, go: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends with advice in one line, and what was kept stays and can be read."""
    strike_at(step, monkeypatch, lambda: value)
    with pytest.raises(TrainingError, match=f"the loss is not finite after {step} steps; "):
        go()
    model = tmp_path / "run" / "model.safetensors"
    assert model.exists() == (step > 1)
    if step > 1:
        assert read_checkpoint(model).about["report"]["step"] < step


@pytest.mark.parametrize("val", ["0", "0.1"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_not_kept(
    value: float, val: str, go: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that went wrong after the last finite loss do not replace the model that is kept."""
    advance = Trainer.advance

    def changed(self: Trainer, progress: float) -> int:
        found = advance(self, progress)
        if self.step == 10:
            with torch.no_grad():
                networks = [n for one in self.learners for n in (one.network, one.average)]
                for network in networks:
                    network.output.bias[0] = value
        return found

    monkeypatch.setattr(Trainer, "advance", changed)
    with pytest.raises(
        TrainingError, match="the loss is not finite after 10 steps; the best model so far is kept"
    ):
        go(val)
    checkpoint = read_checkpoint(tmp_path / "run" / "model.safetensors")
    assert checkpoint.about["report"]["step"] < 10
    assert all(np.isfinite(array).all() for array in checkpoint.arrays.values())


@pytest.mark.slow
@pytest.mark.parametrize("jump", [-1e9, -3600.0, 3600.0, 1e9, math.nan])
def test_a_clock_that_jumps(
    jump: float, go: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Setting the time of day changes neither the budget nor the time left."""
    real = time.time

    def strike() -> float:
        monkeypatch.setattr(time, "time", lambda: real() + (jump if math.isfinite(jump) else 0.0))
        return 20.0

    strike_at(3, monkeypatch, strike)
    began = time.monotonic()
    go(steps=10**9, time=1.5)
    assert time.monotonic() - began < 5
    reports = read_metrics(tmp_path / "run" / "metrics.jsonl")
    seconds = [report["seconds"] for report in reports]
    assert seconds == sorted(seconds)
    assert all(0 <= report["seconds_left"] < 30 for report in reports)
    assert reports[-1]["progress"] == 1
