"""A layer over a window: the products that need no state at once, the rest step by step.

Sizes: B streams, T time steps, E input, H hidden units, G blocks. Windows are time first, so that
the rows of one step lie together in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from charrnn.model.cells import (
    Array,
    LayerState,
    mingru_step,
    shift_inputs,
    step_of,
)
from charrnn.model.config import ModelConfig
from charrnn.model.matmul import Matmul, batched_matmul

NORM_EPSILON = 1e-5

Advance = Callable[[Array, LayerState, Matmul], tuple[Array, LayerState]]
"""How a layer advances over a window; see ``Layer.run``."""


class Layer(Protocol):
    """Anything that advances over a window."""

    def run(
        self, inputs: Array, state: LayerState, matmul: Matmul = batched_matmul
    ) -> tuple[Array, LayerState]:
        """Advance over a window.

        Args:
            inputs: Shape (T, B, E).
            state: Before the window, each array of shape (B, H).
            matmul: How rows are multiplied.

        Returns:
            What the layer hands on, shape (T, B, H), and the state after the window.
        """


class RecurrentLayer:
    """A layer whose cell multiplies its state: rnn, gru or lstm."""

    def __init__(self, config: ModelConfig, arrays: Mapping[str, Array]) -> None:
        """Arrange the weights of one layer, by their names within it."""
        self._step = step_of(config)
        self._weight_ih, self._bias_ih = arrays["weight_ih"].T, arrays["bias_ih"]
        self._weight_hh, self._bias_hh = arrays["weight_hh"].T, arrays["bias_hh"]
        self._joint: tuple[Array, Array] | None = None  # (E + H, G·H) and (G·H,)
        if config.cell != "gru":  # whose reset gate needs the recurrent product by itself
            weight = np.concatenate([arrays["weight_ih"], arrays["weight_hh"]], axis=1).T
            self._joint = weight, self._bias_ih + self._bias_hh

    def project(self, inputs: Array, matmul: Matmul = batched_matmul) -> Array:
        """Return ``W_ih x + b_ih``, shape (..., E) to (..., G·H)."""
        projected = matmul(inputs, self._weight_ih)
        projected += self._bias_ih
        return projected

    def advance(
        self, projected: Array, state: LayerState, matmul: Matmul = batched_matmul
    ) -> tuple[Array, LayerState]:
        """Advance over a window whose projections are known, shape (T, B, G·H)."""
        hidden = []
        for row in projected:
            recurrent = matmul(state[0], self._weight_hh)
            recurrent += self._bias_hh
            state = self._step(row, recurrent, state)
            hidden.append(state[0])
        return _window(hidden), state

    def run(
        self, inputs: Array, state: LayerState, matmul: Matmul = batched_matmul
    ) -> tuple[Array, LayerState]:
        """Advance over a window; see ``Layer``.

        Of a single step input and state are multiplied as one.
        """
        if len(inputs) > 1 or self._joint is None:
            return self.advance(self.project(inputs, matmul), state, matmul)
        weight, bias = self._joint
        both = np.concatenate([inputs[0], state[0]], axis=-1)  # (B, E + H)
        state = self._step(matmul(both, weight), bias, state)
        return state[0][None], state


class MinGRULayer:
    """A layer of minimal gated recurrent units with token shift and output product."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        """Arrange the weights of one layer, by their names within it."""
        self._shift = arrays["shift"]
        self._weight_ih = np.ascontiguousarray(arrays["weight_ih"].T)
        self._bias_ih = arrays["bias_ih"]
        self._weight_ho = np.ascontiguousarray(arrays["weight_ho"].T)

    def run(
        self, inputs: Array, state: LayerState, matmul: Matmul = batched_matmul
    ) -> tuple[Array, LayerState]:
        """Advance over a window; see ``Layer``. The state is h and the last input."""
        h, last = state
        projected = matmul(shift_inputs(inputs, last, self._shift), self._weight_ih)
        projected += self._bias_ih
        gated = []
        for row in projected:
            handed_on, h = mingru_step(row, h)
            gated.append(handed_on)
        return matmul(_window(gated), self._weight_ho), (h, inputs[-1])


def make_layer(config: ModelConfig, arrays: Mapping[str, Array]) -> Layer:
    """Return a layer of a model, from its weights by their names within the layer."""
    return MinGRULayer(arrays) if config.cell == "mingru" else RecurrentLayer(config, arrays)


def _window(rows: list[Array]) -> Array:
    """Return the rows of T steps, each of shape (B, H), as a window of shape (T, B, H)."""
    return rows[0][None] if len(rows) == 1 else np.array(rows)


def layer_norm(inputs: Array, weight: Array, bias: Array) -> Array:
    """Shift and scale each vector to mean 0 and variance 1, then by learned numbers.

    Args:
        inputs: Shape (..., H).
        weight: Learned scale, shape (H,).
        bias: Learned shift, shape (H,).

    References:
        J. Ba et al., 2016, arXiv:1607.06450.
    """
    size = inputs.shape[-1]
    centred: Array = inputs - np.add.reduce(inputs, axis=-1, keepdims=True) / size
    variance = np.vecdot(centred, centred) / size
    centred /= np.sqrt(variance + NORM_EPSILON)[..., None]
    centred *= weight
    centred += bias
    return centred
