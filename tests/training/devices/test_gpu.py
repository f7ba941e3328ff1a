"""What only a GPU can show; ``benchmarks/gpu.py`` runs these tests too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from charrnn.memory.memory import Memory
from charrnn.model.cells.registry import CELLS
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.devices.backend import Backend, prepare_backend
from charrnn.training.devices.throughput import measure_throughput
from charrnn.training.learn.trainer import Trainer
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.budget import Budget

DEVICES = [
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.cuda,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
        ],
    ),
    pytest.param(
        "mps",
        marks=[
            pytest.mark.mps,
            pytest.mark.skipif(not torch.backends.mps.is_available(), reason="no MPS device"),
        ],
    ),
]
on_every_gpu = pytest.mark.parametrize("device", DEVICES)


def make_trainer(backend: Backend, cell: str, **more: Any) -> Trainer:
    """Return a trainer of a text of 7 characters."""
    settings = Settings(
        steps=40,
        **{
            "cell": cell, "hidden_size": 32, "num_networks": 1, "batch_size": 4, "seq_length": 16,
            "dropout": 0.2, "ngrams": 3, **more,
        },
    )  # fmt: skip
    ids = (np.random.default_rng(3).integers(0, 3, 2000).cumsum() % 7).astype(np.uint8)
    recipe = resolve(settings, num_chars=1600, vocab_size=7)
    memory = Memory(Vocabulary("abcdefg"), None)
    return Trainer(recipe, backend, ids[:1600], ids[1600:], Budget(None, 40, 0.0), memory=memory)


def train(trainer: Trainer, steps: int) -> list[float]:
    """Make steps; return their losses."""
    for _ in range(steps):
        trainer.advance(0.5)
    return trainer.take_nats()


@on_every_gpu
@pytest.mark.parametrize("cell", CELLS)
def test_losses_are_those_of_a_processor(device: str, cell: str) -> None:
    """In float32, with the same weights and masks, for the first forty steps and a validation."""
    trainers = [
        make_trainer(prepare_backend(where, "float32", None), cell) for where in ("cpu", device)
    ]
    expected, found = (train(each, 40) for each in trainers)
    np.testing.assert_allclose(found[:10], expected[:10], rtol=1e-4)
    np.testing.assert_allclose(found, expected, rtol=1e-2)
    expected_loss, loss = (each.validate(300) for each in trainers)
    assert loss == pytest.approx(expected_loss, rel=1e-2)


@on_every_gpu
@pytest.mark.parametrize("cell", CELLS)
def test_low_precision_learns_the_same(device: str, cell: str) -> None:
    """In the precision that the device chooses, losses come within two percent of float32."""
    precise, quick = (
        make_trainer(prepare_backend(device, precision, None), cell)
        for precision in ("float32", "auto")
    )
    np.testing.assert_allclose(train(quick, 40), train(precise, 40), rtol=0.02)


@on_every_gpu
@pytest.mark.parametrize("optimizer", ["muon", "adamw", "rmsprop", "sgd"])
def test_several_networks_go_on_from_a_state(device: str, optimizer: str) -> None:
    """Their arrays and the step are all that the next steps depend on."""
    backend = prepare_backend(device, "auto", None)
    whole, again = (
        make_trainer(backend, "lstm", num_networks=3, optimizer=optimizer) for _ in range(2)
    )
    train(whole, 11)
    again.load_state_arrays(
        {name: array.copy() for name, array in whole.state_arrays().items()}, step=11, chars=0
    )
    np.testing.assert_allclose(train(again, 20), train(whole, 20), rtol=1e-5)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("cell", CELLS)
def test_a_step_never_waits_for_cuda(cell: str) -> None:
    """Torch reports whatever waits as an error; a resumed step is among those that must not."""
    backend = prepare_backend("cuda", "auto", None)
    trainer = make_trainer(backend, cell)
    train(trainer, 4)
    arrays = {name: array.copy() for name, array in trainer.state_arrays().items()}
    trainer.load_state_arrays(arrays, step=4, chars=0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(8):
            trainer.advance(0.5)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_reads_more_streams_at_once() -> None:
    """The measurement ends, and finds that 16 streams leave the device idle."""
    throughput = measure_throughput(prepare_backend("cuda", "auto", None))
    assert throughput.streams > 16
    assert throughput.threads == 1
