"""Products of rows with a matrix: all together, or each row independently.

BLAS sums in an order that depends on the number of rows, so the last bits of a row change with its
neighbours. A sample must not depend on how many others are drawn beside it: ``rowwise_matmul``
multiplies each row as if it were alone.

On some processors a BLAS kernel computes with the padding of its registers and sets the flag for an
invalid operation although every number of the product is right; NumPy would then warn
(https://github.com/numpy/numpy/issues/24067). Weights are finite (see ``checkpoint.py``), and
overflow has its own flag and warning, so the flag means nothing here.

Sizes: N rows, K entries of a row, M columns of the matrix.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.floating]
Matmul = Callable[[Rows, Rows], Rows]

_without_stray_flags = np.errstate(invalid="ignore")


@_without_stray_flags
def batched_matmul(rows: Rows, matrix: Rows) -> Rows:
    """Return the product of rows, (..., K), and a matrix, (K, M): the fastest for many."""
    product: Rows = rows.reshape(-1, rows.shape[-1]) @ matrix
    return product.reshape(*rows.shape[:-1], -1)


@_without_stray_flags
def rowwise_matmul(rows: Rows, matrix: Rows) -> Rows:
    """Return products in which the bits of a row do not depend on the other rows.

    The shapes are those of ``batched_matmul``; for one row the two functions do the same.
    """
    if rows.shape[-2] == 1:  # one stream
        return rows @ matrix
    product: Rows = (rows[..., None, :] @ matrix)[..., 0, :]
    return product
