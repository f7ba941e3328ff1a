"""Products of rows with a matrix: all at once, or so that no row depends on the others.

A library of products (BLAS) adds up in an order that depends on how many rows it is given, so the
last bits of a row change with its neighbours. Where a text must not depend on how many others are
made beside it, ``rowwise_matmul`` multiplies row after row, each in the order of one alone.

On some processors a kernel of BLAS computes with the padding of its registers and leaves the
processor's flag of an invalid operation behind, though every number of the product is right; NumPy
would warn of it (https://github.com/numpy/numpy/issues/24067). The weights of a model are finite
(see ``checkpoint.py``), and what is too large for a float has a flag and a warning of its own, so
that flag says nothing here.

Sizes: N rows, K entries of a row, M columns of the matrix.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.floating]
Matmul = Callable[[Rows, Rows], Rows]

_without_stray_flags = np.errstate(invalid="ignore")


@_without_stray_flags
def batched_matmul(rows: Rows, matrix: Rows) -> Rows:
    """Return the product of all rows at once: the fastest for many.

    Args:
        rows: Shape (..., K).
        matrix: Shape (K, M).

    Returns:
        Shape (..., M).
    """
    matmul: Rows = rows.reshape(-1, rows.shape[-1]) @ matrix
    return matmul.reshape(*rows.shape[:-1], -1)


@_without_stray_flags
def rowwise_matmul(rows: Rows, matrix: Rows) -> Rows:
    """Return the product of each row by itself: to the last bit, whatever the others are.

    The shapes are those of ``batched_matmul``. For one row the two do the same.
    """
    if rows.shape[-2] == 1:  # one stream: that is already a row at a time
        return rows @ matrix
    matmul: Rows = (rows[..., None, :] @ matrix)[..., 0, :]
    return matmul
