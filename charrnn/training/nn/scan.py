"""The scan of a layer whose gates do not read the state: all states of a window from its gates.

Each step takes in a share of a candidate::

    h[t] = h[t - 1] + share[t] * (candidate[t] - h[t - 1])

On a CPU that is one operation per step. A GPU waits for each operation to start, so there the steps
are joined: a step is a map ``h -> keep * h + add``, and two such maps are one map. After n rounds
each map reaches over 2 ** n steps, so T steps take the logarithm of T rounds.

References:
    W. Hillis and G. Steele, Data parallel algorithms, Communications of the ACM 29, 1986.

Sizes: B streams, T time steps, H hidden units.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def scan(share: Tensor, candidate: Tensor, h: Tensor) -> Tensor:
    """Return the states after each step, shape (T, B, H).

    Share and candidate have shape (T, B, H); h, the state before the window, has shape (B, H) and
    gets no gradient.
    """
    if share.device.type == "cpu":
        states = []
        for each_share, each_candidate in zip(share.unbind(), candidate.unbind(), strict=True):
            h = torch.lerp(h, each_candidate, each_share)
            states.append(h)
        return torch.stack(states)
    states_at_once: Tensor = ScanFunction.apply(share, candidate, h)  # type: ignore[no-untyped-call]
    return states_at_once


class ScanFunction(torch.autograd.Function):
    """The scan by doubling, forward and backward; gradients stop at the start of the window."""

    @staticmethod
    def forward(ctx: Any, share: Tensor, candidate: Tensor, h: Tensor) -> Tensor:
        """Return the states after each step; see ``scan``."""
        keep = 1 - share
        add = share * candidate
        add[0] += keep[0] * h
        states = joined(keep, add)
        ctx.save_for_backward(share, candidate, h, states)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_states: Tensor) -> tuple[Tensor, Tensor, None]:
        """Return the gradients of share and candidate.

        d[t], the gradient of h[t], is ``grad_states[t] + keep[t + 1] * d[t + 1]``: the same scan,
        from the last step to the first.
        """
        share, candidate, h, states = ctx.saved_tensors
        # The scan starts from zero, so its first factor, which is not there, does not count.
        keep = torch.cat([torch.zeros_like(share[:1]), (1 - share[1:]).flip(0)])
        d = joined(keep, grad_states.flip(0)).flip(0)
        before = torch.cat([h.unsqueeze(0), states[:-1]])
        return d * (candidate - before), d * share, None


def joined(keep: Tensor, add: Tensor) -> Tensor:
    """Return the states of the steps ``h -> keep[t] * h + add[t]`` from zero, by doubling.

    Both have shape (T, B, H).
    """
    reach = 1
    while reach < len(keep):
        add = torch.cat([add[:reach], torch.addcmul(add[reach:], keep[reach:], add[:-reach])])
        keep = torch.cat([keep[:reach], keep[reach:] * keep[:-reach]])
        reach *= 2
    return add
