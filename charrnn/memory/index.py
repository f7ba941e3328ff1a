"""An index of a text: finds every place where a run of characters stands, and what follows there.

It is the Burrows-Wheeler transform of the text read backwards (P. Ferragina and G. Manzini,
Opportunistic data structures with applications, 2000). The places of the text are sorted by what
stands before them, so the places after a given run are a range of rows. The index holds one id for
each row, the one that follows there. That is enough to turn the range of a run into the range of
the run with one more character.

Sizes: N ids of the text, R rows of the index, V vocabulary.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from charrnn.corpus.streams import release_pages
from charrnn.memory.suffix_sort import sort_by_context
from charrnn.text.vocabulary import Ids, smallest_dtype

DEFAULT_CHARS = 8_000_000
BLOCK_CHARS = 1 << 16  # of a longer text, blocks of this length are kept

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Index:
    """The index of a text; checked on construction.

    Attributes:
        followers: The id that follows in each row, shape (R,); V at the end of the text and between
            two stretches of it.
        vocab_size: V.

    Raises:
        ValueError: If the followers are not those of a text.
    """

    followers: npt.NDArray[np.unsignedinteger]
    vocab_size: int

    def __post_init__(self) -> None:
        """Check the followers; any others would still be the index of some text."""
        followers = self.followers
        if followers.ndim != 1 or followers.dtype != smallest_dtype(self.vocab_size + 1):
            raise ValueError("its index is not an array of ids")
        if len(followers) == 0 or followers.max() != self.vocab_size:
            raise ValueError("its index is not one of its characters")

    @property
    def num_rows(self) -> int:
        """The number of rows, R."""
        return len(self.followers)

    @property
    def num_chars(self) -> int:
        """The number of characters of the text that are remembered."""
        return int(np.count_nonzero(self.followers < self.vocab_size))

    @cached_property
    def _occurrences(self) -> npt.NDArray[np.signedinteger]:
        """The rows of each id, as ``id * R + row``, sorted, shape (R,)."""
        # Small numbers are searched faster.
        is_small = (self.vocab_size + 1) * self.num_rows < 1 << 31
        times = np.bincount(self.followers)
        rows = np.argsort(self.followers, kind="stable")
        rows += np.repeat(np.arange(len(times)) * self.num_rows, times)
        return rows.astype(np.int32) if is_small else rows

    def text(self) -> Ids:
        """Return the text itself, shape (R - 1,), with V between two stretches of it."""
        size = self.num_rows
        # The row of the place after each row: see ``extend``.
        rows = np.argsort(self.followers, kind="stable")
        following = np.empty(size, np.int64)
        following[rows] = np.arange(1, size + 1)
        steps, followers = following.tolist(), self.followers.tolist()
        row, ids = 0, []
        for _ in range(size - 1):
            ids.append(followers[row])
            row = steps[row]
        return np.array(ids, self.followers.dtype)

    def extend(self, bounds: Rows, ids: Ids | int) -> Rows:
        """Return the rows of runs with one more character.

        Args:
            bounds: The first row of each run and the one after its last, any shape. Those of the
                empty run are 0 and R.
            ids: The characters, from 0 to below V, or -1, which stands nowhere in the text; a shape
                that fits that of the bounds.

        Returns:
            Bounds of the same shape, equal where the longer run is not in the text.
        """
        places = self._occurrences
        sought = np.asarray(ids, np.int64) * self.num_rows + bounds
        rows: Rows = places.searchsorted(sought.astype(places.dtype))
        rows += 1
        return rows


def build_index(ids: Ids, vocab_size: int, max_chars: int = DEFAULT_CHARS) -> Index:
    """Return the index of a text, shape (N,); of a long one, of ``max_chars`` from all over it."""
    dtype = smallest_dtype(vocab_size + 1)
    if len(ids) > max_chars:
        num_blocks = max(max_chars // BLOCK_CHARS, 1)
        length = max_chars // num_blocks
        begins = np.linspace(0, len(ids) - length, num_blocks).astype(np.int64)
        blocks = [np.append(ids[begin : begin + length], vocab_size) for begin in begins.tolist()]
        text = np.concatenate(blocks)[:-1].astype(dtype)
        release_pages(ids)
    else:
        text = ids.astype(dtype)
    order = sort_by_context(text, vocab_size + 1)
    return Index(np.append(text, dtype.type(vocab_size))[order], vocab_size)
