"""The average of the weights over the last steps: what is validated and kept."""

import torch
from torch import Tensor, nn

AVERAGED_SHARE = 0.1
AVERAGE_EVERY = 4  # steps, so that the cost of averaging is negligible


def update_average(average: nn.Module, network: nn.Module, step: int) -> None:
    """Move the average of the weights towards those of the network after a step, counted from 1.

    The average reaches back over about the last ``AVERAGED_SHARE`` of the steps so far, so its
    length grows with the run (after O. Shamir and T. Zhang, 2013, arXiv:1212.1824). The first steps
    are too few to average: then it equals the current weights.
    """
    if step % AVERAGE_EVERY and step > AVERAGE_EVERY / AVERAGED_SHARE:
        return
    share = min(1.0, AVERAGE_EVERY / (AVERAGED_SHARE * step))
    with torch.no_grad():
        means: list[Tensor] = list(average.parameters())
        weights: list[Tensor] = list(network.parameters())
        torch._foreach_lerp_(means, weights, share)  # on a GPU one kernel for all
