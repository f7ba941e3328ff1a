"""Counting what follows each context of a text; see ``counts``.

The places of the text are parted by the character before them, since contexts that end alike stay
together however long they grow. Within a part, one length of context after another: each place
gives one number, the hash of the context before it and the character at it, and when those are
sorted, equal ones stand together. A place whose context is rare is left out from there on, because
every longer one is as rare.

Sizes: N ids, V vocabulary, K characters of the longest context.
"""

import contextlib
import ctypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from charrnn.corpus.streams import release_pages
from charrnn.memory.counts import MAX_TIMES, Counts, hash_contexts, powers
from charrnn.processors import num_processors
from charrnn.text.vocabulary import Ids, smallest_dtype

MAX_CHARS = 1 << 24  # that are counted of a longer text
RARE = 2_000_000  # keep contexts that occur once in this many characters, and at least twice
USUAL_SHARE = 0.2  # until it is known what is best
MAX_THREADS = 4  # each takes some 30 MB

_STRETCH_CHARS = 1 << 16
_PART_CHARS = 1 << 19  # of which the places are counted together, more where one character leads
_BUCKET_BITS = 20

_Keys = npt.NDArray[np.uint64]
_HASH, _ID = np.uint64(32), np.uint64(8)
"""A key is the hash of a context, from this bit on; the id of what follows, from this one on; and
how often it does, in the bits below."""


def count_followers(
    ids: Ids,
    vocab_size: int,
    max_context: int,
    end_id: int | None,
    max_chars: int = MAX_CHARS,
    num_threads: int | None = None,
) -> Counts:
    """Count which characters follow each context of up to K characters in a text, shape (N,).

    At most ``max_chars`` from all over the text are counted, by default with a thread for each
    processor, up to a few. No context reaches back over the end symbol of a text of documents.
    """
    text = _stretches(ids, min(max_chars, MAX_CHARS))
    least = max(2, len(text) // RARE)
    times = np.bincount(text, minlength=vocab_size)
    present = np.flatnonzero(times)
    # The hash of the empty context is 0.
    shortest = (present.astype(np.uint64) << _ID) | _fit(times[present], np.array([0]))

    def count(part: npt.NDArray[np.bool_]) -> _Keys:
        return _count_part(text, part, max_context, end_id, least)

    with ThreadPoolExecutor(min(num_threads or num_processors(), MAX_THREADS)) as threads:
        longer = list(threads.map(count, _parts(times)))
    release_pages(ids)
    counts = _arrange(np.concatenate([shortest, *longer]), vocab_size, max_context)
    del longer
    _release_freed()
    return counts


def _release_freed() -> None:
    """Give the system back freed memory, 34 MB for a text of 1 MB, which glibc would keep."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another system
        ctypes.CDLL(None).malloc_trim(0)


def _stretches(ids: Ids, max_chars: int) -> Ids:
    """Return a text, or of a longer one as much as is counted, in stretches from all over it."""
    if len(ids) <= max_chars:
        return np.asarray(ids)
    begins = np.linspace(0, len(ids) - _STRETCH_CHARS, max(1, max_chars // _STRETCH_CHARS))
    return np.concatenate([ids[begin : begin + _STRETCH_CHARS] for begin in begins.astype(int)])


def _parts(times: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield which characters lead the contexts of each part, shape (V,), by how often they come."""
    part_of = np.cumsum(times) // _PART_CHARS
    for number in np.unique(part_of):
        yield part_of == number


def _count_part(
    text: Ids, is_last: npt.NDArray[np.bool_], max_context: int, end_id: int | None, least: int
) -> _Keys:
    """Count what follows contexts of 1 to K characters; return the keys of contexts and followers.

    The contexts end with certain characters, shape (V,), and come often enough.
    """
    factors = powers(max_context)
    places = np.flatnonzero(is_last[text[:-1]]).astype(np.int32) + np.int32(1)
    sums = np.zeros(len(places), np.uint64)
    keys = []
    for length in range(1, max_context + 1):
        is_inside = places >= length
        if end_id is not None and length > 1:
            is_inside &= text[places - (length - 1)] != end_id
        places, sums = places[is_inside], sums[is_inside]
        sums += (text[places - length].astype(np.uint64) + np.uint64(1)) * factors[length - 1]
        hashes = hash_contexts(sums)
        is_frequent = _are_frequent(hashes, least)
        places, sums, hashes = places[is_frequent], sums[is_frequent], hashes[is_frequent]
        found = (hashes.astype(np.uint64) << _HASH) | (text[places].astype(np.uint64) << _ID)
        keys.append(_count(found, least))
    return np.concatenate(keys)


def _are_frequent(hashes: npt.NDArray[np.uint32], least: int) -> npt.NDArray[np.bool_]:
    """Return which contexts may come often enough: those whose bucket does, of many."""
    buckets = hashes >> np.uint32(32 - _BUCKET_BITS)
    is_full = np.bincount(buckets, minlength=1 << _BUCKET_BITS) >= least
    frequent: npt.NDArray[np.bool_] = is_full[buckets]
    return frequent


def _count(keys: _Keys, least: int) -> _Keys:
    """Sort keys; return the distinct ones with their number, without those of rare contexts."""
    if not len(keys):
        return keys
    keys.sort()
    starts = _first_places(keys)
    distinct, times = keys[starts], np.diff(starts, append=len(keys))
    contexts = _first_places(distinct >> _HASH)
    kinds = np.diff(contexts, append=len(distinct))
    is_kept = np.repeat(np.add.reduceat(times, contexts) >= least, kinds)
    return (distinct | _fit(times, contexts))[is_kept]


def _fit(times: npt.NDArray[np.int64], contexts: npt.NDArray[np.intp]) -> _Keys:
    """Return counts in proportion to the highest of their context, where that exceeds a byte."""
    most = np.maximum.reduceat(times, contexts)
    most = np.repeat(most, np.diff(contexts, append=len(times)))
    fitted = np.where(most > MAX_TIMES, np.maximum(times * MAX_TIMES // most, 1), times)
    return fitted.astype(np.uint64)


def _arrange(keys: _Keys, vocab_size: int, max_context: int) -> Counts:
    """Return the counts of the keys of all contexts; of equal hashes and followers one is kept."""
    keys.sort()
    keys = keys[_first_places(keys >> _ID)]
    starts = _first_places(keys >> _HASH)
    return Counts(
        max_context,
        vocab_size,
        (keys[starts] >> _HASH).astype(np.uint32),
        np.diff(starts, append=len(keys)).astype(smallest_dtype(vocab_size + 1)),
        ((keys & np.uint64(0xFFFFFFFF)) >> _ID).astype(smallest_dtype(vocab_size)),
        (keys & np.uint64(MAX_TIMES)).astype(np.uint8),
        USUAL_SHARE,
    )


def _first_places(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
    """Return the first index of each distinct key in sorted keys."""
    is_new = np.ones(len(keys), np.bool_)
    is_new[1:] = keys[1:] != keys[:-1]
    return np.flatnonzero(is_new)
