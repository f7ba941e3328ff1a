"""The minimal gated recurrent unit over a window, forward and backward.

All products of a window are taken at once, and on a CPU the scan is one operation per step in each
direction. There the layer is one function with its own backward pass, because one autograd node for
each small operation would cost more than the products. On other devices the layer uses
``ParallelLayer.forward``.

The scan is in float32: in one step a slow unit moves by less than bfloat16 resolves. All other
computation, and all that is kept for the backward pass, is in the precision of matrix products.

Sizes: B streams, T time steps, E input, H hidden units. Windows are time first.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear, silu

from charrnn.model.config import ModelConfig
from charrnn.training.devices.backend import product_dtype
from charrnn.training.nn.layers import LayerState, ParallelLayer

# Torch's gradients of the two functions, each in one pass over memory.
_silu_backward = torch.ops.aten.silu_backward.grad_input
_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input


class Layer(ParallelLayer):
    """A layer of minimal gated recurrent units."""

    def __init__(self, config: ModelConfig, input_size: int, generator: torch.Generator) -> None:
        """Make the weights; see ``ParallelLayer``.

        The update gates start at many time scales: their biases are spread evenly over the units,
        from gates that are nearly open to gates that let in a fiftieth per step.
        """
        super().__init__(config, input_size, generator)
        size = config.hidden_size
        with torch.no_grad():
            self.bias_ih[:size] = torch.linspace(2, -4, size)[
                torch.randperm(size, generator=generator)
            ]

    def forward(self, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Advance over a window; see ``ParallelLayer.forward``."""
        if inputs.device.type != "cpu":
            return super().forward(inputs, state)
        h, last = state
        inputs = inputs.to(h.dtype)
        hidden, h = MinGRUFunction.apply(  # type: ignore[no-untyped-call]
            inputs, h, last, self.shift, self.weight_ih, self.bias_ih, self.weight_ho
        )
        return hidden, (h, inputs[-1])

    def gate(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return share and candidate; see ``model.cells.mingru``."""
        z, c = projected.chunk(2, dim=-1)
        return z.sigmoid(), c


class MinGRUFunction(torch.autograd.Function):
    """A layer over a window; gradients stop at its start."""

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
            ctx: Keeps what the backward pass needs.
            inputs: u, shape (T, B, E), in the precision of the weights.
            h: State before the window, shape (B, H).
            last: Input before the window, shape (B, E).
            shift: a, shape (E,).
            weight_ih: W, shape (3H, E), blocks z, c, g.
            bias_ih: b, shape (3H,).
            weight_ho: W_o, shape (H, H).

        Returns:
            y, shape (T, B, H), in the precision of products, and h after the window.
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
        states = h.new_empty((num_steps + 1, *h.shape))  # the first is h
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
        """Return the gradients of the arguments of ``forward``.

        d, the gradient of h', sums what reaches h' through y and through the next state, in the
        precision of the weights. The gradients of the candidate and of the argument of s are::

            dc = d z
            dz = d (c - h) z (1 - z)
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
