"""Recurrent layers over a whole window, forward and backward.

Sizes: B streams, T time steps, E input, H hidden units, G blocks. Windows are time first, so that
the rows of one step lie together in memory.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear

from charrnn.model.config import NUM_BLOCKS, ModelConfig
from charrnn.training.nn.mingru import MinGRUFunction
from charrnn.training.nn.recurrences import GRUFunction, RNNFunction

LayerState = tuple[Tensor, ...]


class RecurrentLayer(nn.Module):
    """A layer whose cell multiplies its state: rnn, gru or lstm.

    Torch has fused kernels for all three on a GPU, and for the LSTM on a processor; for the other
    two ``recurrences`` has faster ones there. ``model.cells`` has the equations; the parameters
    have the names, shapes and order of blocks that ``parameter_shapes`` gives.
    """

    def __init__(self, config: ModelConfig, input_size: int, generator: torch.Generator) -> None:
        """Make the weights.

        The recurrent blocks are orthogonal (A. Saxe et al., 2014, arXiv:1312.6120), the input
        weights have variance 1 / E, the biases are zero but for the forget gate's, which is one
        (R. Jozefowicz et al., An empirical exploration of recurrent network architectures, 2015).

        Args:
            config: The sizes of the model.
            input_size: E.
            generator: The source of chance.
        """
        super().__init__()
        self.config = config
        size = config.hidden_size
        rows = NUM_BLOCKS[config.cell] * size
        self.weight_ih = _normal((rows, input_size), generator)
        self.bias_ih = nn.Parameter(torch.zeros(rows))
        self.weight_hh = nn.Parameter(torch.empty(rows, size))
        self.bias_hh = nn.Parameter(torch.zeros(rows))
        with torch.no_grad():
            for block in torch.split(self.weight_hh, size):
                nn.init.orthogonal_(block, generator=generator)
            if config.cell == "lstm":
                self.bias_ih[size : 2 * size] = 1

    def forward(self, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Advance over a window.

        Args:
            inputs: Shape (T, B, E).
            state: ``(h,)``, or ``(h, c)`` for the LSTM, each of shape (B, H).

        Returns:
            The hidden units after each step, shape (T, B, H), and the state after the last.
        """
        if self._is_ours(inputs):
            return self._recur(linear(inputs, self.weight_ih, self._bias()), state)
        return self._fused(inputs, self.weight_ih, state)

    def look_up(self, ids: Tensor, table: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Return ``forward(table[ids], state)``, with a product for each row of the table only.

        The table is multiplied by the input weights, and what each step adds is looked up. Torch's
        LSTM has no place for that; it reads the number of a row as a vector with a single one.

        Args:
            ids: Shape (T, B).
            table: The inputs that there are, shape (V, E).
            state: As in ``forward``.
        """
        if self._is_ours(ids):
            return self._recur(embedding(ids, linear(table, self.weight_ih, self._bias())), state)
        weight = linear(self.weight_ih, table)  # (4H, V)
        ones = weight.new_zeros((*ids.shape, len(table))).scatter_(2, ids[..., None], 1)
        return self._fused(ones, weight, state)

    def _is_ours(self, inputs: Tensor) -> bool:
        """Return whether ``recurrences`` has the faster function."""
        return inputs.device.type == "cpu" and self.config.cell != "lstm"

    def _bias(self) -> Tensor:
        """Return the biases that are added at the input: of gru, that of the reset n stays out."""
        if self.config.cell == "rnn":
            return self.bias_ih + self.bias_hh
        gates = 2 * self.config.hidden_size
        return torch.cat([self.bias_ih[:gates] + self.bias_hh[:gates], self.bias_ih[gates:]])

    def _recur(self, projected: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Advance by our own functions."""
        (h,) = state
        if self.config.cell == "gru":
            bias_n = self.bias_hh[2 * self.config.hidden_size :]
            hidden = GRUFunction.apply(projected, h, self.weight_hh, bias_n)  # type: ignore[no-untyped-call]
        else:
            has_relu = self.config.nonlinearity == "relu"
            hidden = RNNFunction.apply(projected, h, self.weight_hh, has_relu)  # type: ignore[no-untyped-call]
        return hidden, (hidden[-1],)

    def _fused(
        self, inputs: Tensor, weight_ih: Tensor, state: LayerState
    ) -> tuple[Tensor, LayerState]:
        """Advance by torch's kernels."""
        weights = [weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]
        first = [array.unsqueeze(0) for array in state]  # torch counts layers first: (1, B, H)
        # has_biases, num_layers, dropout, train, bidirectional, batch_first
        how = (True, 1, 0.0, self.training, False, False)
        if self.config.cell == "lstm":
            hidden, h, c = torch.lstm(inputs, first, weights, *how)
            return hidden, (h[0], c[0])
        kernel = {
            "gru": torch.gru,
            "rnn": torch.rnn_relu if self.config.nonlinearity == "relu" else torch.rnn_tanh,
        }[self.config.cell]
        hidden, h = kernel(inputs, first[0], weights, *how)
        return hidden, (h[0],)


class MinGRULayer(nn.Module):
    """A layer of minimal gated recurrent units with token shift and output product."""

    def __init__(self, config: ModelConfig, input_size: int, generator: torch.Generator) -> None:
        """Make the weights.

        The update gates begin at many time scales: their biases are spread evenly over the units,
        from gates that are nearly open to gates that let in a fiftieth a step.

        Args:
            config: The sizes of the model.
            input_size: E.
            generator: The source of chance.
        """
        super().__init__()
        size = config.hidden_size
        self.shift = nn.Parameter(torch.rand(input_size, generator=generator) / 2)
        self.weight_ih = _normal((3 * size, input_size), generator)
        self.bias_ih = nn.Parameter(torch.zeros(3 * size))
        self.weight_ho = _normal((size, size), generator)
        with torch.no_grad():
            self.weight_ho.div_(2)  # a residual path begins close to the identity
            self.bias_ih[:size] = torch.linspace(2, -4, size)[
                torch.randperm(size, generator=generator)
            ]

    def forward(self, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Advance over a window.

        Args:
            inputs: Shape (T, B, E).
            state: h, shape (B, H), and the last input, shape (B, E).

        Returns:
            What the layer hands on, shape (T, B, H), and the state after the last step.
        """
        h, last = state
        inputs = inputs.to(h.dtype)
        hidden, h = MinGRUFunction.apply(  # type: ignore[no-untyped-call]
            inputs, h, last, self.shift, self.weight_ih, self.bias_ih, self.weight_ho
        )
        return hidden, (h, inputs[-1])


def make_layer(config: ModelConfig, number: int, generator: torch.Generator) -> nn.Module:
    """Return the layer ``number`` of a model."""
    kind = MinGRULayer if config.cell == "mingru" else RecurrentLayer
    return kind(config, config.input_size(number), generator)


def locked_dropout(inputs: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Drop units for a whole window: one mask for all its steps.

    Args:
        inputs: Shape (T, B, H).
        share: The share of units to drop; the others grow by 1 / (1 - share).
        generator: The source of chance, on the CPU.

    Returns:
        The masked input.

    References:
        Y. Gal and Z. Ghahramani, 2016, arXiv:1512.05287.
    """
    if share == 0:
        return inputs
    kept = torch.rand(inputs.shape[1:], generator=generator) >= share  # (B, H)
    return inputs * (kept / (1 - share)).to(inputs.device, inputs.dtype)


def _normal(shape: tuple[int, int], generator: torch.Generator) -> nn.Parameter:
    """Return a matrix whose products have the variance of what they multiply."""
    weight = torch.empty(shape).normal_(0, 1 / math.sqrt(shape[1]), generator=generator)
    return nn.Parameter(weight)
