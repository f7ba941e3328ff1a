"""The recurrences rnn and gru over a window, forward and backward, for a processor.

``model.cells`` has the equations. Torch fuses only the LSTM there; for the others it records a node
of autograd for every small operation of every step. Here a layer is one function of what its input
adds to the units. Forward, each step is one product and a few operations in place. Backward,
everything but the gradient of h is known beforehand, and the gradients of the gates are linear in
it: so the factors are made for many steps at once, and a step is one product and two operations.
The gradient of a weight is one product over the window.

All of it, and all that waits for the backward pass, is in the precision of products.

Sizes: B streams, T time steps, H hidden units. Windows are time first.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# As many values of one kind as stay in the cache while factors are made from them.
_CACHED = 1 << 17


class RNNFunction(torch.autograd.Function):
    """A layer of Elman units over a window; gradients end at its start, as truncation asks."""

    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, h: Tensor, weight_hh: Tensor, has_relu: bool
    ) -> Tensor:
        """Advance over a window.

        Args:
            ctx: Where the values wait that the backward pass needs.
            projected: What the input adds to the units, with both biases, shape (T, B, H).
            h: State before the window, shape (B, H).
            weight_hh: Shape (H, H).
            has_relu: The rectifier in the place of the tangent.

        Returns:
            The states, shape (T, B, H).
        """
        weight = weight_hh.to(projected.dtype)
        transposed = weight.T.contiguous()
        states = projected.new_empty((len(projected) + 1, *h.shape))  # the one before first
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
        """Return the gradients of what ``forward`` took, from that of the states."""
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


class GRUFunction(torch.autograd.Function):
    """A layer of gated recurrent units over a window; gradients end at its start."""

    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, h: Tensor, weight_hh: Tensor, bias_n: Tensor
    ) -> Tensor:
        """Advance over a window.

        Args:
            ctx: Where the values wait that the backward pass needs.
            projected: What the input adds to the blocks r, z, n, with all biases but ``bias_n``,
                shape (T, B, 3H). The gates are computed in its place.
            h: State before the window, shape (B, H).
            weight_hh: Shape (3H, H).
            bias_n: The bias within the reset gate, shape (H,).

        Returns:
            The states, shape (T, B, H).
        """
        size = h.shape[-1]
        dtype = projected.dtype
        weight, bias = weight_hh.to(dtype), bias_n.to(dtype)
        transposed = weight.T.contiguous()
        gates = projected
        products = projected.new_empty((len(projected), *h.shape))  # W_hn h + b_hn
        states = projected.new_empty((len(projected) + 1, *h.shape))  # the one before first
        states[0] = h
        recurrent = projected.new_empty((len(h), 3 * size))
        recurrent_r_z, recurrent_n = recurrent[:, : 2 * size], recurrent[:, 2 * size :]
        steps = zip(
            gates[..., : 2 * size].unbind(),
            *(block.unbind() for block in torch.split(gates, size, dim=-1)),
            products.unbind(),
            states[:-1].unbind(),
            states[1:].unbind(),
            strict=True,
        )
        for r_z, r, z, n, product, before, after in steps:
            torch.mm(before, transposed, out=recurrent)
            r_z.add_(recurrent_r_z).sigmoid_()
            torch.add(recurrent_n, bias, out=product)
            n.addcmul_(r, product).tanh_()
            torch.lerp(n, before, z, out=after)
        ctx.save_for_backward(gates, products, states, weight)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_states: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of what ``forward`` took, from that of the states.

        With d the gradient of h', the equations give::

            dn = d (1 - z) (1 - n n)             of what is within the tangent
            dz = d (h - n) z (1 - z)             of what is within the gate; so is the next
            dr = dn (W_hn h + b_hn) r (1 - r)
        """
        gates, products, states, weight = ctx.saved_tensors
        num_steps, num_streams, size = products.shape
        grads = torch.empty_like(products)  # d
        length = max(_CACHED // (num_streams * size), 1)
        factors = gates.new_empty((length, num_streams, 3, size))
        given, ds = grad_states.unbind(), grads.unbind()
        ds[-1].copy_(given[-1])
        for start in reversed(range(0, num_steps, length)):
            part = slice(start, start + length)
            r, z, n = torch.split(gates[part], size, dim=-1)
            keep = 1 - z
            factor_n = (1 - n.square()).mul_(keep)
            factor = factors[: len(z)]
            torch.mul(factor_n, r, out=factor[:, :, 2])  # of the product within the reset gate
            torch.mul((states[:-1][part] - n).mul_(z), keep, out=factor[:, :, 1])
            torch.mul((1 - r).mul_(products[part]), factor[:, :, 2], out=factor[:, :, 0])
            recurrent = gates[part]  # in their place, the gradients of what is within them
            steps = zip(
                range(start, start + len(z)),
                z.unbind(),
                factor.unbind(),
                recurrent.unbind(),
                recurrent.view(-1, num_streams, 3, size).unbind(),
                strict=True,
            )
            for t, z_t, factor_t, flat, blocks in reversed(list(steps)):
                if t:
                    torch.addcmul(given[t - 1], ds[t], z_t, out=ds[t - 1])
                torch.mul(ds[t].unsqueeze(1), factor_t, out=blocks)
                if t:
                    ds[t - 1].addmm_(flat, weight)
            grads[part] *= factor_n
        flat = gates.flatten(0, 1)
        grad_weight = flat.T @ states[:-1].flatten(0, 1)
        grad_bias_n = flat[:, 2 * size :].sum(0)
        # What the input added to n stands outside of the reset gate.
        gates[..., 2 * size :] = grads
        return gates, None, grad_weight, grad_bias_n
