"""Several networks at once, and how much a validation reads."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch

from charrnn.memory.memory import Memory
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.devices.backend import Backend
from charrnn.training.learn import validation as module
from charrnn.training.learn.trainer import Trainer
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.budget import Budget

CPU = Backend(torch.device("cpu"), "float32")


def make_trainer(budget: Budget, *, num_val: int = 60, vocab_size: int = 7, **more: Any) -> Trainer:
    """Return a tiny trainer."""
    small = {"hidden_size": 2, "embedding_size": 2, "ngrams": 1, **more}
    settings = Settings(steps=5, batch_size=2, seq_length=4, **small)
    recipe = resolve(settings, num_chars=400, vocab_size=vocab_size)
    ids = np.arange(400 + num_val, dtype=np.uint16) % 7
    characters = "".join(chr(32 + i if i < 0xD000 else i + 0x1000) for i in range(vocab_size))
    memory = Memory(Vocabulary(characters), None)
    return Trainer(recipe, CPU, ids[:400], ids[400:], budget, memory=memory)


def test_the_first_error_waits_for_all_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """If network 0 fails, the others finish their step before the error is raised."""
    trainer = make_trainer(Budget(None, 5, 0.0), num_networks=3)
    finished = []

    def advance(learner: Any, *_: object) -> float:
        if learner is trainer.learners[0]:
            raise MemoryError("network 0")
        time.sleep(0.05)
        finished.append(learner)
        raise MemoryError("another")

    monkeypatch.setattr("charrnn.training.learn.learner.Learner.advance", advance)
    with pytest.raises(MemoryError, match="network 0"):
        trainer.advance(0.0)
    assert len(finished) == 2


@pytest.mark.parametrize("speed", [2_000, 100_000, 10**7])
def test_validations_fit_a_short_budget(speed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine, a validation takes at most 4 % of the time, or 2,048 characters."""
    now = 0.0
    budget = Budget(10.0, None, 0.0, clock=lambda: now)
    trainer = make_trainer(budget, num_val=500_000)

    def validate(_: Trainer, max_chars: int) -> float:
        nonlocal now
        now += max_chars / speed
        return 1.0

    monkeypatch.setattr(Trainer, "validate", validate)
    num_chars = trainer.validation_chars()
    assert num_chars <= max(0.04 * 10 * speed * 1.01, module.MIN_CHARS)
    assert num_chars >= min(120_000, int(0.04 * 10 * speed * 0.99))


def test_windows_of_a_large_vocabulary_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 65,537 characters a window of a validation has at most 64 MiB of logits."""
    shapes = []
    original = module.measuring_windows

    def measuring_windows(ids: Any, end_id: Any, seq_length: int, num_streams: int) -> Any:
        shapes.append((seq_length, num_streams))
        return original(ids, end_id, seq_length, num_streams)

    monkeypatch.setattr(module, "measuring_windows", measuring_windows)
    for vocab_size in (7, 65_537):
        trainer = make_trainer(Budget(None, 5, 0.0), vocab_size=vocab_size, num_networks=1)
        assert trainer.validate(100) is not None
        seq_length, num_streams = shapes[-1]
        assert seq_length * num_streams * vocab_size * 4 <= 64 << 20
    assert shapes[0] == (32, 64)
