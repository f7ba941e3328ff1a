"""Muon: orthogonal updates for the matrices of layers, AdamW for everything else.

The gradient of a matrix is large in a few directions and small in most. Muon replaces the running
mean of the gradients by approximately the nearest orthogonal matrix, which moves equally far in
every direction. So the network learns rare patterns as fast as common ones.

Orthogonalising costs a third of the products of a typical step. The mean changes slowly, so only
every ``MOVE_EVERY``-th step orthogonalises, and it moves as far as all of those steps would.

References:
    K. Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024,
    https://kellerjordan.github.io/posts/muon/, for the iteration and its coefficients.
    J. Liu et al., 2025, arXiv:2502.16982, for the length of an update, which matches AdamW's.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from charrnn.training.devices.backend import product_dtype
from charrnn.training.optim.adamw import AdamW

MOMENTUM = 0.95
MOVE_EVERY = 4  # steps
LENGTH = 0.2  # root mean square of an update at learning rate 1
EPSILON = 1e-7
_ITERATIONS = 4
_COEFFICIENTS = 3.4445, -4.7750, 2.0315  # of s, s ** 3 and s ** 5


class Muon:
    """An optimizer with the attributes of torch's optimizers.

    Attributes:
        param_groups: Dictionaries with ``params``, ``lr`` and ``weight_decay``: one for the
            matrices, then those of AdamW.
        state: ``step`` and ``momentum`` of each matrix that has had a gradient; for the other
            parameters see ``AdamW``.
    """

    def __init__(
        self, matrices: list[nn.Parameter], weight_decay: float, rest: AdamW, *, lr: float
    ) -> None:
        """Start without momentum.

        The matrices, with their own weight decay, are updated orthogonally; ``rest`` updates all
        other parameters.
        """
        group = {"params": matrices, "weight_decay": weight_decay, "lr": lr}
        self.param_groups: list[dict[str, Any]] = [group, *rest.param_groups]
        self.state: dict[Tensor, dict[str, Tensor]] = rest.state
        self._rest = rest

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for matrix in self.param_groups[0]["params"]:
            matrix.grad = None
        self._rest.zero_grad()

    def step(self) -> None:
        """Update each parameter that has a gradient; matrices on every fourth call."""
        group = self.param_groups[0]
        with torch.no_grad():
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self._state_of(matrix)
                state["step"] += 1
                mean = state["momentum"].lerp_(matrix.grad, 1 - MOMENTUM)
                if int(state["step"]) % MOVE_EVERY == 0:
                    move = orthogonalize(matrix.grad.lerp(mean, MOMENTUM))
                    rate = MOVE_EVERY * group["lr"]
                    matrix.mul_(1 - rate * group["weight_decay"])
                    matrix.sub_(move, alpha=rate * LENGTH * math.sqrt(max(matrix.shape)))
        self._rest.step()

    def _state_of(self, matrix: nn.Parameter) -> dict[str, Tensor]:
        """Return the momentum of a matrix, initially zero."""
        if matrix not in self.state:
            self.state[matrix] = {"step": torch.zeros(()), "momentum": torch.zeros_like(matrix)}
        return self.state[matrix]


def orthogonalize(matrix: Tensor) -> Tensor:
    """Return approximately the nearest matrix with orthonormal columns, or rows if it is wide.

    Each iteration maps every singular value s to ``a s + b s ** 3 + c s ** 5``. After a few
    iterations all but tiny values lie between 0.7 and 1.2, in bfloat16 up to about 1.5. The result
    is a polynomial of the Gram matrix times the matrix, so all but two products have the smaller of
    the two sizes. Products have the precision of autocast. Zeros give zeros.
    """
    if matrix.shape[0] < matrix.shape[1]:
        return orthogonalize(matrix.T).T
    scaled: Tensor = (matrix / (matrix.norm() + EPSILON)).to(product_dtype(matrix))
    gram = scaled.T @ scaled
    factor = product = _factor(gram)
    for _ in range(_ITERATIONS - 1):
        gram = factor @ gram @ factor
        factor = _factor(gram)
        product = product @ factor
    return (scaled @ product).to(matrix.dtype)


def _factor(gram: Tensor) -> Tensor:
    """Return the polynomial of a Gram matrix by which an iteration multiplies."""
    a, b, c = _COEFFICIENTS
    factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
    factor.diagonal().add_(a)
    return factor
