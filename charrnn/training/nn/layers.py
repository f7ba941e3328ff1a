"""Trainable layers over a window: the twins of ``model.layers``, in torch.

A cell derives from one of the two classes. It needs only ``step`` or ``gate``: autograd does the
rest. The cells of ``nn.cells`` that override ``forward`` do so for speed.

Sizes: B streams, T time steps, E input, H hidden units, G blocks. Windows are time first, so the
rows of one step are adjacent in memory.
"""

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu

from charrnn.model.cells.registry import cell_spec
from charrnn.model.config import ModelConfig
from charrnn.training.devices.backend import kernel_dtype, to_device
from charrnn.training.nn.scan import scan

LayerState = tuple[Tensor, ...]


class RecurrentLayer(nn.Module):
    """A layer whose gates read the state; see ``model.layers.RecurrentLayer``."""

    def __init__(self, config: ModelConfig, input_size: int, generator: torch.Generator) -> None:
        """Make the weights for inputs of E units.

        The recurrent blocks are orthogonal (A. Saxe et al., 2014, arXiv:1312.6120), the input
        weights have variance 1 / E, the biases are zero.
        """
        super().__init__()
        self.config = config
        size = config.hidden_size
        rows = cell_spec(config.cell).num_blocks * size
        self.weight_ih = _normal((rows, input_size), generator)
        self.bias_ih = nn.Parameter(torch.zeros(rows))
        self.weight_hh = nn.Parameter(torch.empty(rows, size))
        self.bias_hh = nn.Parameter(torch.zeros(rows))
        with torch.no_grad():
            for block in torch.split(self.weight_hh, size):
                nn.init.orthogonal_(block, generator=generator)

    def run_kernel(
        self, kernel: Callable[..., Any], inputs: Tensor, *state: Tensor
    ) -> tuple[Tensor, ...]:
        """Advance by a fused kernel of torch; return the hidden units and the state.

        On a GPU all operands are cast here, to one precision. Autocast would take float16, whose
        small gradients vanish.
        """
        weights: list[Tensor] = [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]
        first = [each.unsqueeze(0) for each in state]  # torch puts layers first: (1, B, H)
        # has_biases, num_layers, dropout, train, bidirectional, batch_first
        options = (True, 1, 0.0, self.training, False, False)
        autocast: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        if inputs.device.type != "cpu":
            dtype = kernel_dtype(inputs)
            weights = in_one_piece(weights, dtype)
            inputs, first = inputs.to(dtype), [each.to(dtype) for each in first]
            autocast = torch.autocast(inputs.device.type, enabled=False)
        before = first if len(first) > 1 else first[0]
        with autocast:
            hidden, *after = kernel(inputs, before, weights, *options)
        return hidden, *(each[0] for each in after)


class SteppedLayer(RecurrentLayer, ABC):
    """A recurrent layer that takes one step after another, for a cell without a fused kernel."""

    def forward(self, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Advance over a window, shape (T, B, E), from a state of tensors of shape (B, H).

        Returns:
            The hidden units after each step, shape (T, B, H), and the state after the last.
        """
        hidden = []
        for projected in linear(inputs, self.weight_ih, self.bias_ih).unbind():
            recurrent = linear(state[0], self.weight_hh, self.bias_hh)
            state = self.step(projected, recurrent, state)
            hidden.append(state[0])
        return torch.stack(hidden), state

    @abstractmethod
    def step(self, projected: Tensor, recurrent: Tensor, state: LayerState) -> LayerState:
        """Advance by one step, as the NumPy step of the cell does."""


class ParallelLayer(nn.Module, ABC):
    """A layer whose gates read the input alone; see ``model.layers.ParallelLayer``."""

    def __init__(self, config: ModelConfig, input_size: int, generator: torch.Generator) -> None:
        """Make the weights; see ``RecurrentLayer``.

        The output weights are halved, so that a residual path starts close to the identity.
        """
        super().__init__()
        size = config.hidden_size
        rows = cell_spec(config.cell).num_blocks * size
        self.shift = nn.Parameter(torch.rand(input_size, generator=generator) / 2)
        self.weight_ih = _normal((rows, input_size), generator)
        self.bias_ih = nn.Parameter(torch.zeros(rows))
        self.weight_ho = _normal((size, size), generator)
        with torch.no_grad():
            self.weight_ho.div_(2)

    def forward(self, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Advance over a window, (T, B, E), from h, (B, H), and the last input, (B, E).

        Returns:
            The output, shape (T, B, H), and the state after the last step.
        """
        h, last = state
        inputs = inputs.to(h.dtype)
        before = torch.cat([last.unsqueeze(0), inputs[:-1]])
        mixed = torch.lerp(inputs, before, self.shift)
        projected = linear(mixed, self.weight_ih, self.bias_ih)
        blocks, g = projected[..., : -h.shape[-1]], projected[..., -h.shape[-1] :]
        # The scan is in the precision of the weights.
        share, candidate = self.gate(blocks.to(h.dtype))
        states = scan(share, candidate, h)
        return linear(silu(g) * states, self.weight_ho), (states[-1], inputs[-1])

    @abstractmethod
    def gate(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a step takes in: its share of the new state, 0 to 1, and the candidate.

        The step of the cell is then ``h + share * (candidate - h)``. ``projected`` has any number
        of dimensions, the blocks in the last.
        """


def make_layer(config: ModelConfig, number: int, generator: torch.Generator) -> nn.Module:
    """Return layer ``number`` of a model, from the module of its cell."""
    cell = import_module(f"charrnn.training.nn.cells.{config.cell}")
    layer: nn.Module = cell.Layer(config, config.input_size(number), generator)
    return layer


def locked_dropout(
    inputs: Tensor,
    share: float,
    generator: torch.Generator,
    streams: tuple[int, slice] | None = None,
) -> Tensor:
    """Drop a share of the units, shape (T, B, H), with one mask for all steps of a window.

    The others are scaled by 1 / (1 - share). The generator is on the CPU. If the inputs are some of
    the streams of several processes, ``streams`` has the number of all and which these are; every
    process draws the mask of all.

    References:
        Y. Gal and Z. Ghahramani, 2016, arXiv:1512.05287.
    """
    if share == 0:
        return inputs
    num_streams, rows = streams or (inputs.shape[1], slice(None))
    drawn = torch.rand((num_streams, inputs.shape[2]), generator=generator)  # (B, H)
    kept = drawn[rows] >= share
    return inputs * to_device((kept / (1 - share)).to(inputs.dtype), inputs.device)


def in_one_piece(weights: Sequence[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Return weights in a precision, one after another in memory, as cuDNN wants them."""
    flat = torch.cat([weight.flatten() for weight in weights]).to(dtype)
    parts = torch.split(flat, [weight.numel() for weight in weights])
    return [part.view_as(weight) for part, weight in zip(parts, weights, strict=True)]


def _normal(shape: tuple[int, int], generator: torch.Generator) -> nn.Parameter:
    """Return a random matrix whose products keep the variance of their input."""
    weight = torch.empty(shape).normal_(0, 1 / math.sqrt(shape[1]), generator=generator)
    return nn.Parameter(weight)
