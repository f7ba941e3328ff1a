"""Convert units, and numbers to what JSON can hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Number = TypeVar("Number", float, npt.NDArray[np.float64])

SCHEMA = 1
"""The version of all JSON objects that the program prints; it changes with their fields."""

NATS_PER_BIT = math.log(2)


def nats_to_bits(nats: Number) -> Number:
    """Convert nats to bits: a number, or each number of an array."""
    return nats / NATS_PER_BIT


def finite_or_none(value: float) -> float | None:
    """Return a number that JSON can hold: None for NaN and infinities."""
    return value if math.isfinite(value) else None
