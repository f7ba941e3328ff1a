"""The trainable network: the twin of a network in ``model.predictor``, in torch.

Sizes: B streams, T time steps, V vocabulary, E embedding, H hidden units, L layers, K the longest
n-gram with an embedding.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from charrnn.model.cells.spec import Array
from charrnn.model.config import ModelConfig
from charrnn.model.layers import NORM_EPSILON
from charrnn.model.ngram_embedding import ngram_rows
from charrnn.training.devices.backend import to_device
from charrnn.training.nn.layers import LayerState, locked_dropout, make_layer
from charrnn.training.nn.ngram_embedding import GatheredEmbedding

State = tuple[LayerState, ...]


class TrainableNetwork(nn.Module):
    """Embedding, stacked layers, output layer; state in, state out."""

    def __init__(
        self,
        config: ModelConfig,
        *,
        dropout: float,
        generator: torch.Generator,
        accumulate: bool = False,
    ) -> None:
        """Make the weights with a generator, which later draws the masks of dropout.

        ``dropout`` is the share of units to drop after the embedding and after each layer. For
        ``accumulate`` see ``GatheredEmbedding``.
        """
        super().__init__()
        self.config = config
        self.dropout = dropout
        self.generator = generator
        self.streams: tuple[int, slice] | None = None  # B, and which of them are read here
        self.embedding = nn.Embedding(config.vocab_size, config.embedding_size)
        # N-grams start at zero and learn what they add to their last character.
        self.ngrams = nn.ModuleDict(
            {
                str(length): GatheredEmbedding(
                    config.rows(length), config.embedding_size, accumulate=accumulate
                )
                for length in range(2, config.ngrams + 1)
            }
        )
        self.tables = [
            table for table in self.ngrams.values() if isinstance(table, GatheredEmbedding)
        ]
        self.layers = nn.ModuleList(
            make_layer(config, number, generator) for number in range(config.num_layers)
        )
        self.norms = nn.ModuleList()
        if config.block == "residual":
            sizes = [config.input_size(number) for number in range(config.num_layers)]
            self.norms.extend(
                nn.LayerNorm(size, NORM_EPSILON) for size in [*sizes, config.hidden_size]
            )
        self.output = nn.Linear(config.hidden_size, config.vocab_size)
        with torch.no_grad():
            self.embedding.weight.normal_(generator=generator)
            self.output.weight.normal_(0, config.hidden_size**-0.5, generator=generator)
            self.output.bias.zero_()

    def initial_state(self, num_streams: int) -> State:
        """Return the state at the start of a text: zeros, one row per stream."""
        config, like = self.config, self.output.weight
        recent = like.new_zeros((num_streams, config.ngrams - 1), dtype=torch.int64)
        layers = [
            tuple(like.new_zeros(num_streams, size) for size in config.state_sizes(layer))
            for layer in range(config.num_layers)
        ]
        return ((recent,), *layers)

    def reset_state(self, state: State, is_start: npt.NDArray[np.bool_]) -> State:
        """Return the state with some of the B streams, shape (B,), back at the start of a text."""
        if not is_start.any():
            return state
        where = to_device(torch.from_numpy(is_start), self.output.weight.device)[:, None]
        return tuple(tuple(array.masked_fill(where, 0) for array in part) for part in state)

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a window of each stream: ids, shape (B, T). Gradients do not flow into the state.

        Returns:
            The logits of the character after each one read, shape (B, T, V), and the detached state
            after the window: truncated backpropagation through time (R. Williams and J. Peng, An
            efficient gradient-based algorithm for on-line training of recurrent network
            trajectories, Neural Computation 2, 1990).
        """
        recent = torch.cat([state[0][0], inputs], dim=1).T  # (K - 1 + T, B)
        next_state: list[LayerState] = [(recent[inputs.shape[1] :].T,)]
        hidden = self._drop(self._embed(recent))  # (T, B, E)
        precision = self.output.weight.dtype
        for number, (layer, layer_state) in enumerate(zip(self.layers, state[1:], strict=True)):
            output, layer_state = layer(self._norm(number, hidden), layer_state)
            output = self._drop(output)
            hidden = hidden + output if self.config.has_residual(number) else output
            next_state.append(tuple(array.detach().to(precision) for array in layer_state))
        logits = self.output(self._norm(self.config.num_layers, hidden))
        return logits.transpose(0, 1), tuple(next_state)

    def _embed(self, recent: Tensor) -> Tensor:
        """Return the sum of the embeddings at each step; see ``Predictor``."""
        embedded: Tensor = self.embedding(recent[self.config.ngrams - 1 :])
        for table, rows in zip(self.ngrams.values(), ngram_rows(self.config, recent), strict=True):
            embedded = embedded + table(rows)
        return embedded

    def _norm(self, number: int, hidden: Tensor) -> Tensor:
        """Normalise the input of a layer or, after the last layer, of the output layer."""
        if self.config.block == "plain":
            return hidden
        normed: Tensor = self.norms[number](hidden)
        return normed

    def _drop(self, hidden: Tensor) -> Tensor:
        """Apply dropout while training."""
        share = self.dropout if self.training else 0.0
        return locked_dropout(hidden, share, self.generator, self.streams)

    def to_arrays(self) -> dict[str, Array]:
        """Return a copy of the weights as NumPy arrays, named as in the model file."""
        return {
            name: parameter.detach().float().cpu().numpy().copy()
            for name, parameter in self.named_parameters()
        }

    def load_arrays(self, arrays: Mapping[str, Array]) -> None:
        """Load the weights of a model file."""
        self.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
