"""The network that runs: embedding, stacked layers, output layer; state in, state out.

This is the NumPy side. ``training.network`` is its trainable twin; a test holds the two equal.

Sizes: B streams, T time steps, V vocabulary, E embedding, H hidden units, L layers, G blocks, K the
longest run of characters with an embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.model.cells.spec import Array
from charrnn.model.config import ModelConfig
from charrnn.model.layers import Advance, RecurrentLayer, layer_norm
from charrnn.model.matmul import Matmul, batched_matmul
from charrnn.model.ngram_embedding import ngram_rows
from charrnn.text.vocabulary import Ids

State = tuple[tuple[npt.NDArray[Any], ...], ...]
"""What is carried from character to character: the last K - 1 ids, then what each layer carries.

Each array has a row for each stream; zeros are the start of a text.
"""


class Network:
    """A trained network, ready to read and predict.

    Where the first layer reads nothing but the character's own embedding, its input product is
    taken once, for every character of the vocabulary; reading a character is then one look-up.
    """

    def __init__(self, config: ModelConfig, arrays: Mapping[str, Array]) -> None:
        """Arrange the weights for stepping.

        Args:
            config: The sizes.
            arrays: The weights by name, of the shapes that ``parameter_shapes`` gives.
        """
        self.config = config
        self._arrays = arrays
        layers = [
            config.spec.layer(
                config.spec, config.nonlinearity, strip_prefix(f"layers.{layer}.", arrays)
            )
            for layer in range(config.num_layers)
        ]
        self._has_residual = [config.has_residual(layer) for layer in range(config.num_layers)]
        self._norms = [
            (arrays[f"norms.{number}.weight"], arrays[f"norms.{number}.bias"])
            for number in range(config.num_layers + 1)
            if config.block == "residual"
        ]
        self._advances: list[Advance] = [layer.run for layer in layers]
        self._projections: Array | None = None  # (V, G·H)
        first = layers[0]
        if isinstance(first, RecurrentLayer) and config.ngrams == 1 and config.block == "plain":
            self._projections = first.project(arrays["embedding.weight"])
            self._advances[0] = first.advance
        self._output_weight = arrays["output.weight"].T  # (H, V)
        self._output_bias = arrays["output.bias"]

    def initial_state(self, num_streams: int) -> State:
        """Return the state at the start of a text: zeros, a row for each stream."""
        config, dtype = self.config, self._output_weight.dtype
        recent = np.zeros((num_streams, config.ngrams - 1), np.int64)
        layers = [
            tuple(np.zeros((num_streams, size), dtype) for size in config.state_sizes(layer))
            for layer in range(config.num_layers)
        ]
        return ((recent,), *layers)

    def forward(
        self, ids: Ids, state: State, matmul: Matmul = batched_matmul
    ) -> tuple[Array, State]:
        """Read a window of each stream.

        Args:
            ids: What is read, shape (B, T).
            state: The state before it.
            matmul: How rows are multiplied: ``rowwise_matmul`` gives a stream the same bits
                whatever the others are.

        Returns:
            After each character, the logits of the next one, shape (B, T, V), and the state after
            the window.
        """
        recent = ids.T  # (K - 1 + T, B)
        if self.config.ngrams > 1:
            recent = np.concatenate([state[0][0].T, recent])
        next_state: list[tuple[npt.NDArray[Any], ...]] = [(recent[ids.shape[1] :].T,)]
        hidden = self._embed(recent)  # (T, B, E), or (T, B, G·H) from the table
        for number, layer_state in enumerate(state[1:]):
            normed = self._norm(number, hidden)
            output, layer_state = self._advances[number](normed, layer_state, matmul)
            hidden = hidden + output if self._has_residual[number] else output
            next_state.append(layer_state)
        logits = matmul(self._norm(self.config.num_layers, hidden), self._output_weight)
        logits += self._output_bias
        return logits.transpose(1, 0, 2), tuple(next_state)

    def _embed(self, recent: Ids) -> Array:
        """Return the sum of the embeddings of a character and of the runs that end there.

        Args:
            recent: Ids of K - 1 characters before the window and of the window, (K - 1 + T, B).

        Returns:
            The sum, shape (T, B, E); or its input product where there is a table of those.
        """
        if self._projections is not None:
            projected: Array = self._projections[recent]
            return projected
        embedded: Array = self._arrays["embedding.weight"][recent[self.config.ngrams - 1 :]]
        for length, rows in enumerate(ngram_rows(self.config, recent), start=2):
            embedded = embedded + self._arrays[f"ngrams.{length}.weight"][rows]
        return embedded

    def _norm(self, number: int, hidden: Array) -> Array:
        """Normalise what a layer, or after the last one the output layer, reads."""
        return layer_norm(hidden, *self._norms[number]) if self._norms else hidden


def strip_prefix(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
