"""The learning-rate schedule."""

WARM_UP = 0.02


def learning_rate_factor(progress: float) -> float:
    """Return the share of the peak learning rate when a share of the training, 0 to 1, is done.

    It rises in a short warm-up, then decays linearly to zero.
    """
    if progress < WARM_UP:
        return max(progress / WARM_UP, 0.05)
    return (1 - progress) / (1 - WARM_UP)
