"""The long short-term memory."""

import numpy as np

from charrnn.model.cells.spec import Array, CellSpec, LayerState, Update, sigmoid
from charrnn.model.layers import RecurrentLayer


def lstm_step(projected: Array, recurrent: Array, state: LayerState) -> LayerState:
    """Advance a long short-term memory by one time step.

    With s the logistic function and * elementwise::

        i  = s(W_ii x + b_ii + W_hi h + b_hi)       input gate
        f  = s(W_if x + b_if + W_hf h + b_hf)       forget gate
        g  = tanh(W_ig x + b_ig + W_hg h + b_hg)    candidate
        o  = s(W_io x + b_io + W_ho h + b_ho)       output gate
        c' = f * c + i * g
        h' = o * tanh(c')

    The blocks are stacked in the weights in the order i, f, g, o.

    Args:
        projected: ``W_ih x + b_ih``, shape (..., 4H).
        recurrent: ``W_hh h + b_hh``, shape (..., 4H).
        state: Two arrays, ``h`` and ``c``, each of shape (..., H); zeros at the start of a text.

    Returns:
        The next ``h``, between -1 and 1, and ``c``, unbounded; each of shape (..., H).

    References:
        S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9, 1997.
        F. Gers et al., Learning to forget, Neural Computation 12, 2000 (the forget gate).
    """
    _, c = state
    i, f, g, o = _blocks(projected, recurrent)
    c = f * c
    c += i * g
    return o * np.tanh(c), c


def lstm_update(
    projected: Array, recurrent: Array, state: LayerState, *, after: LayerState
) -> Update:
    """Return what a step did; see ``CellSpec``."""
    del state
    i, f, g, o = _blocks(projected, recurrent)
    h, c = after
    return Update({"i": i, "f": f, "o": o}, f, i * g, c, h)


def _blocks(projected: Array, recurrent: Array) -> tuple[Array, Array, Array, Array]:
    """Return i, f, g and o, each of shape (..., H)."""
    gates: Array = projected + recurrent
    size = gates.shape[-1] // 4
    g = np.tanh(gates[..., 2 * size : 3 * size])
    gates = sigmoid(gates)  # all four blocks: faster than three
    return gates[..., :size], gates[..., size : 2 * size], g, gates[..., 3 * size :]


SPEC = CellSpec(
    layer=RecurrentLayer,
    steps={"tanh": lstm_step},
    update=lstm_update,
    num_blocks=4,
    num_states=2,
    adamw_rate=8e-3,
)
