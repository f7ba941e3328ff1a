"""Layers over a window: products that need no state for all steps at once, the rest step by step.

A layer holds the weights of N networks and advances them together. Windows are time first, so the
rows of one step are adjacent in memory.

Sizes: B streams, T time steps, N networks, E input, H hidden units, G blocks.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from charrnn.model.cells.spec import Array, CellSpec, LayerState, sigmoid
from charrnn.model.matmul import Matmul, batched_matmul

NORM_EPSILON = 1e-5

Shapes = dict[str, tuple[int, ...]]

Advance = Callable[[Array, LayerState, Matmul], tuple[Array, LayerState]]
"""How a layer advances over a window; see ``Layer.run``."""


class Layer(Protocol):
    """What runs a cell over a window."""

    def run(
        self, inputs: Array, state: LayerState, matmul: Matmul = batched_matmul
    ) -> tuple[Array, LayerState]:
        """Advance over a window, shape (T, B, N, E), from a state, each array (B, N, ·).

        Returns:
            The output, shape (T, B, N, H), and the state after the window.
        """


class RecurrentLayer:
    """A layer whose gates read the state.

    The step of its cell takes ``W_ih x + b_ih`` and ``W_hh h + b_hh``, each of shape (B, N, G·H),
    and the state, and returns the next state, whose first array is the output.
    """

    def __init__(self, spec: CellSpec, nonlinearity: str, arrays: Mapping[str, Array]) -> None:
        """Arrange the weights for a step of a cell.

        They have the names and shapes of ``parameter_shapes``, after a first axis of N.
        """
        self._step = spec.steps[nonlinearity]
        self._bias_ih, self._bias_hh = arrays["bias_ih"], arrays["bias_hh"]
        weights = [arrays["weight_ih"], arrays["weight_hh"]]
        self._joint: tuple[Array, Array] | None = None  # (N, E + H, G·H) and (N, G·H)
        if spec.is_additive:
            joint = np.concatenate(weights, axis=-1)
            weights = np.split(joint, [weights[0].shape[-1]], axis=-1)  # views
            self._joint = joint.swapaxes(-1, -2), self._bias_ih + self._bias_hh
        self._weight_ih, self._weight_hh = (each.swapaxes(-1, -2) for each in weights)

    @staticmethod
    def parameter_shapes(spec: CellSpec, input_size: int, hidden_size: int) -> Shapes:
        """Return the name and shape of each weight; both are torch's."""
        rows = spec.num_blocks * hidden_size
        return {
            "weight_ih": (rows, input_size),
            "bias_ih": (rows,),
            "weight_hh": (rows, hidden_size),
            "bias_hh": (rows,),
        }

    @staticmethod
    def state_sizes(spec: CellSpec, input_size: int, hidden_size: int) -> tuple[int, ...]:
        """Return the size of each vector of the state."""
        del input_size
        return (hidden_size,) * spec.num_states

    def project(self, inputs: Array, matmul: Matmul = batched_matmul) -> Array:
        """Return ``W_ih x + b_ih``, shape (..., N, E) to (..., N, G·H)."""
        projected = matmul(inputs, self._weight_ih)
        projected += self._bias_ih
        return projected

    def advance(
        self, projected: Array, state: LayerState, matmul: Matmul = batched_matmul
    ) -> tuple[Array, LayerState]:
        """Advance over a window of projected inputs, shape (T, B, N, G·H)."""
        outputs = []
        for row in projected:
            recurrent = matmul(state[0], self._weight_hh)
            recurrent += self._bias_hh
            state = self._step(row, recurrent, state)
            outputs.append(state[0])
        return _window(outputs), state

    def run(
        self, inputs: Array, state: LayerState, matmul: Matmul = batched_matmul
    ) -> tuple[Array, LayerState]:
        """Advance over a window; see ``Layer``. A single step takes one product where it can."""
        if len(inputs) > 1 or self._joint is None:
            return self.advance(self.project(inputs, matmul), state, matmul)
        weight, bias = self._joint
        both = np.concatenate([inputs[0], state[0]], axis=-1)  # (B, N, E + H)
        state = self._step(matmul(both, weight), bias, state)
        return state[0][None], state


class ParallelLayer:
    """A layer whose gates read the input alone.

    No product needs the state, so all products of a window are taken at once, and the step is
    cheap. With u the input, u' the input one step before, s the logistic function and *
    elementwise::

        v  = u + a * (u' - u)            token shift: a learned mix of this step and the last
        h' = step(W v + b, h)            the cell
        g  = W_g v + b_g                 output gate
        y  = W_o (g * s(g) * h')         output

    The blocks of the cell come first in the weights, then g. The step of the cell takes the
    products of its blocks, shape (B, N, (G - 1)·H), and h, shape (B, N, H), and returns h'.

    References:
        T. Lei et al., 2017, arXiv:1709.02755 and E. Martin and C. Cundy, 2017, arXiv:1709.04057
        (gates that do not read the state).
        B. Peng et al., RWKV, 2023, arXiv:2305.13048 (token shift).
    """

    def __init__(self, spec: CellSpec, nonlinearity: str, arrays: Mapping[str, Array]) -> None:
        """Arrange the weights of a layer; see ``RecurrentLayer``."""
        self._step = spec.steps[nonlinearity]
        self._shift = arrays["shift"]
        self._weight_ih = np.ascontiguousarray(arrays["weight_ih"].swapaxes(-1, -2))
        self._bias_ih = arrays["bias_ih"]
        self._weight_ho = np.ascontiguousarray(arrays["weight_ho"].swapaxes(-1, -2))

    @staticmethod
    def parameter_shapes(spec: CellSpec, input_size: int, hidden_size: int) -> Shapes:
        """Return the name and shape of each weight."""
        rows = spec.num_blocks * hidden_size
        return {
            "weight_ih": (rows, input_size),
            "bias_ih": (rows,),
            "shift": (input_size,),
            "weight_ho": (hidden_size, hidden_size),
        }

    @staticmethod
    def state_sizes(spec: CellSpec, input_size: int, hidden_size: int) -> tuple[int, ...]:
        """Return the sizes of h and of the last input."""
        del spec
        return (hidden_size, input_size)

    def run(
        self, inputs: Array, state: LayerState, matmul: Matmul = batched_matmul
    ) -> tuple[Array, LayerState]:
        """Advance over a window; see ``Layer``."""
        h, last = state
        projected = matmul(shift_inputs(inputs, last, self._shift), self._weight_ih)
        projected += self._bias_ih
        size = h.shape[-1]
        states = []
        for row in projected[..., :-size]:
            h = self._step(row, h)
            states.append(h)
        g = projected[..., -size:]
        return matmul(g * sigmoid(g) * _window(states), self._weight_ho), (h, inputs[-1])


def shift_inputs(inputs: Array, last: Array, share: Array) -> Array:
    """Mix the input of each step, (T, ..., E), with the one before: ``x + share * (x before - x)``.

    ``last`` is the input of the step before the first, shape (..., E); zeros at the start of a
    text. The share of the step before has shape (E,), or (N, E) for N networks.
    """
    before = last[None] if len(inputs) == 1 else np.concatenate([last[None], inputs[:-1]])
    mixed = before - inputs
    mixed *= share
    mixed += inputs
    return mixed


def layer_norm(inputs: Array, weight: Array, bias: Array) -> Array:
    """Normalise vectors, (..., H), to mean 0 and variance 1, then scale and shift them.

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


def _window(rows: list[Array]) -> Array:
    """Return T arrays of shape (B, N, H) as one of shape (T, B, N, H)."""
    return rows[0][None] if len(rows) == 1 else np.array(rows)
