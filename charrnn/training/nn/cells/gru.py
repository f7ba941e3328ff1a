"""The gated recurrent unit over a window, forward and backward.

On a CPU torch records one autograd node for each small operation of each step. This module writes
the layer as one function. Forward, a step is one product and a few operations in place. Backward,
everything but the gradient of h is known in advance, and the gradients of the gates are linear in
it. So the factors are computed for many steps at once, and a step is one product and two
operations. The gradient of a weight is one product over the window. On other devices the layer uses
torch's kernel.

All computation, and all that is kept for the backward pass, is in the precision of matrix products.

Sizes: B streams, T time steps, H hidden units. Windows are time first.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from charrnn.training.nn.layers import LayerState, RecurrentLayer

_CACHED = 1 << 17  # values of one kind that stay in the CPU's cache while factors are computed


class Layer(RecurrentLayer):
    """A layer of gated recurrent units."""

    def forward(self, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Advance over a window; see ``RecurrentLayer.forward``."""
        (h,) = state
        if inputs.device.type != "cpu":
            hidden, h = self.run_kernel(torch.gru, inputs, h)
            return hidden, (h,)
        gates = 2 * self.config.hidden_size
        # The reset gate multiplies the recurrent bias of n, so that bias stays out of the sum.
        bias = torch.cat([self.bias_ih[:gates] + self.bias_hh[:gates], self.bias_ih[gates:]])
        projected = linear(inputs, self.weight_ih, bias)
        hidden = GRUFunction.apply(projected, h, self.weight_hh, self.bias_hh[gates:])  # type: ignore[no-untyped-call]
        return hidden, (hidden[-1],)


class GRUFunction(torch.autograd.Function):
    """Gated recurrent units over a window; gradients stop at its start."""

    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, h: Tensor, weight_hh: Tensor, bias_n: Tensor
    ) -> Tensor:
        """Advance over a window; return the states, shape (T, B, H).

        Args:
            ctx: Keeps what the backward pass needs.
            projected: ``W_ih x`` for the blocks r, z, n, with all biases but ``bias_n``, shape
                (T, B, 3H); overwritten by the gates.
            h: State before the window, shape (B, H).
            weight_hh: Shape (3H, H).
            bias_n: The bias that the reset gate multiplies, shape (H,).
        """
        size = h.shape[-1]
        dtype = projected.dtype
        weight, bias = weight_hh.to(dtype), bias_n.to(dtype)
        transposed = weight.T.contiguous()
        gates = projected
        products = projected.new_empty((len(projected), *h.shape))  # W_hn h + b_hn
        states = projected.new_empty((len(projected) + 1, *h.shape))  # the first is h
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
        """Return the gradients of the arguments of ``forward``.

        With d the gradient of h', the gradients of the arguments of tanh and s are::

            dn = d (1 - z) (1 - n n)
            dz = d (h - n) z (1 - z)
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
            torch.mul(factor_n, r, out=factor[:, :, 2])  # of W_hn h + b_hn
            torch.mul((states[:-1][part] - n).mul_(z), keep, out=factor[:, :, 1])
            torch.mul((1 - r).mul_(products[part]), factor[:, :, 2], out=factor[:, :, 0])
            recurrent = gates[part]  # overwritten by the gradients of the gates' arguments
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
        # The reset gate does not multiply W_in x.
        gates[..., 2 * size :] = grads
        return gates, None, grad_weight, grad_bias_n
