"""The minimal gated recurrent unit."""

from charrnn.model.cells.spec import Array, CellSpec, Update, sigmoid
from charrnn.model.layers import ParallelLayer


def mingru_step(projected: Array, h: Array) -> Array:
    """Advance a minimal gated recurrent unit by one time step.

    With s the logistic function and * elementwise::

        z  = s(W_z v + b_z)              update gate
        c  = W_c v + b_c                 candidate
        h' = (1 - z) * h + z * c

    The blocks are stacked in the order z, c; the layer adds its output gate as the last block.

    Args:
        projected: ``W v + b``, shape (..., 2H).
        h: The state, shape (..., H); zeros at the start of a text.

    Returns:
        ``h'``, shape (..., H), within the range of the candidates.

    References:
        L. Feng et al., Were RNNs all we needed?, 2024, arXiv:2410.01201.
    """
    size = h.shape[-1]
    z, c = projected[..., :size], projected[..., size:]
    stepped: Array = h + sigmoid(z) * (c - h)
    return stepped


def mingru_update(projected: Array, h: Array, *, after: Array) -> Update:
    """Return what a step did; see ``CellSpec``."""
    size = h.shape[-1]
    z, c = sigmoid(projected[..., :size]), projected[..., size:]
    return Update({"z": z}, 1 - z, z * c, after, after)


def mingru_hidden_size(num_chars: int) -> int:
    """Return the default H: narrow layers learn short texts better."""
    return 96 if num_chars < 60_000 else 128 if num_chars < 400_000 else 192


SPEC = CellSpec(
    layer=ParallelLayer,
    steps={"tanh": mingru_step},
    update=mingru_update,
    num_blocks=3,
    block="residual",
    num_layers=4,
    hidden_size=mingru_hidden_size,
)
