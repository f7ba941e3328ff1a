"""Products of rows with the matrices of N networks: all together, or each row independently.

BLAS sums in an order that depends on the number of rows, so the last bits of a row change with its
neighbours. A sample must not depend on how many others are drawn beside it: ``rowwise_matmul``
multiplies each row as if it were alone.

On some processors a BLAS kernel computes with the padding of its registers and sets the flag for an
invalid operation although every number of the product is right; NumPy would then warn
(https://github.com/numpy/numpy/issues/24067). Weights are finite (see ``checkpoint.py``), and
overflow has its own flag and warning, so the flag means nothing here.

Sizes: N networks, K entries of a row, M columns of a matrix.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.floating]
Matmul = Callable[[Rows, Rows], Rows]

without_stray_flags = np.errstate(invalid="ignore")
"""Decorates a function that takes products."""


def batched_matmul(rows: Rows, matrices: Rows) -> Rows:
    """Return products of rows, (..., N, K), each with the matrix of its network, (N, K, M).

    The fastest for many rows.
    """
    product: Rows = (_by_network(rows) @ matrices).swapaxes(0, 1)
    return product.reshape(*rows.shape[:-1], -1)


def rowwise_matmul(rows: Rows, matrices: Rows) -> Rows:
    """Return products in which the bits of a row do not depend on the other rows.

    Shapes are as in ``batched_matmul``.
    """
    if math.prod(rows.shape[:-2]) == 1:  # one row for each matrix needs no order
        alone: Rows = (rows[..., None, :] @ matrices)[..., 0, :]
        return alone
    # In a copy: NumPy goes along the shortest strides first, and would read a matrix for each row.
    by_network = np.ascontiguousarray(_by_network(rows))
    product: Rows = by_network[..., None, :] @ matrices[..., None, :, :]
    return product[..., 0, :].swapaxes(0, 1).reshape(*rows.shape[:-1], -1)


def _by_network(rows: Rows) -> Rows:
    """Return rows, (..., N, K), as an array of shape (N, ·, K)."""
    return rows.reshape(-1, *rows.shape[-2:]).swapaxes(0, 1)
