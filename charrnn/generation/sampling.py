"""From logits to the id of a character: pure functions of logits and a random generator.

Sizes: B samples, V vocabulary.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from charrnn.model.cells.spec import Array
from charrnn.model.ensemble import log_softmax

Float64s = npt.NDArray[np.float64]

COLDEST = 1e-200  # division by lower temperatures overflows; the draws would be the same


def log_probs(logits: Array) -> Float64s:
    """Return the natural logarithm of the softmax of the last axis, in float64."""
    return cast(Float64s, log_softmax(logits.astype(np.float64)))


def draw(
    logits: Array, temperatures: Sequence[float], rngs: Sequence[np.random.Generator]
) -> npt.NDArray[np.intp]:
    """Draw the next character of each sample from softmax(logits / temperature).

    Temperature 1 is the model as trained; lower ones favour likely characters. Temperature 0 takes
    the likeliest character, with the lowest id in a tie, and uses no random number.

    Args:
        logits: Shape (B, V); -inf where a character is forbidden.
        temperatures: One for each sample, 0 or more, finite.
        rngs: One generator for each sample, so that samples do not depend on one another.

    Returns:
        Ids, shape (B,).
    """
    # Subtract the maximum first, so that a small temperature cannot overflow a large logit.
    peaks = np.maximum.reduce(logits, axis=-1, keepdims=True)
    weights = np.subtract(logits, peaks, dtype=np.float64)
    weights /= np.array([[max(each, COLDEST)] for each in temperatures])
    cumulative = np.exp(weights, out=weights).cumsum(axis=-1)
    # In [0, 1). At temperature 0 only the likeliest characters have a weight; 0 takes the first.
    uniform = np.array(
        [[rng.random() if each else 0.0] for each, rng in zip(temperatures, rngs, strict=True)]
    )
    # The first id whose cumulative weight exceeds the threshold has a weight above 0.
    drawn: npt.NDArray[np.intp] = (cumulative > uniform * cumulative[:, -1:]).argmax(axis=-1)
    return drawn
