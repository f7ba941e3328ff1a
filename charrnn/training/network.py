"""The trainable network: the twin of ``model.network``, in torch.

Sizes: B streams, T time steps, V vocabulary, E embedding, H hidden units.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from charrnn.model.cells import Array
from charrnn.model.config import NUM_STATES, ModelConfig
from charrnn.training.layers import LayerState, RecurrentLayer, locked_dropout

State = tuple[LayerState, ...]


class TrainableNetwork(nn.Module):
    """Embedding, stacked recurrent layers, output layer; state in, state out."""

    def __init__(self, config: ModelConfig, *, dropout: float, generator: torch.Generator) -> None:
        """Make the weights.

        Args:
            config: The sizes.
            dropout: The share of units dropped after the embedding and after each layer.
            generator: The source of chance for the first weights, and later for dropout.
        """
        super().__init__()
        self.config = config
        self.dropout = dropout
        self.generator = generator
        self.embedding = nn.Embedding(config.vocab_size, config.embedding_size)
        sizes = [config.embedding_size] + [config.hidden_size] * (config.num_layers - 1)
        self.layers = nn.ModuleList(RecurrentLayer(config, size, generator) for size in sizes)
        self.output = nn.Linear(config.hidden_size, config.vocab_size)
        with torch.no_grad():
            self.embedding.weight.normal_(generator=generator)
            spread = 1 / math.sqrt(config.hidden_size)
            self.output.weight.normal_(0, spread, generator=generator)
            self.output.bias.zero_()

    def initial_state(self, num_streams: int) -> State:
        """Return the state at the start of a text: zeros, each of shape (B, H)."""
        zeros = self.output.weight.new_zeros(num_streams, self.config.hidden_size)
        return ((zeros,) * NUM_STATES[self.config.cell],) * self.config.num_layers

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a window of each stream.

        Args:
            inputs: Ids, shape (B, T).
            state: The state before the window; gradients do not flow into it.

        Returns:
            After each character, the logits of the next one, shape (B, T, V), and the state after
            the window, detached and float32: the truncation of backpropagation through time (R.
            Williams and J. Peng, An efficient gradient-based algorithm for on-line training of
            recurrent network trajectories, Neural Computation 2, 1990).
        """
        hidden = self._drop(self.embedding(inputs))
        next_state = []
        for layer, layer_state in zip(self.layers, state, strict=True):
            hidden, layer_state = layer(hidden, layer_state)
            hidden = self._drop(hidden)
            next_state.append(tuple(array.detach().float() for array in layer_state))
        return self.output(hidden), tuple(next_state)

    def _drop(self, hidden: Tensor) -> Tensor:
        """Apply dropout while training."""
        return locked_dropout(hidden, self.dropout if self.training else 0.0, self.generator)

    def to_arrays(self) -> dict[str, Array]:
        """Return a copy of the weights as NumPy arrays, under the names of the model file."""
        return {
            name: parameter.detach().float().cpu().numpy().copy()
            for name, parameter in self.named_parameters()
        }

    def load_arrays(self, arrays: dict[str, Array]) -> None:
        """Take the weights of a model file."""
        self.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
