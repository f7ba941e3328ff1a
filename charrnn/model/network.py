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

from charrnn.model.cells import Array, LayerState
from charrnn.model.config import ModelConfig
from charrnn.model.layers import RecurrentLayer, layer_norm, make_layer
from charrnn.model.ngrams import ngram_rows
from charrnn.text.vocabulary import Ids

State = tuple[tuple[npt.NDArray[Any], ...], ...]
"""What is carried from character to character: the last K - 1 ids, then what each layer carries.

Each array has a row for each stream; zeros are the start of a text.
"""


class Network:
    """A trained network, ready to read and predict.

    Where the first layer reads nothing but the embedding, its input product is taken once, for
    every character of the vocabulary; reading a character is then one look-up.
    """

    def __init__(self, config: ModelConfig, arrays: Mapping[str, Array]) -> None:
        """Arrange the weights for stepping.

        Args:
            config: The sizes.
            arrays: The weights by name, of the shapes that ``parameter_shapes`` gives.
        """
        self.config = config
        self._arrays = arrays
        self._layers = [
            make_layer(config, within(f"layers.{layer}.", arrays))
            for layer in range(config.num_layers)
        ]
        self._first = self._layers[0]
        self._first_projection: Array | None = None  # (V, G·H)
        if isinstance(self._first, RecurrentLayer) and config.ngrams == 1:
            embedding = self._norm(0, arrays["embedding.weight"])
            self._first_projection = self._first.project(embedding)
        self._output_weight = np.ascontiguousarray(arrays["output.weight"].T)  # (H, V)
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

    def forget(self, state: State, is_start: npt.NDArray[np.bool_]) -> State:
        """Return the state with some streams back at the start of a text.

        Args:
            state: The state of B streams.
            is_start: Which streams, shape (B,).
        """
        if not is_start.any():
            return state
        where = is_start[:, None]
        return tuple(tuple(np.where(where, 0, array) for array in part) for part in state)

    def forward(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read a window of each stream.

        Args:
            ids: What is read, shape (B, T).
            state: The state before it.

        Returns:
            After each character, the logits of the next one, shape (B, T, V), and the state after
            the window.
        """
        recent = np.concatenate([state[0][0], ids], axis=1).T  # (K - 1 + T, B)
        next_state: list[tuple[npt.NDArray[Any], ...]] = [(recent[ids.shape[1] :].T,)]
        hidden = self._embed(recent)  # (T, B, E)
        for number, layer_state in enumerate(state[1:]):
            output, layer_state = self._run_layer(number, hidden, ids, layer_state)
            hidden = hidden + output if self.config.has_residual(number) else output
            next_state.append(layer_state)
        logits = self._norm(self.config.num_layers, hidden) @ self._output_weight
        logits += self._output_bias
        return logits.transpose(1, 0, 2), tuple(next_state)

    def _embed(self, recent: Ids) -> Array:
        """Return the sum of the embeddings of a character and of the runs that end there.

        Args:
            recent: Ids of K - 1 characters before the window and of the window, (K - 1 + T, B).
        """
        embedded: Array = self._arrays["embedding.weight"][recent[self.config.ngrams - 1 :]]
        for length, rows in enumerate(ngram_rows(self.config, recent), start=2):
            embedded = embedded + self._arrays[f"ngrams.{length}.weight"][rows]
        return embedded

    def _run_layer(
        self, number: int, hidden: Array, ids: Ids, state: LayerState
    ) -> tuple[Array, LayerState]:
        """Advance one layer over a window, from (T, B, E) to (T, B, H)."""
        if number == 0 and self._first_projection is not None:
            assert isinstance(self._first, RecurrentLayer)
            return self._first.advance(self._first_projection[ids.T], state)
        return self._layers[number].run(self._norm(number, hidden), state)

    def _norm(self, number: int, hidden: Array) -> Array:
        """Normalise what a layer, or after the last one the output layer, reads."""
        if self.config.block == "plain":
            return hidden
        weight, bias = (self._arrays[f"norms.{number}.{name}"] for name in ("weight", "bias"))
        return layer_norm(hidden, weight, bias)


def within(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
