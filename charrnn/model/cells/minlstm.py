"""The minimal long short-term memory."""

import numpy as np

from charrnn.model.cells.mingru import mingru_hidden_size
from charrnn.model.cells.spec import Array, CellSpec, Update, sigmoid
from charrnn.model.layers import ParallelLayer


def minlstm_step(projected: Array, h: Array) -> Array:
    """Advance a minimal long short-term memory by one time step.

    With s the logistic function and * elementwise::

        f  = s(W_f v + b_f)                        forget gate
        i  = s(W_i v + b_i)                        input gate
        c  = W_c v + b_c                           candidate
        h' = f / (f + i) * h + i / (f + i) * c

    The blocks are stacked in the order f, i, c; the layer adds its output gate as the last block.

    Args:
        projected: ``W v + b``, shape (..., 3H).
        h: The state, shape (..., H); zeros at the start of a text.

    Returns:
        ``h'``, shape (..., H), within the range of the candidates.

    References:
        L. Feng et al., Were RNNs all we needed?, 2024, arXiv:2410.01201.
    """
    stepped: Array = h + _share(projected) * (projected[..., 2 * h.shape[-1] :] - h)
    return stepped


def minlstm_update(projected: Array, h: Array, *, after: Array) -> Update:
    """Return what a step did; see ``CellSpec``. Its gate is that of the sum, i / (f + i)."""
    share = _share(projected)
    write = share * projected[..., 2 * h.shape[-1] :]
    return Update({"i/(f+i)": share}, 1 - share, write, after, after)


def _share(projected: Array) -> Array:
    """Return i / (f + i), finite where both gates are shut, shape (..., H)."""
    size = projected.shape[-1] // 3
    softplus = np.logaddexp(0, -projected[..., : 2 * size])  # -log f and -log i
    return sigmoid(softplus[..., :size] - softplus[..., size:])


SPEC = CellSpec(
    layer=ParallelLayer,
    steps={"tanh": minlstm_step},
    update=minlstm_update,
    num_blocks=4,
    block="residual",
    num_layers=4,
    hidden_size=mingru_hidden_size,
)
