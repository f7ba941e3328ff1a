"""The recurrences rnn and gru over a window, forward and backward, for a processor.

``model.cells`` has the equations. Torch fuses only the LSTM there; for the others it records a node
of autograd for every small operation of every step. Here a layer is one function. Forward, each
step is one product and a few operations in place. Backward, everything but the gradient of h is
known before the loop starts, and the gradients of the gates are linear in it: so the factors are
made for the whole window at once, and a step is one multiplication, one product and one sum.
The gradient of each weight is one product over the window.

Sizes: B streams, T time steps, E input, H hidden units. Windows are time first.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from charrnn.training.machine import product_dtype


class RNNFunction(torch.autograd.Function):
    """A layer of Elman units over a window; gradients end at its start, as truncation asks."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        h: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor,
        bias_hh: Tensor,
        has_relu: bool,
    ) -> Tensor:
        """Advance over a window.

        Args:
            ctx: Where the values wait that the backward pass needs.
            inputs: Shape (T, B, E).
            h: State before the window, shape (B, H).
            weight_ih: Shape (H, E).
            weight_hh: Shape (H, H).
            bias_ih: Shape (H,).
            bias_hh: Shape (H,).
            has_relu: The rectifier in the place of the tangent.

        Returns:
            The states, shape (T, B, H), in the precision of the weights.
        """
        dtype = product_dtype(inputs)
        weight_in, weight_state = weight_ih.to(dtype), weight_hh.to(dtype)
        read = inputs.to(dtype)
        states = linear(read, weight_in) + (bias_ih + bias_hh)  # (T, B, H), finished below
        given = torch.empty((len(inputs) + 1, *h.shape), dtype=dtype, device=h.device)
        given[0] = h  # what each step multiplies
        transposed = weight_state.T
        for state, before, after in zip(states, given[:-1], given[1:], strict=True):
            state += before @ transposed
            state.relu_() if has_relu else state.tanh_()
            after.copy_(state)
        ctx.save_for_backward(read, given, states, weight_in, weight_state)
        ctx.has_relu = has_relu
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_states: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of what ``forward`` took, from that of the states."""
        read, given, states, weight_in, weight_state = ctx.saved_tensors
        slope = (states > 0).to(states.dtype) if ctx.has_relu else 1 - states.square()
        grad_sums = torch.empty_like(given[1:])
        grad_h = grad_states[-1]
        for t in range(len(states) - 1, -1, -1):
            torch.mul(grad_h, slope[t], out=grad_sums[t])
            if t:
                grad_h = grad_states[t - 1] + grad_sums[t] @ weight_state
        grad_bias = grad_sums.sum((0, 1), dtype=states.dtype)
        flat = grad_sums.flatten(0, 1)
        return (
            (flat @ weight_in).view(read.shape),
            None,
            (flat.T @ read.flatten(0, 1)).to(states.dtype),
            (flat.T @ given[:-1].flatten(0, 1)).to(states.dtype),
            grad_bias,
            grad_bias,
            None,
        )


class GRUFunction(torch.autograd.Function):
    """A layer of gated recurrent units over a window; gradients end at its start."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        h: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor,
        bias_hh: Tensor,
    ) -> Tensor:
        """Advance over a window.

        Args:
            ctx: Where the values wait that the backward pass needs.
            inputs: Shape (T, B, E).
            h: State before the window, shape (B, H).
            weight_ih: Shape (3H, E), blocks r, z, n.
            weight_hh: Shape (3H, H).
            bias_ih: Shape (3H,).
            bias_hh: Shape (3H,).

        Returns:
            The states, shape (T, B, H), in the precision of the weights.
        """
        dtype = product_dtype(inputs)
        size = h.shape[-1]
        num_steps = len(inputs)
        weight_in, weight_state = weight_ih.to(dtype), weight_hh.to(dtype)
        read = inputs.to(dtype)
        # Both biases of r and z are added here; that of n's product stands within the reset gate.
        bias = bias_ih.clone()
        bias[: 2 * size] += bias_hh[: 2 * size]
        gates = linear(read, weight_in) + bias  # (T, B, 3H), in place r, z and n below
        products = torch.empty((num_steps, *h.shape), dtype=gates.dtype, device=h.device)
        states = torch.empty_like(products)
        given = torch.empty((num_steps + 1, *h.shape), dtype=dtype, device=h.device)
        given[0] = h
        transposed, bias_n = weight_state.T, bias_hh[2 * size :]
        for t in range(num_steps):
            hidden = given[t] @ transposed  # (B, 3H)
            r_z, n = gates[t, :, : 2 * size], gates[t, :, 2 * size :]
            r_z.add_(hidden[:, : 2 * size]).sigmoid_()
            torch.add(hidden[:, 2 * size :], bias_n, out=products[t])
            n.addcmul_(r_z[:, :size], products[t]).tanh_()
            h = torch.lerp(n, h, r_z[:, size:], out=states[t])
            given[t + 1] = h
        ctx.save_for_backward(read, given, gates, products, states, weight_in, weight_state)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_states: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of what ``forward`` took, from that of the states.

        With d the gradient of h', the equations give::

            dn = d (1 - z) (1 - n n)             of what is within the tangent
            dz = d (h - n) z (1 - z)             of what is within the gate; so is the next
            dr = dn (W_hn h + b_hn) r (1 - r)
        """
        read, given, gates, products, states, weight_in, weight_state = ctx.saved_tensors
        num_steps, num_streams, size = states.shape
        r, z, n = torch.split(gates, size, dim=-1)
        before = given[:-1].to(states.dtype)
        factors = torch.empty_like(gates).view(num_steps, num_streams, 3, size)
        keep = 1 - z
        factor_n = keep * (1 - n.square())
        torch.mul(factor_n, r, out=factors[:, :, 2])  # of the product within the reset gate
        torch.mul((before - n).mul_(z), keep, out=factors[:, :, 1])
        torch.mul((1 - r).mul_(products), factors[:, :, 2], out=factors[:, :, 0])
        grad_hidden = torch.empty(
            (num_steps, num_streams, 3 * size), dtype=weight_state.dtype, device=z.device
        )
        grads = torch.empty_like(states)
        grads[-1] = grad_states[-1]
        for t in range(num_steps - 1, -1, -1):
            torch.mul(grads[t, :, None], factors[t], out=grad_hidden[t].view(num_streams, 3, size))
            if t:
                torch.addcmul(grad_states[t - 1], grads[t], z[t], out=grads[t - 1])
                grads[t - 1] += grad_hidden[t] @ weight_state
        grad_bias_hh = grad_hidden.sum((0, 1), dtype=states.dtype)
        flat_hidden = grad_hidden.flatten(0, 1)
        grad_weight_hh = flat_hidden.T @ given[:-1].flatten(0, 1)
        # The input's products differ from the state's in n alone: no reset gate stands before them.
        grad_hidden[..., 2 * size :] = grads.mul_(factor_n)
        flat_input = grad_hidden.flatten(0, 1)
        return (
            (flat_input @ weight_in).view(read.shape),
            None,
            (flat_input.T @ read.flatten(0, 1)).to(states.dtype),
            grad_weight_hh.to(states.dtype),
            grad_hidden.sum((0, 1), dtype=states.dtype),
            grad_bias_hh,
        )
