"""The layer of minimal gated recurrent units over a window, forward and backward.

``model.cells.mingru_step`` has the equations. Here all products of a window are taken at once; the
scan is one operation a step in each direction. Written as one function with its own backward pass,
because a node of autograd for every small operation would cost more than the products.

All of it, and all that waits for the backward pass, is in the precision of products, but for the
scan: a slow unit moves by less in a step than bfloat16 can tell.

Sizes: B streams, T time steps, E input, H hidden units. Windows are time first.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear, silu

from charrnn.training.devices.backend import product_dtype

# Torch's own gradients of the two, each in one pass over the memory.
_silu_backward = torch.ops.aten.silu_backward.grad_input
_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input


class MinGRUFunction(torch.autograd.Function):
    """A layer over a window; gradients end at its start, as truncation asks."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        h: Tensor,
        last: Tensor,
        shift: Tensor,
        weight_ih: Tensor,
        bias_ih: Tensor,
        weight_ho: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Advance over a window.

        Args:
            ctx: Where the values wait that the backward pass needs.
            inputs: u, shape (T, B, E), in the precision of the weights.
            h: State before the window, shape (B, H).
            last: Input before the window, shape (B, E).
            shift: a, shape (E,).
            weight_ih: W, shape (3H, E), blocks z, c, g.
            bias_ih: b, shape (3H,).
            weight_ho: W_o, shape (H, H).

        Returns:
            y, shape (T, B, H), in the precision of products, and the state after the window.
        """
        num_steps, num_streams, _ = inputs.shape
        dtype = product_dtype(inputs)
        size = h.shape[-1]
        weight_in, weight_out = weight_ih.to(dtype), weight_ho.to(dtype)
        read = inputs.new_empty((num_steps + 1, *last.shape), dtype=dtype)
        read[0], read[1:] = last, inputs
        mixed = torch.lerp(read[1:], read[:-1], shift.to(dtype)).flatten(0, 1)  # (T·B, E)
        gates = linear(mixed, weight_in, bias_ih.to(dtype)).view(num_steps, num_streams, 3 * size)
        z, c, g = torch.split(gates, size, dim=-1)
        z.sigmoid_()
        states = h.new_empty((num_steps + 1, *h.shape))  # the one before first
        states[0] = h
        each = states.unbind()
        steps = zip(each[:-1], c.to(h.dtype), z.to(h.dtype), each[1:], strict=True)
        for before, candidate, gate, after in steps:
            torch.lerp(before, candidate, gate, out=after)
        final = each[-1].clone()
        states = states.to(dtype)
        s = silu(g)
        gated = (states[1:] * s).flatten(0, 1)
        output = linear(gated, weight_out)
        ctx.save_for_backward(read, mixed, gates, s, states, gated, shift, weight_in, weight_out)
        ctx.mark_non_differentiable(final)
        return output.view(num_steps, num_streams, -1), final

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of what ``forward`` took, from that of y.

        That of each state is its own share and what the next state hands back: d, which is
        summed up in the precision of the weights. With it the equations give::

            dc = d z
            dz = d (c - h) z (1 - z)             of what is within the gate
        """
        read, mixed, gates, s, states, gated, shift, weight_in, weight_out = ctx.saved_tensors
        dtype, precise = weight_in.dtype, shift.dtype  # of products, of weights
        flat_output = grad_output.to(dtype).flatten(0, 1)
        grad_weight_ho = flat_output.T @ gated
        grad_gated = (flat_output @ weight_out).view(s.shape)
        z, c, g = torch.split(gates, s.shape[-1], dim=-1)
        grad_gates = torch.empty_like(gates)
        grad_z, grad_c, grad_g = torch.split(grad_gates, s.shape[-1], dim=-1)
        _silu_backward(grad_gated * states[1:], g, grad_input=grad_g)
        grad_states = (grad_gated * s).to(precise)
        keeps, ds = (1 - z.to(precise)).unbind(), grad_states.unbind()
        for t in range(len(ds) - 2, -1, -1):
            ds[t].addcmul_(keeps[t + 1], ds[t + 1])
        d = grad_states.to(dtype)
        torch.mul(d, z, out=grad_c)
        _sigmoid_backward((c - states[:-1]).mul_(d), z, grad_input=grad_z)
        flat_gates = grad_gates.flatten(0, 1)
        grad_weight_ih = flat_gates.T @ mixed
        grad_bias_ih = flat_gates.sum(0).to(precise)
        grad_mixed = (flat_gates @ weight_in).view(read[1:].shape)
        grad_shift = (read[:-1] - read[1:]).mul_(grad_mixed).sum((0, 1)).to(precise)
        shifted = grad_mixed * shift.to(dtype)
        grad_inputs = grad_mixed.sub_(shifted)
        grad_inputs[:-1] += shifted[1:]
        return (
            grad_inputs.to(precise),
            None,
            None,
            grad_shift,
            grad_weight_ih.to(precise),
            grad_bias_ih,
            grad_weight_ho.to(precise),
        )
