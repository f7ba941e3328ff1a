"""The networks of a model: embedding, stacked layers, output layer; state in, out.

``training.nn.network`` is the trainable twin of one network in torch; a test holds the two equal.

The networks of a model have the same sizes and read the same text. The weights of their layers are
stacked, and so are their states: one product advances them all. The model predicts the mean of
their probabilities; see ``ensemble``.

Sizes: B streams, T time steps, N networks, V vocabulary, E embedding, H hidden units, L layers, G
blocks, K the longest n-gram with an embedding.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.model.cells.spec import Array
from charrnn.model.config import ModelConfig
from charrnn.model.ensemble import (
    log_softmax,
    mean_probs,
    safe_log,
    softmax,
    split_networks,
    strip_prefix,
)
from charrnn.model.layers import Advance, RecurrentLayer, layer_norm
from charrnn.model.matmul import Matmul, batched_matmul, without_stray_flags
from charrnn.model.ngram_embedding import ngram_rows
from charrnn.text.vocabulary import Ids

State = tuple[tuple[npt.NDArray[Any], ...], ...]
"""What carries over from character to character: the last K - 1 ids, then the state of each layer.

Each array has one row per stream; zeros mean the start of a text. Those of a layer have shape
(B, N, ·).
"""

Wrap = Callable[[int, Callable[..., Any]], Callable[..., Any]]
"""Takes the number of a layer and the step of its cell, and returns what to use as the step."""


class Predictor:
    """The networks of a model, ready to read characters and predict the next one.

    With ``ngrams`` 1 and plain blocks, the first layer reads one of V embeddings. Their input
    products are then computed once, and reading a character is one look-up.

    Attributes:
        config: The sizes.
    """

    def __init__(
        self, config: ModelConfig, arrays: Mapping[str, Array], wrap: Wrap | None = None
    ) -> None:
        """Arrange the weights, given by name with the shapes of ``parameter_shapes``.

        ``wrap`` may replace the step of a layer, to watch it or to change its result. A step
        advances all networks; its arrays have shape (B, N, ·).
        """
        self.config = config
        self._parts = split_networks(config, arrays)
        spec, choice = config.spec, config.nonlinearity
        layers = []
        for layer in range(config.num_layers):
            step = spec.steps[choice]
            own = spec if wrap is None else replace(spec, steps={choice: wrap(layer, step)})
            prefix = f"layers.{layer}."
            names = strip_prefix(prefix, self._parts[0])
            weights = {name: self._stacked(prefix + name) for name in names}
            layers.append(spec.layer(own, choice, weights))
        self._has_residual = [config.has_residual(layer) for layer in range(config.num_layers)]
        self._norms = [
            (self._stacked(f"norms.{number}.weight"), self._stacked(f"norms.{number}.bias"))
            for number in range(config.num_layers + 1)
            if config.block == "residual"
        ]
        self._advances: list[Advance] = [layer.run for layer in layers]
        self._projections: Array | None = None  # (V, N, G·H)
        first = layers[0]
        if isinstance(first, RecurrentLayer) and config.ngrams == 1 and config.block == "plain":
            project = without_stray_flags(first.project)
            self._projections = project(self._stacked("embedding.weight").swapaxes(0, 1))
            self._advances[0] = first.advance
        tables = ["embedding", *(f"ngrams.{length}" for length in range(2, config.ngrams + 1))]
        self._tables = [[part[f"{name}.weight"] for name in tables] for part in self._parts]
        self._output_weight = self._stacked("output.weight").swapaxes(-1, -2)  # (N, H, V)
        self._output_bias = self._stacked("output.bias")

    def _stacked(self, name: str) -> Array:
        """Return the weights of a name of all networks, shape (N, ...)."""
        arrays = [part[name] for part in self._parts]
        return arrays[0][None] if len(arrays) == 1 else np.stack(arrays)

    def initial_state(self, num_streams: int) -> State:
        """Return the state at the start of a text: zeros, one row per stream."""
        config, dtype = self.config, self._output_weight.dtype
        recent = np.zeros((num_streams, config.ngrams - 1), np.int64)
        layers = [
            tuple(
                np.zeros((num_streams, config.num_networks, size), dtype)
                for size in config.state_sizes(layer)
            )
            for layer in range(config.num_layers)
        ]
        return ((recent,), *layers)

    def forward(
        self, ids: Ids, state: State, matmul: Matmul = batched_matmul
    ) -> tuple[Array, State]:
        """Read a window of each stream.

        Args:
            ids: The window, shape (B, T).
            state: The state before the window.
            matmul: How to multiply rows; ``rowwise_matmul`` gives each stream the same bits
                whatever the other streams are.

        Returns:
            The log-probabilities of the character after each one read, finite, shape (B, T, V); and
            the state after the window.
        """
        logits, state = self.each_forward(ids, state, matmul)
        if len(logits) == 1:
            return log_softmax(logits[0]), state
        return safe_log(mean_probs(softmax(logits))), state

    @without_stray_flags
    def each_forward(
        self, ids: Ids, state: State, matmul: Matmul = batched_matmul
    ) -> tuple[Array, State]:
        """Read a window of each stream; return the logits of each network, shape (N, B, T, V)."""
        recent = ids.T
        if self.config.ngrams > 1:
            recent = np.concatenate([state[0][0].T, recent])  # (K - 1 + T, B)
        next_state: list[tuple[npt.NDArray[Any], ...]] = [(recent[ids.shape[1] :].T,)]
        hidden = self._embed(recent)  # (T, B, N, E), or (T, B, N, G·H) from the table
        for number, layer_state in enumerate(state[1:]):
            normed = self._norm(number, hidden)
            output, layer_state = self._advances[number](normed, layer_state, matmul)
            hidden = hidden + output if self._has_residual[number] else output
            next_state.append(layer_state)
        logits = matmul(self._norm(self.config.num_layers, hidden), self._output_weight)
        logits += self._output_bias
        return logits.transpose(2, 1, 0, 3), tuple(next_state)

    def _embed(self, recent: Ids) -> Array:
        """Return the sum of the embeddings of each character and of the n-grams that end with it.

        It has shape (T, B, N, E); or it is its input product, if those are computed in advance.
        """
        if self._projections is not None:
            projected: Array = self._projections[recent]
            return projected
        rows = [recent[self.config.ngrams - 1 :], *ngram_rows(self.config, recent)]
        embedded = [_embed(tables, rows) for tables in self._tables]
        return np.array(embedded).transpose(1, 2, 0, 3)

    def _norm(self, number: int, hidden: Array) -> Array:
        """Normalise the input of a layer or, after the last layer, of the output layer."""
        return layer_norm(hidden, *self._norms[number]) if self._norms else hidden


def _embed(tables: Sequence[Array], rows: Sequence[Ids]) -> Array:
    """Return the sum of one row of each table of a network, for each place in the rows."""
    total, *others = (table.take(own, axis=0) for table, own in zip(tables, rows, strict=True))
    for each in others:
        total += each
    return total
