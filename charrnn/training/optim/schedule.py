"""The learning-rate schedule."""

from __future__ import annotations

WARM_UP = 0.02


def learning_rate_factor(progress: float) -> float:
    """Return the share of the peak learning rate: a short warm-up, then linear decay to zero.

    Args:
        progress: The share of the training that is done, 0 to 1.
    """
    if progress < WARM_UP:
        return max(progress / WARM_UP, 0.05)
    return (1 - progress) / (1 - WARM_UP)
