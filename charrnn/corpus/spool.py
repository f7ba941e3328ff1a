"""Text to ids in two passes: count and copy the characters, then encode the copy.

The first pass copies the characters to a temporary file as code points. So standard input works
like a file, a file may change meanwhile, and nothing is decoded twice. Each block takes one, two or
four bytes a character, as in Python's memory.

Sizes: N characters, V ids in the vocabulary.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from charrnn.corpus.documents import DocumentChunk, insert_ends
from charrnn.corpus.split import Split, SplitPart
from charrnn.errors import TextError
from charrnn.text.vocabulary import (
    Ids,
    Vocabulary,
    code_points,
    smallest_dtype,
    utf8_lengths,
)

NUM_CODE_POINTS = 0x110000

Points = npt.NDArray[np.unsignedinteger[Any]]


@dataclass
class Spool:
    """A text as code points on disk, and how often each code point occurs.

    Attributes:
        file: The code points; a temporary file without a name.
        counts: How often each code point occurs, shape (0x110000,).
        num_chars: The number of characters, N.
    """

    file: IO[bytes]
    counts: npt.NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(NUM_CODE_POINTS, dtype=np.int64)
    )
    num_chars: int = 0
    _blocks: list[tuple[int, np.dtype[Any]]] = field(default_factory=list)

    def add(self, chunks: Iterable[DocumentChunk]) -> SplitPart:
        """Copy and count the characters of a text, and return its size.

        Raises:
            TextError: If one is a surrogate.
            OSError: If the disk is full.
        """
        before = self.num_chars
        ends = [np.zeros(0, np.int64)]
        for block, block_ends in chunks:
            ends.append(block_ends + (self.num_chars - before))
            if not block:
                continue
            points = _narrow_points(block)
            found = np.bincount(points)
            self.counts[: len(found)] += found
            self.file.write(points.data)
            self._blocks.append((points.nbytes, points.dtype))
            self.num_chars += len(points)
        return SplitPart(self.num_chars - before, np.concatenate(ends))

    def __iter__(self) -> Iterator[Points]:
        """Yield the code points in blocks."""
        self.file.seek(0)
        for num_bytes, dtype in self._blocks:
            yield np.frombuffer(self.file.read(num_bytes), dtype)


def _narrow_points(block: str) -> Points:
    """Return the code points of a text, shape (N,), in the smallest type that holds them."""
    if block.isascii():
        return np.frombuffer(block.encode("ascii"), np.uint8)
    points = code_points(block)
    highest = int(points.max())
    if highest < 0x100:
        return points.astype(np.uint8)
    if highest >= 0xD800 and bool(((points >= 0xD800) & (points < 0xE000)).any()):
        raise TextError(
            "the text contains surrogates, which are not characters; "
            "give its `encoding`, or `as_bytes`"
        )
    return points.astype(np.uint16) if highest < 0x10000 else points


def write_ids(
    file: IO[bytes], spool: Spool, vocabulary: Vocabulary, split: Split
) -> tuple[int, str]:
    """Write the ids of a spooled text, split into its parts, as a NumPy file.

    Returns:
        The size in bytes of what is predicted in validation (characters in UTF-8, or one byte each
        in a vocabulary of bytes; an end symbol counts as its separator), and the checksum of the
        ids.
    """
    dtype = smallest_dtype(vocabulary.size)
    header = {"descr": dtype.str, "fortran_order": False, "shape": (split.num_ids,)}
    np.lib.format.write_array_header_1_0(file, header)
    table = vocabulary.table(NUM_CODE_POINTS)
    if vocabulary.unknown_id is not None:
        table[table < 0] = vocabulary.unknown_id
    narrow_table = table.astype(dtype)
    digest = hashlib.sha256()
    end = vocabulary.end_id
    done = 0
    val_bytes = split.val_ends * len(vocabulary.to_bytes(vocabulary.separator))

    def write(ids: Ids) -> None:
        file.write(ids.data)
        digest.update(ids.data)

    for points in spool:
        first, last = np.searchsorted(split.ends, [done, done + len(points)])
        ids: Ids = narrow_table.take(points)
        write(insert_ends(ids, split.ends[first:last] - done, end))
        predicted = points[max(split.val_from - done, 0) :]
        val_bytes += len(predicted) if vocabulary.is_bytes else int(utf8_lengths(predicted).sum())
        done += len(points)
    if end is not None:
        write(np.full(np.count_nonzero(split.ends == done), end, dtype))
    return val_bytes, digest.hexdigest()
