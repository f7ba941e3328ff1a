"""Tables of embeddings of which a step touches few rows.

The table of runs of characters has thousands of rows, and a window looks up a thousand of them. A
gradient of all rows, and an optimizer that visits them all at every step, would cost more than the
network. So a table keeps the gradients of a few windows as they are, a row for each place of the
window, and learns from them at once. The tables of a network keep the same tensor: what reaches
their sum reaches each of them.

Sizes: T time steps, B streams, E embedding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

LEARN_EVERY = 4  # steps


class GatheredEmbedding(nn.Module):
    """Rows of numbers that are looked up.

    Attributes:
        weight: The rows, shape (number, E); zeros at first.
        pending: What the table has not learned from yet: of each window the numbers of its rows and
            their gradients. None for a table whose gradient is one like any other.
    """

    def __init__(self, num_rows: int, size: int, *, accumulate: bool) -> None:
        """Make a table of zeros.

        Args:
            num_rows: How many rows.
            size: Numbers in a row, E.
            accumulate: Whether it learns from several windows at once.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(num_rows, size))
        self.pending: list[tuple[Tensor, Tensor]] | None = [] if accumulate else None

    def forward(self, rows: Tensor) -> Tensor:
        """Look rows up: numbers of rows of shape (T, B), rows of shape (T, B, E)."""
        if self.pending is None:
            return nn.functional.embedding(rows, self.weight)
        found: Tensor = _LookUp.apply(rows, self.weight, self.pending)  # type: ignore[no-untyped-call]
        return found

    def gathered(self) -> Tensor:
        """Return the gradient of all rows over the windows that wait."""
        total = torch.zeros_like(self.weight)
        for rows, grad in self.pending or []:
            total.index_add_(0, rows.flatten(), grad.reshape(-1, grad.shape[-1]).to(total.dtype))
        return total

    def take_gathered(self, gathered: Tensor) -> None:
        """Let a gradient of all rows wait, and nothing else."""
        self.pending = [(torch.arange(len(gathered), device=gathered.device), gathered)]

    def flush_grad(self) -> None:
        """Make what was gathered the gradient that an optimizer sees; nothing waits then."""
        self.weight.grad = self.gathered()
        self.pending = []


class _LookUp(torch.autograd.Function):
    """Rows of a table; their gradient waits where the table keeps it."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, pending: list[tuple[Tensor, Tensor]]
    ) -> Tensor:
        ctx.save_for_backward(rows)
        ctx.pending = pending
        return nn.functional.embedding(rows, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, None, None]:
        (rows,) = ctx.saved_tensors
        ctx.pending.append((rows, grad))
        return None, None, None
