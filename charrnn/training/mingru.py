"""The layer of minimal gated recurrent units over a window, forward and backward.

``model.cells.mingru_step`` has the equations. Here all products of a window are taken at once, in
the precision of the machine; the scan is one operation a step in each direction. Written as one
function with its own backward pass, because a node of autograd for every small operation would cost
more than the products.

Sizes: B streams, T time steps, E input, H hidden units. Windows are time first.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from charrnn.training.machine import product_dtype


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
        before = torch.cat([last[None], inputs[:-1]])
        mixed = torch.lerp(inputs, before, shift).to(dtype).flatten(0, 1)  # (T·B, E)
        projected = torch.nn.functional.linear(mixed, weight_in)
        projected = projected.view(num_steps, num_streams, 3 * size)
        bias_z, bias_c, bias_g = torch.split(bias_ih, size)
        part_z, part_c, part_g = torch.split(projected, size, dim=-1)
        z = (part_z + bias_z).sigmoid_()  # from here on in the precision of the weights
        c = part_c + bias_c
        g = part_g + bias_g
        states = torch.empty_like(c)
        state = h
        for next_state, candidate, gate in zip(states, c, z, strict=True):
            state = torch.lerp(state, candidate, gate, out=next_state)
        s = torch.nn.functional.silu(g)
        gated = (states * s).to(dtype).flatten(0, 1)
        output = torch.nn.functional.linear(gated, weight_out)
        ctx.save_for_backward(
            inputs, before, mixed, z, c, g, s, states, gated, h, shift, weight_in, weight_out
        )
        final = states[-1].clone()
        ctx.mark_non_differentiable(final)
        return output.view(num_steps, num_streams, -1), final

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of what ``forward`` took, from that of y."""
        inputs, before, mixed, z, c, g, s, states, gated, h, shift, weight_in, weight_out = (
            ctx.saved_tensors
        )
        num_steps, num_streams, size = states.shape
        dtype = weight_in.dtype
        flat_output = grad_output.to(dtype).flatten(0, 1)
        grad_weight_ho = flat_output.T @ gated
        grad_gated = (flat_output @ weight_out).view(states.shape).to(z.dtype)
        grad_projected = torch.empty(
            (num_steps, num_streams, 3 * size), dtype=dtype, device=z.device
        )
        # silu'(g) = s(g) + g s(g) (1 - s(g))
        s_of_g = torch.sigmoid(g)
        slope = torch.addcmul(s_of_g, s, 1 - s_of_g)
        grad_projected[..., 2 * size :] = slope.mul_(states).mul_(grad_gated)
        # The gradient of each state: its own share and what the next step hands back.
        own = grad_gated.mul_(s)
        kept = 1 - z
        total = torch.empty_like(own)
        total[-1] = own[-1]
        owns, keeps, totals = own.unbind(), kept.unbind(), total.unbind()
        for t in range(num_steps - 2, -1, -1):
            torch.addcmul(owns[t], keeps[t + 1], totals[t + 1], out=totals[t])
        grad_c = total.mul_(z)
        grad_projected[..., size : 2 * size] = grad_c
        previous = torch.cat([h[None], states[:-1]])
        grad_projected[..., :size] = grad_c.mul_(kept).mul_(torch.sub(c, previous))
        flat_projected = grad_projected.flatten(0, 1)
        grad_weight_ih = flat_projected.T @ mixed
        grad_bias_ih = flat_projected.sum(0, dtype=z.dtype)
        grad_mixed = (flat_projected @ weight_in).view(inputs.shape).to(z.dtype)
        grad_shift = torch.sub(before, inputs).mul_(grad_mixed).sum((0, 1))
        shifted = grad_mixed * shift
        grad_inputs = grad_mixed.sub_(shifted)
        grad_inputs[:-1] += shifted[1:]
        return (
            grad_inputs,
            None,
            None,
            grad_shift,
            grad_weight_ih.to(z.dtype),
            grad_bias_ih,
            grad_weight_ho.to(z.dtype),
        )
