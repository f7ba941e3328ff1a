"""The Elman network."""

import numpy as np

from charrnn.model.cells.spec import Array, CellSpec, LayerState
from charrnn.model.layers import RecurrentLayer


def rnn_tanh_step(projected: Array, recurrent: Array, state: LayerState) -> LayerState:
    """Advance an Elman network by one time step.

    ::

        h' = tanh(W_ih x + b_ih + W_hh h + b_hh)

    Args:
        projected: ``W_ih x + b_ih``, shape (..., H).
        recurrent: ``W_hh h + b_hh``, shape (..., H).
        state: One array ``h``, shape (..., H); zeros at the start of a text.

    Returns:
        The next state: one array, shape (..., H), between -1 and 1.

    References:
        J. Elman, Finding structure in time, Cognitive Science 14, 1990.
    """
    del state  # is in the recurrent product
    hidden = projected + recurrent
    return (np.tanh(hidden, out=hidden),)


def rnn_relu_step(projected: Array, recurrent: Array, state: LayerState) -> LayerState:
    """Advance an Elman network with the rectifier instead of tanh.

    ::

        h' = max(0, W_ih x + b_ih + W_hh h + b_hh)

    Args:
        projected: ``W_ih x + b_ih``, shape (..., H).
        recurrent: ``W_hh h + b_hh``, shape (..., H).
        state: One array ``h``, shape (..., H); zeros at the start of a text.

    Returns:
        The next state: one array, shape (..., H), non-negative and unbounded.

    References:
        Q. Le et al., 2015, arXiv:1504.00941.
    """
    del state  # is in the recurrent product
    hidden = projected + recurrent
    return (np.maximum(hidden, 0, out=hidden),)


SPEC = CellSpec(
    layer=RecurrentLayer,
    steps={"tanh": rnn_tanh_step, "relu": rnn_relu_step},
    num_blocks=1,
    adamw_rate=1.5e-3,
)
