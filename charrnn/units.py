"""Units of numbers, in one place: nats and bits, and what JSON may hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Number = TypeVar("Number", float, npt.NDArray[np.float64])

SCHEMA = 1
"""Version of every JSON object that the program prints; it changes when a field does."""

NATS_PER_BIT = math.log(2)


def nats_to_bits(nats: Number) -> Number:
    """Convert nats to bits: a number, or each number of an array."""
    return nats / NATS_PER_BIT


def finite_or_none(value: float) -> float | None:
    """Return a number that JSON can hold: None in place of NaN and infinities."""
    return value if math.isfinite(value) else None
