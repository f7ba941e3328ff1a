"""The gated recurrent unit."""

import numpy as np

from charrnn.model.cells.spec import Array, CellSpec, LayerState, Update, sigmoid
from charrnn.model.layers import RecurrentLayer


def gru_step(projected: Array, recurrent: Array, state: LayerState) -> LayerState:
    """Advance a gated recurrent unit by one time step.

    With s the logistic function and * elementwise::

        r  = s(W_ir x + b_ir + W_hr h + b_hr)             reset gate
        z  = s(W_iz x + b_iz + W_hz h + b_hz)             update gate
        n  = tanh(W_in x + b_in + r * (W_hn h + b_hn))    candidate
        h' = (1 - z) * n + z * h

    The blocks are stacked in the order r, z, n. The reset gate acts on the product
    ``W_hn h + b_hn``, as in cuDNN and ``torch.nn.GRU``, not on ``h`` itself: weights of one form
    give wrong text in the other.

    Args:
        projected: ``W_ih x + b_ih``, shape (..., 3H).
        recurrent: ``W_hh h + b_hh``, shape (..., 3H).
        state: One array ``h``, shape (..., H); zeros at the start of a text.

    Returns:
        The next state: one array, shape (..., H), between -1 and 1 if ``h`` was.

    References:
        K. Cho et al., 2014, arXiv:1406.1078.
        J. Chung et al., 2014, arXiv:1412.3555 (a comparison with the LSTM).
    """
    (h,) = state
    _, z, n = _blocks(projected, recurrent)
    return (n + z * (h - n),)


def gru_update(
    projected: Array, recurrent: Array, state: LayerState, *, after: LayerState
) -> Update:
    """Return what a step did; see ``CellSpec``."""
    del state
    r, z, n = _blocks(projected, recurrent)
    (h,) = after
    return Update({"r": r, "z": z}, z, (1 - z) * n, h, h)


def _blocks(projected: Array, recurrent: Array) -> tuple[Array, Array, Array]:
    """Return r, z and n, each of shape (..., H)."""
    size = projected.shape[-1] // 3
    gates = sigmoid(projected[..., : 2 * size] + recurrent[..., : 2 * size])
    r, z = gates[..., :size], gates[..., size:]
    return r, z, np.tanh(projected[..., 2 * size :] + r * recurrent[..., 2 * size :])


SPEC = CellSpec(
    layer=RecurrentLayer,
    steps={"tanh": gru_step},
    update=gru_update,
    num_blocks=3,
    is_additive=False,  # the reset gate multiplies the recurrent product alone
)
