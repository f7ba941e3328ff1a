"""Recurrent layers over a whole window, forward and backward, by the machine's fused kernels.

Sizes: B streams, T time steps, E input, H hidden units, G blocks.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from charrnn.model.config import NUM_BLOCKS, ModelConfig

LayerState = tuple[Tensor, ...]


class RecurrentLayer(nn.Module):
    """One layer of a plain recurrence; ``model.cells`` has the equations.

    The parameters have the names, shapes and order of blocks that ``parameter_shapes`` gives.
    """

    def __init__(self, config: ModelConfig, input_size: int, generator: torch.Generator) -> None:
        """Make the weights.

        The recurrent blocks are orthogonal (A. Saxe et al., 2014, arXiv:1312.6120), the input
        weights have variance 1 / E, the biases are zero but for the forget gate's, which is one
        (R. Jozefowicz et al., An empirical exploration of recurrent network architectures, 2015).

        Args:
            config: The sizes of the model.
            input_size: E for the first layer, H for the others.
            generator: The source of chance.
        """
        super().__init__()
        self.config = config
        size = config.hidden_size
        num_blocks = NUM_BLOCKS[config.cell]
        self.weight_ih = nn.Parameter(torch.empty(num_blocks * size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(num_blocks * size, size))
        self.bias_ih = nn.Parameter(torch.zeros(num_blocks * size))
        self.bias_hh = nn.Parameter(torch.zeros(num_blocks * size))
        with torch.no_grad():
            self.weight_ih.normal_(0, 1 / math.sqrt(input_size), generator=generator)
            for block in torch.split(self.weight_hh, size):
                nn.init.orthogonal_(block, generator=generator)
            if config.cell == "lstm":
                self.bias_ih[size : 2 * size] = 1

    def forward(self, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Advance over a window.

        Args:
            inputs: Shape (B, T, E).
            state: ``(h,)``, or ``(h, c)`` for the LSTM, each of shape (B, H).

        Returns:
            The hidden units after each step, shape (B, T, H), and the state after the last.
        """
        weights: list[Tensor] = [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]
        first = [array.unsqueeze(0) for array in state]  # torch counts layers first: (1, B, H)
        # has_biases, num_layers, dropout, train, bidirectional, batch_first
        how = (True, 1, 0.0, self.training, False, True)
        if self.config.cell == "lstm":
            hidden, h, c = torch.lstm(inputs, first, weights, *how)
            return hidden, (h[0], c[0])
        kernel = {
            "gru": torch.gru,
            "rnn": torch.rnn_relu if self.config.nonlinearity == "relu" else torch.rnn_tanh,
        }[self.config.cell]
        hidden, h = kernel(inputs, first[0], weights, *how)
        return hidden, (h[0],)


def locked_dropout(inputs: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Drop units for a whole window: one mask for all its steps.

    Args:
        inputs: Shape (B, T, H).
        share: The share of units to drop; the others grow by 1 / (1 - share).
        generator: The source of chance, on the CPU.

    Returns:
        The masked input.

    References:
        Y. Gal and Z. Ghahramani, 2016, arXiv:1512.05287.
    """
    if share == 0:
        return inputs
    kept = torch.rand(inputs.shape[0], 1, inputs.shape[2], generator=generator) >= share
    return inputs * (kept / (1 - share)).to(inputs.device, inputs.dtype)
