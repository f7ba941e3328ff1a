"""Tables of embeddings of which a step touches few rows.

The table of runs of characters has thousands of rows, and a window looks up a thousand of them. A
gradient of all rows, and an optimizer that visits them all at every step, would cost more than the
network. So a table gathers its gradient in place, over several windows, and learns from them at
once: the rows that a window touched are all that it costs, but for every ``LEARN_EVERY``-th step.

Sizes: T time steps, B streams, E embedding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

LEARN_EVERY = 4  # steps


class Table(nn.Module):
    """Rows of numbers that are looked up.

    Attributes:
        weight: The rows, shape (number, E); zeros at first.
        gathered: The sum of the gradients since the table learned last, of the same shape; None
            for a table that gathers none, whose gradient is one like any other.
    """

    gathered: Tensor | None

    def __init__(self, num_rows: int, size: int, *, gathers: bool) -> None:
        """Make a table of zeros.

        Args:
            num_rows: How many rows.
            size: Numbers in a row, E.
            gathers: Whether it gathers its gradient.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(num_rows, size))
        gathered = torch.zeros(num_rows, size) if gathers else None
        self.register_buffer("gathered", gathered, persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        """Look rows up: numbers of rows of shape (T, B), rows of shape (T, B, E)."""
        if self.gathered is None:
            return nn.functional.embedding(rows, self.weight)
        found: Tensor = _LookUp.apply(rows, self.weight, self.gathered)  # type: ignore[no-untyped-call]
        return found

    def hand_out(self) -> None:
        """Make what was gathered the gradient that an optimizer sees."""
        self.weight.grad = self.gathered

    def begin_anew(self) -> None:
        """Forget what was gathered, after the optimizer has seen it."""
        self.weight.grad = None
        if self.gathered is not None:
            self.gathered.zero_()


class _LookUp(torch.autograd.Function):
    """Rows of a table; their gradient is added where the table gathers it."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, gathered: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        ctx.gathered = gathered
        return nn.functional.embedding(rows, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, None, None]:
        (rows,) = ctx.saved_tensors
        ctx.gathered.index_add_(0, rows.flatten(), grad.flatten(0, 1).to(ctx.gathered.dtype))
        return None, None, None
