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


def expect(logits: Numbers) -> Expected:
    """Return what logits, shape (N, V), expect."""
    logits = logits - logits.max(axis=1, keepdims=True)
    probs = np.exp(logits)
    total = probs.sum(axis=1)
    np.multiply(logits, probs, out=logits)
    entropy = np.log(total) - logits.sum(axis=1) / total
    probs /= total[:, None]
    return Expected(probs, 1 / total, entropy)
