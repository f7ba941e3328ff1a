"""How well the values of units tell a feature: rank statistics, which know no scale.

For a yes-or-no feature the score is the rank-biserial correlation, 2 AUC - 1: how much more often a
unit is higher where the feature holds than where it does not. For a number it is Spearman's
correlation of ranks. Both lie between -1 and 1, and 0 is chance.

Sizes: N places, H units, F features.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.insight.features import Feature

Scores = npt.NDArray[np.float32]


def scores(ranks: Scores, columns: Scores) -> Scores:
    """Return the score of each unit for each feature, shape (H, F).

    ``ranks`` are those of ``unit_ranks``, shape (H, N); ``columns`` those of ``feature_columns``.
    """
    found: Scores = ranks @ columns
    return found


def unit_ranks(values: npt.NDArray[np.float16]) -> Scores:
    """Return the ranks of the values of units, (N, H), as numbers of mean 0, shape (H, N).

    Equal values share the mean of their ranks. The ranks of a unit go from about -1 to 1.
    """
    num = len(values)
    ranks = np.empty(values.shape[::-1], np.float32)
    # Integers in the same order as the values, from the bits of each float16.
    bits = (values + np.float16(0)).view(np.uint16)
    keys = np.where(bits & 0x8000, ~bits, bits | 0x8000)
    for row, own in zip(ranks, keys.T, strict=True):
        counts = np.bincount(own, minlength=1 << 16)
        below = np.cumsum(counts) - counts
        middle = (2 * below + counts - num).astype(np.float32) / np.float32(num)
        row[:] = middle[own]
    return ranks


def feature_columns(features: Sequence[Feature], part: slice) -> Scores:
    """Return features as columns of the product with ranks, shape (N, F), for a part of the text.

    A number counts by its rank. The scores for numbers are Spearman's but for the ties of units.
    """
    columns = [_column(feature.values[part], is_number=feature.is_number) for feature in features]
    return np.stack(columns, axis=1)


def _column(values: npt.NDArray[np.float32], *, is_number: bool) -> Scores:
    """Return one column."""
    num = len(values)
    if not is_number:
        ones = max(float(values.sum()), 1.0)
        zeros = max(num - ones, 1.0)
        # The mean rank where it holds less the mean rank elsewhere.
        column: Scores = np.where(values > 0, 1 / ones, -1 / zeros).astype(np.float32)
        return column
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2
    ranks = middle[inverse] - (num - 1) / 2
    spread = float(np.sqrt((ranks**2).mean())) or 1.0
    # Ranks of units from -1 to 1 have a standard deviation of 1 / sqrt(3).
    return np.asarray(ranks / spread * np.sqrt(3) / num, np.float32)


def guess_from_last(text: str, feature: Feature, half: int) -> Any:
    """Return what the last three characters tell of a feature, learned on the first half.

    It is the mean of the feature after the same three characters, drawn towards the mean after the
    same two, after the same one, and of all. Places up to ``half`` count as the first half.

    Returns:
        A value for each place of the second half.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)
    values = feature.values.astype(np.float64)
    mean = np.full(len(codes), values[:half].mean())
    keys = np.zeros(len(codes), np.int64)
    for back in range(3):
        shifted = np.concatenate([np.zeros(back, np.int64), codes[: len(codes) - back]])
        # Small numbers for the contexts so far, so that the next character fits beside them.
        _, keys = np.unique(keys * (1 << 21) + shifted, return_inverse=True)
        size = int(keys.max()) + 1
        sums = np.bincount(keys[:half], values[:half], size)
        counts = np.bincount(keys[:half], minlength=size)
        mean = (sums[keys] + mean) / (counts[keys] + 1)
    return mean[half:]
