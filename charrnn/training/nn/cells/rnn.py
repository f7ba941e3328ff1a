"""The Elman network over a window, forward and backward.

On a CPU torch records one autograd node for each small operation of each step. This module writes
the layer as one function with its own backward pass. On other devices it uses torch's kernels. All
computation, and all that is kept for the backward pass, is in the precision of matrix products.

Sizes: B streams, T time steps, H hidden units. Windows are time first.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from charrnn.training.nn.layers import LayerState, RecurrentLayer


class Layer(RecurrentLayer):
    """A layer of Elman units."""

    def forward(self, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Advance over a window; see ``RecurrentLayer.forward``."""
        has_relu = self.config.nonlinearity == "relu"
        (h,) = state
        if inputs.device.type != "cpu":
            hidden, h = self.run_kernel(torch.rnn_relu if has_relu else torch.rnn_tanh, inputs, h)
            return hidden, (h,)
        projected = linear(inputs, self.weight_ih, self.bias_ih + self.bias_hh)
        hidden = RNNFunction.apply(projected, h, self.weight_hh, has_relu)  # type: ignore[no-untyped-call]
        return hidden, (hidden[-1],)


class RNNFunction(torch.autograd.Function):
    """Elman units over a window; gradients stop at its start."""

    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, h: Tensor, weight_hh: Tensor, has_relu: bool
    ) -> Tensor:
        """Advance over a window; return the states, shape (T, B, H).

        Args:
            ctx: Keeps what the backward pass needs.
            projected: ``W_ih x`` with both biases, shape (T, B, H).
            h: State before the window, shape (B, H).
            weight_hh: Shape (H, H).
            has_relu: Whether to use the rectifier instead of tanh.
        """
        weight = weight_hh.to(projected.dtype)
        transposed = weight.T.contiguous()
        states = projected.new_empty((len(projected) + 1, *h.shape))  # the first is h
        states[0] = h
        each = states.unbind()
        for added, before, after in zip(projected.unbind(), each[:-1], each[1:], strict=True):
            torch.addmm(added, before, transposed, out=after)
            after.relu_() if has_relu else after.tanh_()
        ctx.save_for_backward(states, weight)
        ctx.has_relu = has_relu
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_states: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward``."""
        states, weight = ctx.saved_tensors
        after = states[1:]
        slopes = (after > 0).to(after.dtype) if ctx.has_relu else 1 - after.square()
        grad_sums = slopes  # in place: each slope is read once
        given, sums = grad_states.unbind(), grad_sums.unbind()
        sums[-1].mul_(given[-1])
        for t in range(len(sums) - 2, -1, -1):
            sums[t].mul_(torch.addmm(given[t], sums[t + 1], weight))
        grad_weight = grad_sums.flatten(0, 1).T @ states[:-1].flatten(0, 1)
        return grad_sums, None, grad_weight, None
