"""Products in bfloat16 against products in float32."""

import numpy as np
import pytest
import torch

from charrnn.memory.memory import Memory
from charrnn.model.cells.registry import CELLS
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.devices.backend import Backend, prepare_backend
from charrnn.training.learn.trainer import Trainer
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.budget import Budget


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_bfloat16_comes_close_to_float32(cell: str) -> None:
    """Where the processor multiplies bfloat16, its losses are those of float32 to one percent."""
    backend = prepare_backend("cpu", "auto", None)
    if backend.precision == "float32":
        pytest.skip("this processor does not multiply bfloat16")
    settings = Settings(
        steps=8, cell=cell, hidden_size=32, num_networks=1, batch_size=4, seq_length=10
    )
    recipe = resolve(settings, num_chars=440, vocab_size=7)
    ids = (np.random.default_rng(3).integers(0, 7, 500).cumsum() % 7).astype(np.uint8)
    memory = Memory(Vocabulary("abcdefg"), None)
    losses = []
    for each in (Backend(torch.device("cpu"), "float32"), backend):
        trainer = Trainer(recipe, each, ids[:440], ids[440:], Budget(None, 8, 0.0), memory=memory)
        for _ in range(8):
            trainer.advance(0.5)
        losses.append(trainer.take_nats())
    assert losses[0] != losses[1]
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.01)
