"""Embedding tables of which a step touches few rows.

An n-gram table has thousands of rows, and a window looks up a thousand of them. A dense gradient,
and an optimizer that visits every row at every step, would cost more than the network. So a table
keeps the gradients of a few windows, one row per position, and applies them together. All tables of
a network share one gradient tensor per window, because their outputs are summed.

Sizes: T time steps, B streams, E embedding.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

LEARN_EVERY = 4  # steps


class GatheredEmbedding(nn.Module):
    """A table of embeddings.

    Attributes:
        weight: The rows, shape (number, E); initially zeros.
        pending: For each window not yet applied, the row numbers and their gradients. None for a
            table with an ordinary gradient.
    """

    def __init__(self, num_rows: int, size: int, *, accumulate: bool) -> None:
        """Make a table of zeros; ``accumulate`` gathers the gradients of several windows."""
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(num_rows, size))
        self.pending: list[tuple[Tensor, Tensor]] | None = [] if accumulate else None

    def forward(self, rows: Tensor) -> Tensor:
        """Return the rows of the given numbers: shape (T, B) to (T, B, E)."""
        if self.pending is None:
            return nn.functional.embedding(rows, self.weight)
        found: Tensor = _LookUp.apply(rows, self.weight, self.pending)  # type: ignore[no-untyped-call]
        return found

    def gathered(self) -> Tensor:
        """Return the dense gradient of all pending windows."""
        total = torch.zeros_like(self.weight)
        for rows, grad in self.pending or []:
            total.index_add_(0, rows.flatten(), grad.reshape(-1, grad.shape[-1]).to(total.dtype))
        return total

    def take_gathered(self, gathered: Tensor) -> None:
        """Make a dense gradient the only pending one."""
        self.pending = [(torch.arange(len(gathered), device=gathered.device), gathered)]

    def take_last(self) -> tuple[Tensor, Tensor]:
        """Take away the rows, shape (T, B), and the gradient of the last window."""
        assert self.pending
        return self.pending.pop()

    def add_last(self, rows: Tensor, gradient: Tensor) -> None:
        """Add the rows and the gradient of a window."""
        assert self.pending is not None
        self.pending.append((rows, gradient))

    def flush_grad(self) -> None:
        """Make the pending gradients the gradient of the weight."""
        self.weight.grad = self.gathered()
        self.pending = []


class _LookUp(torch.autograd.Function):
    """Rows of a table; the backward pass appends their gradient to the pending ones."""

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
