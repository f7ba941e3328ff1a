"""Sorts the places of a text by what stands before them.

Sizes: N ids, V vocabulary.
"""

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int32]


def sort_by_context(ids: npt.NDArray[np.integer], vocab_size: int) -> Places:
    """Sort the places 0 to N of a text, shape (N,), by the ids before them, the last one first.

    Of two contexts the one that ends first, at the start of the text, is the smaller one. First the
    contexts are sorted by as many ids as fit in 64 bits. Each round then doubles the length,
    because the rank of a shorter context further back is known (U. Manber and G. Myers, Suffix
    arrays, 1993). Only contexts that still tie are sorted again.
    """
    length, first = _first_keys(ids, vocab_size)
    order = np.argsort(first).astype(np.int32)
    starts = _group_starts(first[order])
    del first  # 8 bytes a character
    ranks = np.empty(len(order), np.int32)  # of each place: where its group of ties begins
    ranks[order] = starts
    rows = _tied(starts)
    while len(rows):
        places = order[rows]
        further = np.where(places >= length, ranks[places - length] + 1, 0)
        keys = starts[rows].astype(np.uint64) << np.uint64(32) | further.astype(np.uint64)
        inner = np.argsort(keys)
        order[rows] = places = places[inner]
        keys = keys[inner]
        # Ties are whole groups, so a group that was split begins at the row of its first key.
        is_new = np.ones(len(rows), np.bool_)
        is_new[1:] = keys[1:] != keys[:-1]
        starts[rows] = rows[np.maximum.accumulate(np.where(is_new, np.arange(len(rows)), 0))]
        ranks[places] = starts[rows]
        rows = rows[_tied(starts[rows])]
        length *= 2
    return order


def _first_keys(
    ids: npt.NDArray[np.integer], vocab_size: int
) -> tuple[int, npt.NDArray[np.uint64]]:
    """Return how many ids fit in a key, and the key of each place, shape (N + 1,)."""
    bits = vocab_size.bit_length()  # 0 stands for the start of the text
    length = 64 // bits
    keys = np.zeros(len(ids) + 1, np.uint64)
    digits = ids.astype(np.uint64) + np.uint64(1)
    for back in range(min(length, len(ids))):
        shift = np.uint64(bits * (length - 1 - back))
        keys[back + 1 :] |= digits[: len(digits) - back] << shift
    return length, keys


def _group_starts(keys: npt.NDArray[np.uint64]) -> Places:
    """Return the row at which each group of equal sorted keys begins."""
    is_new = np.ones(len(keys), np.bool_)
    is_new[1:] = keys[1:] != keys[:-1]
    return np.maximum.accumulate(np.where(is_new, np.arange(len(keys), dtype=np.int32), 0))


def _tied(starts: Places) -> npt.NDArray[np.intp]:
    """Return which rows are in a group of more than one, from the starts of their groups."""
    is_tied = np.zeros(len(starts), np.bool_)
    is_tied[1:] = starts[1:] == starts[:-1]
    is_tied[:-1] |= is_tied[1:]
    return np.flatnonzero(is_tied)
