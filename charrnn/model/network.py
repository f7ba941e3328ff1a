"""The network that samples and evaluates: embedding, stacked layers, output layer; state in, out.

``training.nn.network`` is its trainable twin in torch; a test holds the two equal.

Sizes: B streams, T time steps, V vocabulary, E embedding, H hidden units, L layers, G blocks, K the
longest n-gram with an embedding.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.model.cells.spec import Array
from charrnn.model.config import ModelConfig
from charrnn.model.layers import Advance, RecurrentLayer, layer_norm
from charrnn.model.matmul import Matmul, batched_matmul
from charrnn.model.ngram_embedding import ngram_rows
from charrnn.text.vocabulary import Ids

State = tuple[tuple[npt.NDArray[Any], ...], ...]
"""What carries over from character to character: the last K - 1 ids, then the state of each layer.

Each array has one row per stream; zeros mean the start of a text.
"""

Wrap = Callable[[int, Callable[..., Any]], Callable[..., Any]]
"""Takes the number of a layer and the step of its cell, and returns what to use as the step."""


class Inputs(NamedTuple):
    """A window as tables of embeddings are looked up.

    Attributes:
        recent: The ids of K - 1 characters before the window and of the window, (K - 1 + T, B).
        rows: Of the tables of n-grams; see ``ngram_rows``.
    """

    recent: Ids
    rows: list[Ids]


def inputs_of(config: ModelConfig, ids: Ids, state: State) -> Inputs:
    """Return a window of each stream, shape (B, T), as inputs."""
    recent = ids.T
    if config.ngrams > 1:
        recent = np.concatenate([state[0][0].T, recent])
    return Inputs(recent, ngram_rows(config, recent))


class Network:
    """A trained network, ready to read and predict.

    With ``ngrams`` 1 and plain blocks, the first layer reads one of V embeddings. Their input
    products are then computed once, and reading a character is one look-up.
    """

    def __init__(
        self, config: ModelConfig, arrays: Mapping[str, Array], wrap: Wrap | None = None
    ) -> None:
        """Arrange the weights, given by name with the shapes of ``parameter_shapes``."""
        self.config = config
        self._arrays = arrays
        spec, choice = config.spec, config.nonlinearity
        layers = []
        for layer in range(config.num_layers):
            step = spec.steps[choice]
            own = spec if wrap is None else replace(spec, steps={choice: wrap(layer, step)})
            layers.append(spec.layer(own, choice, strip_prefix(f"layers.{layer}.", arrays)))
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
        """Return the state at the start of a text: zeros, one row per stream."""
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
        """Read a window of each stream; see ``Predictor.forward``. Returns logits."""
        return self.advance(inputs_of(self.config, ids, state), state, matmul)

    def advance(self, inputs: Inputs, state: State, matmul: Matmul) -> tuple[Array, State]:
        """Advance over a window; see ``forward``. Networks that read the same share its inputs."""
        window = len(inputs.recent) - (self.config.ngrams - 1)  # T
        next_state: list[tuple[npt.NDArray[Any], ...]] = [(inputs.recent[window:].T,)]
        hidden = self._embed(inputs)  # (T, B, E), or (T, B, G·H) from the table
        for number, layer_state in enumerate(state[1:]):
            normed = self._norm(number, hidden)
            output, layer_state = self._advances[number](normed, layer_state, matmul)
            hidden = hidden + output if self._has_residual[number] else output
            next_state.append(layer_state)
        logits = matmul(self._norm(self.config.num_layers, hidden), self._output_weight)
        logits += self._output_bias
        return logits.transpose(1, 0, 2), tuple(next_state)

    def _embed(self, inputs: Inputs) -> Array:
        """Return the sum of the embeddings of each character and of the n-grams that end with it.

        It has shape (T, B, E); or it is its input product, if those are computed in advance.
        """
        if self._projections is not None:
            projected: Array = self._projections[inputs.recent]
            return projected
        embedded: Array = self._arrays["embedding.weight"]
        embedded = embedded[inputs.recent[self.config.ngrams - 1 :]]
        for length, rows in enumerate(inputs.rows, start=2):
            embedded = embedded + self._arrays[f"ngrams.{length}.weight"][rows]
        return embedded

    def _norm(self, number: int, hidden: Array) -> Array:
        """Normalise the input of a layer or, after the last layer, of the output layer."""
        return layer_norm(hidden, *self._norms[number]) if self._norms else hidden


def strip_prefix(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
