"""What the networks expect, as a memory needs it.

Sizes: N predictions, V vocabulary.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float32]


class Expected(NamedTuple):
    """What the networks expect, for N predictions.

    Attributes:
        probs: The probability of each character, shape (N, V).
        peak: The highest of these, shape (N,).
        entropy: In nats, shape (N,).
    """

    probs: Numbers
    peak: Numbers
    entropy: Numbers

    def part(self, part: slice) -> "Expected":
        """Return a view of some of the predictions."""
        return Expected(*(array[part] for array in self))


def expect(log_probs: Numbers) -> Expected:
    """Return what log-probabilities, shape (N, V), finite, expect."""
    probs = np.exp(log_probs)
    return Expected(probs, np.maximum.reduce(probs, axis=1), -np.vecdot(log_probs, probs))
