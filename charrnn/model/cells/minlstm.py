"""The minimal long short-term memory."""

import numpy as np

from charrnn.model.cells.mingru import mingru_hidden_size
from charrnn.model.cells.spec import Array, CellSpec, sigmoid
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
        projected: ``W v + b``, shape (B, 3H).
        h: The state, shape (B, H); zeros at the start of a text.

    Returns:
        ``h'``, shape (B, H), within the range of the candidates.

    References:
        L. Feng et al., Were RNNs all we needed?, 2024, arXiv:2410.01201.
    """
    size = h.shape[-1]
    softplus = np.logaddexp(0, -projected[..., : 2 * size])  # -log f and -log i
    # i / (f + i), finite where both gates are shut
    share = sigmoid(softplus[..., :size] - softplus[..., size:])
    stepped: Array = h + share * (projected[..., 2 * size :] - h)
    return stepped


SPEC = CellSpec(
    layer=ParallelLayer,
    steps={"tanh": minlstm_step},
    num_blocks=4,
    block="residual",
    num_layers=4,
    hidden_size=mingru_hidden_size,
)
