"""What a GPU needs, as far as a processor can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from charrnn.memory.memory import Memory
from charrnn.model.cells.registry import CELLS
from charrnn.model.config import ModelConfig
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.devices import cuda
from charrnn.training.devices.backend import Backend
from charrnn.training.learn.trainer import Trainer
from charrnn.training.nn import layers
from charrnn.training.nn.layers import in_one_piece, make_layer
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.budget import Budget

# Each of these needs a value on the processor, so it waits for the device.
WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "unique")


class Watching(TorchDispatchMode):
    """Records the operations that would wait for a GPU; Muon's counts stay on the processor."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__()
        self._moments = trainer.learners[0].optimizer.state
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = func.overloadpacket.__name__
        is_mask = name == "index" and any(
            index is not None and index.dtype in (torch.bool, torch.uint8) for index in args[1]
        )
        counts = [each["step"] for each in self._moments.values() if "momentum" in each]
        is_count = name == "_local_scalar_dense" and any(args[0] is count for count in counts)
        if (name in WAITING and not is_count) or is_mask:
            self.found.append(name)
        return func(*args, **kwargs or {})


def make_trainer(cell: str, optimizer: str = "muon") -> Trainer:
    """Return a tiny trainer with all that a step can have: documents, dropout, n-grams."""
    settings = Settings(
        steps=9, cell=cell, hidden_size=6, embedding_size=6, batch_size=3, seq_length=8,
        dropout=0.3, ngrams=3, num_networks=1, optimizer=optimizer,
    )  # fmt: skip
    vocabulary = Vocabulary("abcdef", separator="\n")
    ids = np.random.default_rng(1).integers(0, 6, 300).astype(np.uint8)
    ids[::25] = ids[-1] = vocabulary.end_id or 0
    recipe = resolve(settings, num_chars=300, vocab_size=vocabulary.size, num_documents=12)
    memory = Memory(vocabulary, None)
    backend = Backend(torch.device("cpu"), "float32")
    return Trainer(recipe, backend, ids, ids[:0], Budget(None, 9, 0.0), memory=memory)


def config_of(cell: str) -> ModelConfig:
    """Return the sizes of a model of one small layer."""
    return ModelConfig(vocab_size=5, cell=cell, hidden_size=4, embedding_size=3, num_layers=1)


@pytest.mark.parametrize(("cell", "optimizer"), [*((c, "muon") for c in CELLS), ("gru", "adamw")])
def test_a_step_never_waits_for_the_device(cell: str, optimizer: str) -> None:
    """Nothing in eight steps asks for a value, before and after a resume; reading losses does."""
    trainer = make_trainer(cell, optimizer)
    for _ in range(2):
        with Watching(trainer) as watching:
            for _ in range(8):
                trainer.advance(0.5)
        assert watching.found == []
        arrays = {name: array.copy() for name, array in trainer.state_arrays().items()}
        trainer = make_trainer(cell, optimizer)
        trainer.load_state_arrays(arrays, step=8, chars=0)
    (learner,) = trainer.learners
    with Watching(trainer) as watching:
        float(torch.ones(()))
        learner.network.output.weight[learner.network.output.weight > 0].sum()
    assert watching.found == ["_local_scalar_dense", "index"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_of_a_kernel_are_one_piece_of_memory(dtype: torch.dtype) -> None:
    """They follow each other without a gap, in the order of cuDNN, and gradients get through."""
    layer = make_layer(config_of("lstm"), 0, torch.Generator())
    weights = [layer.get_parameter(n) for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    pieces = in_one_piece(weights, dtype)
    place = pieces[0].data_ptr()
    for piece, weight in zip(pieces, weights, strict=True):
        assert piece.data_ptr() == place
        place += piece.numel() * piece.element_size()
        torch.testing.assert_close(piece, weight.to(dtype))
    sum(piece.float().sum() * n for n, piece in enumerate(pieces, 1)).backward()  # type: ignore[union-attr]
    for number, weight in enumerate(weights, 1):
        torch.testing.assert_close(weight.grad, torch.full_like(weight, number))


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_kernel_gets_operands_of_one_precision(
    cell: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inputs in bfloat16 beside weights in float32 never meet in it; ``meta`` plays the GPU."""
    seen = []
    name = {"lstm": "lstm", "gru": "gru", "rnn": "rnn_tanh"}[cell]

    def kernel(inputs: Any, before: Any, weights: Any, *_: object) -> Any:
        states = before if isinstance(before, list) else [before]
        seen.append({each.dtype for each in (inputs, *states, *weights)})
        assert not torch.is_autocast_enabled("cuda")
        offsets = [weight.storage_offset() for weight in weights]
        sizes = [weight.numel() for weight in weights]
        assert offsets == [0, *np.cumsum(sizes)[:-1]]
        return inputs.new_zeros(*inputs.shape[:2], states[0].shape[-1]), *states

    def autocast(device_type: str, *, enabled: bool) -> Any:
        assert (device_type, enabled) == ("meta", False)
        return torch.enable_grad()

    monkeypatch.setattr(torch, name, kernel)
    monkeypatch.setattr(torch, "autocast", autocast)
    monkeypatch.setattr(layers, "kernel_dtype", lambda _: dtype)
    config = config_of(cell)
    layer = make_layer(config, 0, torch.Generator()).to("meta")
    state = tuple(torch.zeros(2, size, device="meta") for size in config.state_sizes(0))
    hidden, _ = layer(torch.zeros(6, 2, 3, device="meta"), state)
    assert seen == [{dtype}]
    assert hidden.shape == (6, 2, 4)


def test_tf32_is_switched_for_products_and_kernels_alike() -> None:
    """Both switches of torch follow ``set_tf32``, in either direction."""

    def switches() -> list[object]:
        if hasattr(torch.backends.cudnn, "rnn"):
            kinds: list[Any] = [torch.backends.cuda.matmul, torch.backends.cudnn.rnn]
            return [kind.fp32_precision == "tf32" for kind in kinds]
        return [torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32]

    for is_allowed in (True, False):
        cuda.set_tf32(is_allowed)
        assert switches() == [is_allowed] * 2
