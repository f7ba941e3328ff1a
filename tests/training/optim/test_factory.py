"""Every optimizer that a recipe can name."""

import numpy as np
import pytest
import torch

from charrnn.memory.memory import Memory
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.devices.backend import Backend
from charrnn.training.learn.trainer import Trainer
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.budget import Budget


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["muon", "adamw", "adam", "rmsprop", "sgd"])
def test_every_optimizer_learns(optimizer: str) -> None:
    """On a text that repeats, the loss falls to a small part of what it began with."""
    ids = np.tile(np.arange(5, dtype=np.uint8), 200)
    rate = 0.05 if optimizer == "sgd" else 0.01
    settings = Settings(
        steps=150, cell="gru", hidden_size=16, batch_size=4, seq_length=20, optimizer=optimizer,
        learning_rate=rate, dropout=0.0,
    )  # fmt: skip
    backend = Backend(torch.device("cpu"), "float32")
    memory = Memory(Vocabulary("abcde"), None)
    recipe = resolve(settings, num_chars=1000, vocab_size=5)
    trainer = Trainer(recipe, backend, ids, ids[:0], Budget(None, 150, 0.0), memory=memory)
    trainer.advance(0.1)
    (first,) = trainer.take_nats()
    for step in range(149):
        num_chars = trainer.advance(step / 150)
    last = trainer.take_nats()[-1]
    assert first / 80 > 1.2
    assert last / num_chars < 0.2
