"""A small sketch of a text that later finds passages copied from it.

It holds two sets of fingerprints, made from 64-bit hashes of runs of characters:

* **Grams**: the runs of 20 characters with the smallest hashes, as many as fit. The choice depends
  on their content alone. The runs of another text are chosen by the same rule, so the share of them
  in the set estimates the share of all runs. (Broder 1997, "On the resemblance and containment of
  documents".)
* **Blocks**: the runs that begin at every multiple of a stride. Soon after the start of a copied
  passage a block begins, and the next one exactly a stride later, so a chain of blocks reveals the
  passage. (Tridgell 1999, "Efficient algorithms for sorting and synchronization", chapter 3.)

The sketch takes at most a tenth of the text's bytes, and never more than ``MAX_BYTES``. With room
for 0.8 bits a byte, it holds about every 43rd gram and every 43rd block of an ASCII text.

Sizes: N ids in a text, L characters in a block.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn.corpus.streams import release_pages
from charrnn.memory.hash_set import BUCKET_BITS, Hashes, HashSet, coded_bytes, distinct
from charrnn.text.vocabulary import Ids, Vocabulary

GRAM_CHARS = 20
MAX_BYTES = 4 << 20

GRAM_BITS = 11  # one false positive in 2,048
BLOCK_BITS = 19  # one in 524,288: all blocks of a text are looked up, but few of its grams
_COST = GRAM_BITS + BLOCK_BITS + 2 * BUCKET_BITS  # of a gram and a block

_NUMBERS = struct.Struct("<QIII")  # threshold, stride, grams, blocks: what precedes the codes
_ENTRY_BYTES = 96  # the description of a sketch in the header of a model file
_PIECE = 1 << 15  # characters hashed at a time, which fit the processor's cache
_RELEASED_PIECES = 128  # how often the memory of the text that was read is released

_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = np.uint64(0xD6E8FEB86659FD93)


class RunHashes:
    """The hashes of all runs of characters of a piece of text, of any length.

    A run x_0 ... x_(n-1) hashes to x_0 + x_1 B + ... + x_(n-1) B^(n-1) modulo 2^64, mixed. It is a
    difference of two sums over the piece (Karp and Rabin 1987), divided by a power of B.
    """

    def __init__(self, ids: Ids) -> None:
        """Take a piece of text, shape (N,), N at most ``2 * _PIECE`` for speed."""
        if len(ids) > len(_POWERS):
            powers, self._inverses = _powers(_BASE, len(ids)), _powers(_INVERSE, len(ids))
        else:
            powers, self._inverses = _POWERS[: len(ids)], _INVERSES
        self._sums = np.zeros(len(ids) + 1, np.uint64)
        # An unknown character is -1, which becomes a number that no id has.
        np.cumsum(ids.astype(np.uint64) * powers, out=self._sums[1:])

    def of(self, length: int, start: int = 0, stride: int = 1) -> Hashes:
        """Return the hashes of the runs of a length that begin at every ``stride`` characters."""
        end = len(self._sums) - length
        if end <= start:
            return np.zeros(0, np.uint64)
        hashes = self._sums[start + length :: stride] - self._sums[start:end:stride]
        hashes *= self._inverses[start:end:stride]
        for shift in (32, 29):
            hashes ^= hashes >> np.uint64(shift)
            hashes *= _MIX
        hashes ^= hashes >> np.uint64(32)
        return hashes


def _powers(base: int, count: int) -> Hashes:
    """Return the powers 0 to ``count - 1`` of a number, modulo 2^64."""
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    powers: Hashes = np.cumprod(factors)
    return powers


_POWERS = _powers(_BASE, 2 * _PIECE)
_INVERSES = _powers(_INVERSE, 2 * _PIECE)


@dataclass(frozen=True)
class Sketch:
    """The sketch of a text; see the module.

    Attributes:
        threshold: The largest hash of a kept gram; all grams with hashes up to it are kept.
        stride: Characters from the beginning of a block to that of the next.
        grams: The hashes of those grams.
        blocks: The hashes of the blocks.
    """

    threshold: int
    stride: int
    grams: HashSet
    blocks: HashSet

    @property
    def block_chars(self) -> int:
        """The characters of a block, L: blocks cover the text, and are no shorter than grams."""
        return max(self.stride, GRAM_CHARS)

    def are_sampled(self, grams: Hashes) -> npt.NDArray[np.bool_]:
        """Return which grams, given by their hashes, the sketch would have kept."""
        sampled: npt.NDArray[np.bool_] = grams <= np.uint64(self.threshold)
        return sampled

    def to_array(self) -> npt.NDArray[np.uint8]:
        """Return the sketch for a model file: four numbers, then the two codes."""
        numbers = _NUMBERS.pack(self.threshold, self.stride, self.grams.size, self.blocks.size)
        return np.concatenate(
            [np.frombuffer(numbers, np.uint8), self.grams.coded, self.blocks.coded]
        )

    @classmethod
    def from_array(cls, array: npt.NDArray[np.uint8]) -> Sketch:
        """Return the sketch that ``to_array`` gave.

        Raises:
            ValueError: If the bytes are not a sketch.
        """
        if array.dtype != np.uint8 or array.ndim != 1 or len(array) < _NUMBERS.size:
            raise ValueError("its sketch is not an array of bytes")
        threshold, stride, grams, blocks = _NUMBERS.unpack(array[: _NUMBERS.size].tobytes())
        grams_end = _NUMBERS.size + coded_bytes(grams, GRAM_BITS)
        if stride == 0 or len(array) != grams_end + coded_bytes(blocks, BLOCK_BITS):
            raise ValueError("the numbers of its sketch do not match its size")
        return cls(
            threshold,
            stride,
            HashSet(grams, GRAM_BITS, array[_NUMBERS.size : grams_end]),
            HashSet(blocks, BLOCK_BITS, array[grams_end:]),
        )


def build_sketch(ids: Ids, vocabulary: Vocabulary) -> Sketch | None:
    """Return the sketch of a text, or None if the text is too short.

    Args:
        ids: The text, shape (N,).
        vocabulary: Its characters.
    """
    num_bytes = _utf8_bytes(ids[: 10 * MAX_BYTES], vocabulary)  # more makes no difference
    release_pages(ids)
    room = min(num_bytes // 10, MAX_BYTES) - _NUMBERS.size - _ENTRY_BYTES
    most = 8 * room // _COST  # grams, and blocks
    if most < 1 or len(ids) < GRAM_CHARS:
        return None
    stride = -(-len(ids) // most)
    block_chars = max(stride, GRAM_CHARS)
    lowest = _Lowest(most)
    blocks = []
    for begin in _begins(ids, _PIECE):
        # A piece has the runs that begin in it, so it reaches into the next.
        hashes = RunHashes(ids[begin : begin + _PIECE + GRAM_CHARS - 1])
        lowest.add(hashes.of(GRAM_CHARS))
    span = stride * max(1, _PIECE // stride)
    for begin in _begins(ids, span):
        hashes = RunHashes(ids[begin : begin + span - stride + block_chars])
        blocks.append(hashes.of(block_chars, stride=stride))
    grams, threshold = lowest.result()
    return Sketch(
        threshold,
        stride,
        HashSet.of(grams, GRAM_BITS),
        HashSet.of(np.concatenate(blocks), BLOCK_BITS),
    )


def _begins(ids: Ids, span: int) -> Iterator[int]:
    """Yield the indices at which spans of a text begin, and release what has been read."""
    for number, begin in enumerate(range(0, len(ids), span)):
        yield begin
        if number % _RELEASED_PIECES == 0:
            release_pages(ids)


class _Lowest:
    """The lowest of many hashes, each once."""

    def __init__(self, most: int) -> None:
        """Begin with none.

        Args:
            most: How many to keep.
        """
        self._most = most
        self._threshold = np.uint64((1 << 64) - 1)
        self._kept: list[Hashes] = []
        self._num_kept = 0

    def add(self, hashes: Hashes) -> None:
        """Add hashes."""
        low = hashes[hashes <= self._threshold]
        self._kept.append(low)
        self._num_kept += len(low)
        if self._num_kept > 2 * self._most + _PIECE:
            self._cut()

    def _cut(self) -> None:
        """Drop all but the lowest."""
        lowest = distinct(np.concatenate(self._kept))[: self._most]
        if len(lowest) == self._most:
            self._threshold = lowest[-1]
        self._kept, self._num_kept = [lowest], len(lowest)

    def result(self) -> tuple[Hashes, int]:
        """Return the lowest hashes, and the bound up to which they are complete."""
        self._cut()
        return self._kept[0], int(self._threshold)


def _utf8_bytes(ids: Ids, vocabulary: Vocabulary) -> int:
    """Return the size of a text in bytes, without unknown characters."""
    lengths = vocabulary.byte_lengths
    if lengths.min() == lengths.max():
        return len(ids) * int(lengths[0])
    pieces = range(0, len(ids), _PIECE)
    return sum(int(lengths[ids[begin : begin + _PIECE]].sum()) for begin in pieces)
