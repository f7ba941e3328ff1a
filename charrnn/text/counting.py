"""Counting what follows each context of a text; see ``counts``.

One length of context after another: each place of the text gives one number, the hash of the
context before it and the character at it, and when those are sorted, equal ones stand together. A
place whose context is rare is left out from there on, because every longer one is as rare.

Sizes: N ids, C contexts, F followers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from charrnn.text.counts import MAX_TIMES, Counts, hash_contexts, powers
from charrnn.text.streams import release_pages
from charrnn.text.vocabulary import Ids, smallest_dtype

MAX_CHARS = 1 << 22  # of a longer text, parts from all over it are counted
RARE = 1_000_000  # a context is kept if it is seen once in so many characters, and twice
USUAL_SHARE = 0.2  # until it is known what is best

_PART_CHARS = 1 << 16
_BUCKET_BITS = 22

_Keys = npt.NDArray[np.uint64]  # the hash of a context, then the id of what follows, 32 bits each
_Numbers = npt.NDArray[np.int64]


def count_followers(ids: Ids, vocab_size: int, max_context: int, end_id: int | None) -> Counts:
    """Count which characters follow each context of a text.

    Args:
        ids: The text, shape (N,), N of 1 or more.
        vocab_size: Characters in its vocabulary, V.
        max_context: Characters of the longest context, K.
        end_id: The end symbol of a text of documents, else None. No context reaches back over one.
    """
    text = _parts_of(ids)
    release_pages(ids)
    least = max(2, len(text) // RARE)
    factors = powers(max_context)
    places = np.arange(len(text), dtype=np.int32)
    sums = np.zeros(len(text), np.uint64)
    keys, times = [], []
    for length in range(max_context + 1):
        if length:
            is_inside = places >= length
            if end_id is not None and length > 1:
                is_inside &= text[places - (length - 1)] != end_id
            places, sums = places[is_inside], sums[is_inside]
            digits = text[places - length].astype(np.uint64) + np.uint64(1)
            sums += digits * factors[length - 1]
        hashes = hash_contexts(sums)
        is_frequent = _are_frequent(hashes, least)
        places, sums, hashes = places[is_frequent], sums[is_frequent], hashes[is_frequent]
        pairs = (hashes.astype(np.uint64) << np.uint64(32)) | text[places].astype(np.uint64)
        some_keys, some_times = _count(pairs, least)
        keys.append(some_keys)
        times.append(some_times)
    return _arrange(np.concatenate(keys), np.concatenate(times), vocab_size, max_context)


def _parts_of(ids: Ids) -> Ids:
    """Return a text, or of a long one as much as is counted, in even parts from all over it."""
    if len(ids) <= MAX_CHARS:
        return np.asarray(ids)
    begins = np.linspace(0, len(ids) - _PART_CHARS, MAX_CHARS // _PART_CHARS).astype(np.int64)
    return np.concatenate([ids[begin : begin + _PART_CHARS] for begin in begins])


def _are_frequent(hashes: npt.NDArray[np.uint32], least: int) -> npt.NDArray[np.bool_]:
    """Return which contexts may come often enough: those whose bucket does, of many."""
    buckets = hashes >> np.uint32(32 - _BUCKET_BITS)
    is_full = np.bincount(buckets, minlength=1 << _BUCKET_BITS) >= least
    frequent: npt.NDArray[np.bool_] = is_full[buckets]
    return frequent


def _count(keys: _Keys, least: int) -> tuple[_Keys, _Numbers]:
    """Return different keys and how often each comes, without those of contexts that are rare."""
    keys.sort()
    starts = _starts(keys)
    distinct, times = keys[starts], np.diff(starts, append=len(keys))
    contexts = _starts(distinct >> np.uint64(32))
    if not len(contexts):
        return distinct, times
    seen = np.add.reduceat(times, contexts)
    is_kept = np.repeat(seen >= least, np.diff(contexts, append=len(distinct)))
    return distinct[is_kept], times[is_kept]


def _arrange(keys: _Keys, times: _Numbers, vocab_size: int, max_context: int) -> Counts:
    """Return the counts of keys of all lengths of context, of which some may be equal by chance."""
    order = np.argsort(keys)
    keys, times = keys[order], times[order]
    starts = _starts(keys)
    keys, times = keys[starts], np.add.reduceat(times, starts)
    contexts = keys >> np.uint64(32)
    starts = _starts(contexts)
    kinds = np.diff(starts, append=len(keys))
    most = np.repeat(np.maximum.reduceat(times, starts), kinds)
    times = np.where(most > MAX_TIMES, np.maximum(times * MAX_TIMES // most, 1), times)
    return Counts(
        max_context,
        vocab_size,
        contexts[starts].astype(np.uint32),
        kinds.astype(smallest_dtype(vocab_size + 1)),
        (keys & np.uint64(0xFFFFFFFF)).astype(smallest_dtype(vocab_size)),
        times.astype(np.uint8),
        USUAL_SHARE,
    )


def _starts(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
    """Return where each different value begins in sorted ones."""
    is_new = np.ones(len(values), np.bool_)
    is_new[1:] = values[1:] != values[:-1]
    return np.flatnonzero(is_new)
