"""Muon: matrices of layers that move by orthogonal steps, and AdamW for all else.

The gradient of a matrix is large in a few directions and small in most. Muon takes the mean of the
last gradients to about the nearest orthogonal matrix, which moves as far in every direction: what
is rare in the text is learned as fast as what is common.

An orthogonal matrix costs a third of the products of a usual window's passes, so only every
``MOVE_EVERY``-th step makes one and moves as far as all of them would: the mean changes slowly.

References:
    K. Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024,
    https://kellerjordan.github.io/posts/muon/, has the iteration and its three numbers.
    J. Liu et al., 2025, arXiv:2502.16982, have the length of a move, that of one by AdamW.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from charrnn.training.devices.backend import product_dtype
from charrnn.training.optim.adamw import AdamW

MOMENTUM = 0.95
MOVE_EVERY = 4  # steps
LENGTH = 0.2  # of the values of a move, as a root mean square, where the learning rate is 1
EPSILON = 1e-7
_ITERATIONS = 4
_COEFFICIENTS = 3.4445, -4.7750, 2.0315  # of s, s ** 3 and s ** 5


class Muon:
    """An optimizer with the attributes that those of torch have.

    Attributes:
        param_groups: Dictionaries with ``params``, ``lr`` and ``weight_decay``: that of the
            matrices, then those of AdamW.
        state: By parameter: ``step`` and ``momentum`` of a matrix, once it had a gradient; see
            ``AdamW`` for the others.
    """

    def __init__(
        self, matrices: list[nn.Parameter], weight_decay: float, rest: AdamW, *, lr: float
    ) -> None:
        """Begin without momentum.

        Args:
            matrices: What moves by orthogonal steps, each of two dimensions.
            weight_decay: Theirs.
            rest: The optimizer of all else.
            lr: The learning rate.
        """
        group = {"params": matrices, "weight_decay": weight_decay, "lr": lr}
        self.param_groups: list[dict[str, Any]] = [group, *rest.param_groups]
        self.state: dict[Tensor, dict[str, Tensor]] = rest.state
        self._rest = rest

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for matrix in self.param_groups[0]["params"]:
            matrix.grad = None
        self._rest.zero_grad()

    def step(self) -> None:
        """Move each parameter that has a gradient; the matrices, at every fourth call."""
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
        """Return the momentum of a matrix, zero at first."""
        if matrix not in self.state:
            self.state[matrix] = {"step": torch.zeros(()), "momentum": torch.zeros_like(matrix)}
        return self.state[matrix]


def orthogonalize(matrix: Tensor) -> Tensor:
    """Return about the nearest matrix with orthonormal columns, or rows if it is wide.

    An iteration takes each singular value s to ``a s + b s ** 3 + c s ** 5``: those that were
    not tiny come to between 0.7 and 1.2 in a few of them, in bfloat16 to about 1.5. It is a
    polynomial of the Gram matrix times the matrix, so all but two products are of the smaller of
    the two sizes.

    Args:
        matrix: Of two dimensions. Products have the precision of the context.

    Returns:
        A matrix of the same shape and precision; zeros for zeros.
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
    """Return what an iteration multiplies by: the polynomial of a Gram matrix."""
    a, b, c = _COEFFICIENTS
    factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
    factor.diagonal().add_(a)
    return factor
