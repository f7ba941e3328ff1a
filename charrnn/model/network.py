"""The network that runs: embedding, stacked cells, output layer; state in, state out.

This is the NumPy side. ``training.network`` is its trainable twin; a test holds the two equal.

Sizes: B streams, T time steps, V vocabulary, E embedding, H hidden units, L layers, G blocks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from charrnn.model.cells import Array, LayerState, RecurrentWeights, step_of
from charrnn.model.config import NUM_STATES, ModelConfig
from charrnn.text.vocabulary import Ids

State = tuple[LayerState, ...]
"""What is carried from character to character: for each layer ``(h,)``, or ``(h, c)``."""


class Network:
    """A trained network, ready to read and predict.

    The product of the embedding with the first layer's input weights is taken once, for every
    character of the vocabulary; reading a character is then one look-up.
    """

    def __init__(self, config: ModelConfig, arrays: Mapping[str, Array]) -> None:
        """Arrange the weights for stepping.

        Args:
            config: The sizes.
            arrays: The weights by name, of the shapes that ``parameter_shapes`` gives.
        """
        self.config = config
        self._step = step_of(config)
        layers = range(config.num_layers)
        first = arrays["embedding.weight"] @ arrays["layers.0.weight_ih"].T
        self._first_projection = first + arrays["layers.0.bias_ih"]  # (V, G·H)
        self._input_weights = [arrays[f"layers.{i}.weight_ih"].T for i in layers]
        self._input_biases = [arrays[f"layers.{i}.bias_ih"] for i in layers]
        self._recurrent = [
            RecurrentWeights(
                np.ascontiguousarray(arrays[f"layers.{i}.weight_hh"].T),
                arrays[f"layers.{i}.bias_hh"],
            )
            for i in layers
        ]
        self._output_weight = np.ascontiguousarray(arrays["output.weight"].T)  # (H, V)
        self._output_bias = arrays["output.bias"]

    def initial_state(self, num_streams: int) -> State:
        """Return the state at the start of a text: zeros, each of shape (B, H)."""
        zeros = np.zeros((num_streams, self.config.hidden_size), self._output_weight.dtype)
        return ((zeros,) * NUM_STATES[self.config.cell],) * self.config.num_layers

    def forget(self, state: State, stream: int) -> State:
        """Return the state with one stream back at the start of a text."""
        is_kept = np.arange(len(state[0][0]))[:, None] != stream
        return tuple(tuple(array * is_kept for array in layer) for layer in state)

    def forward(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read a window of each stream.

        Args:
            ids: What is read, shape (B, T).
            state: The state before it.

        Returns:
            After each character, the logits of the next one, shape (B, T, V), and the state after
            the window.
        """
        projected = self._first_projection[ids.T]  # (T, B, G·H): a step's rows lie together
        hidden, layer_state = self._run_layer(0, projected, state[0])
        next_state = [layer_state]
        for layer in range(1, self.config.num_layers):
            projected = hidden @ self._input_weights[layer] + self._input_biases[layer]
            hidden, layer_state = self._run_layer(layer, projected, state[layer])
            next_state.append(layer_state)
        logits = hidden @ self._output_weight + self._output_bias
        return logits.transpose(1, 0, 2), tuple(next_state)

    def _run_layer(
        self, layer: int, projected: Array, state: LayerState
    ) -> tuple[Array, LayerState]:
        """Advance one layer over a window, (T, B, G·H) to (T, B, H)."""
        weights = self._recurrent[layer]
        num_steps, num_streams, _ = projected.shape
        hidden = np.empty((num_steps, num_streams, self.config.hidden_size), projected.dtype)
        for t in range(num_steps):
            state = self._step(weights, projected[t], state)
            hidden[t] = state[0]
        return hidden, state

    def step(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Read one character of each stream.

        Args:
            ids: What is read, shape (B,).
            state: The state before it.

        Returns:
            The logits of the next character, shape (B, V), and the state after this one.
        """
        logits, state = self.forward(ids[:, None], state)
        return logits[:, 0], state
