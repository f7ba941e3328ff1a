"""A compact set of hashes with false positives but no false negatives.

Each of n hashes is stored as a fingerprint: one of n buckets and a remainder of r bits. The sizes
of the buckets are coded in unary with 2 n bits, followed by the remainders with r n bits, in order
of the buckets (Elias 1974, Fano 1971): r + 2 bits a hash. The false positive rate is 2^-r.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

BUCKET_BITS = 2
"""Bits for each hash in addition to its remainder."""


def distinct(hashes: Hashes) -> Hashes:
    """Return sorted, distinct hashes, ten times as fast as ``np.unique``."""
    hashes = np.sort(hashes)
    return hashes[first_places(hashes)]


def first_places(hashes: Hashes) -> npt.NDArray[np.intp]:
    """Return the first index of each distinct hash in sorted hashes."""
    is_new = np.ones(len(hashes), np.bool_)
    is_new[1:] = hashes[1:] != hashes[:-1]
    return np.flatnonzero(is_new)


def coded_bytes(size: int, remainder_bits: int) -> int:
    """Return how many bytes a set of ``size`` hashes takes."""
    return -(-BUCKET_BITS * size // 8) + -(-remainder_bits * size // 8)


@dataclass(frozen=True, eq=False)
class HashSet:
    """A set of 64-bit hashes; checked on construction.

    The lower half of a hash selects its bucket and the next bits give the remainder, so the
    highest bits may be biased.

    Attributes:
        size: The number of hashes, n.
        remainder_bits: r, 1 to 24.
        coded: The buckets and the remainders, bytes.

    Raises:
        ValueError: If the bytes are not the code of such a set.
    """

    size: int
    remainder_bits: int
    coded: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Check the length of the code and the number of hashes in it."""
        if self.coded.shape != (coded_bytes(self.size, self.remainder_bits),):
            raise ValueError("the length of a set of fingerprints does not match its size")
        if int(np.bitwise_count(self._buckets).sum(dtype=np.int64)) != self.size:
            raise ValueError("the content of a set of fingerprints does not match its size")

    @classmethod
    def of(cls, hashes: Hashes, remainder_bits: int) -> HashSet:
        """Return the set of some hashes."""
        hashes = distinct(hashes)
        size = len(hashes)
        values = np.sort(_fingerprints(hashes, size, remainder_bits))
        # The k-th fingerprint, in bucket b, is the one at bit k + b: a zero ends each bucket.
        unary = np.zeros(BUCKET_BITS * size, np.uint8)
        unary[(values >> np.uint64(remainder_bits)) + np.arange(size, dtype=np.uint64)] = 1
        shifts = np.arange(remainder_bits, dtype=np.uint64)
        bits = ((values[:, None] >> shifts) & np.uint64(1)).astype(np.uint8)  # (n, r)
        coded = np.concatenate([np.packbits(unary), np.packbits(bits)])
        return cls(size, remainder_bits, coded)

    @property
    def false_positive_rate(self) -> float:
        """The probability that a hash outside the set seems to be in it."""
        return 0.0 if self.size == 0 else 2.0**-self.remainder_bits

    def contain(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Return whether each hash is in the set, or seems to be."""
        if self.size == 0:
            return np.zeros(hashes.shape, np.bool_)
        wanted = _fingerprints(hashes, self.size, self.remainder_bits)
        places = np.searchsorted(self._values, wanted)
        found: npt.NDArray[np.bool_] = self._values[np.minimum(places, self.size - 1)] == wanted
        return found

    @property
    def _buckets(self) -> npt.NDArray[np.uint8]:
        """The part of the code that counts the buckets."""
        return self.coded[: -(-BUCKET_BITS * self.size // 8)]

    @cached_property
    def _values(self) -> Hashes:
        """The fingerprints, sorted, shape (n,)."""
        unary = np.unpackbits(self._buckets)
        buckets = np.flatnonzero(unary) - np.arange(self.size)
        remainders = np.zeros(self.size, np.uint64)
        bits = np.unpackbits(
            self.coded[len(self._buckets) :], count=self.size * self.remainder_bits
        )
        for place, column in enumerate(bits.reshape(self.size, self.remainder_bits).T):
            remainders |= column.astype(np.uint64) << np.uint64(place)
        values = (buckets.astype(np.uint64) << np.uint64(self.remainder_bits)) | remainders
        return np.sort(values)  # a file may have them in any order


def _fingerprints(hashes: Hashes, size: int, remainder_bits: int) -> Hashes:
    """Return the fingerprint of each hash: its bucket, then its remainder."""
    half = np.uint64(32)
    buckets = ((hashes & np.uint64(0xFFFFFFFF)) * np.uint64(size)) >> half
    remainders = (hashes >> half) & np.uint64((1 << remainder_bits) - 1)
    values: Hashes = (buckets << np.uint64(remainder_bits)) | remainders
    return values
