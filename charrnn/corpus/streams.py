"""A text cut into parallel streams, and the streams into windows.

N ids give N - 1 predictions: the first character is given. They are cut into B contiguous streams
whose lengths differ by at most one. A window is the next T predictions of every stream, so state
can be carried from window to window; the last window of an epoch is as short as what is left. After
it each stream wraps to its start, with a fresh state. In an epoch every character but the first is
predicted exactly once.

To measure a text, rather than to learn from it, each stream should know what came before it:
``warm_up`` windows of the text before its start come first. They have no targets. What they give
the first stream is meaningless, since no text is before it, so ``state`` is to be zeroed there.

Sizes: B streams, T time steps in a window, N ids.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn.text.vocabulary import Ids

IGNORED = -100
"""The target where a stream has no prediction left; what torch's cross-entropy skips."""

RELEASE_EVERY = 1 << 22  # characters
WARM_UP_CHARS = 512
MAX_MEASURING_STREAMS = 128


@dataclass(frozen=True)
class Window:
    """One step's worth of text.

    Attributes:
        inputs: What is read, shape (B, T), int64.
        targets: What is to be predicted, shape (B, T), int64; ``IGNORED`` where there is nothing.
        num_chars: How many predictions there are.
        is_start: Which streams begin a text here, so that their state must be zero, shape (B,).
    """

    inputs: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    num_chars: int
    is_start: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Streams:
    """A text as parallel streams.

    Attributes:
        ids: The text, shape (N,) with N of 2 or more.
        batch_size: Streams, B; at most N - 1 are made.
        seq_length: Time steps in a window, T.
        warm_up: How many windows of warming up come before the first.
    """

    ids: Ids
    batch_size: int
    seq_length: int
    warm_up: int = 0

    @property
    def num_streams(self) -> int:
        """The number of streams that the text is long enough for."""
        return min(self.batch_size, len(self.ids) - 1)

    @property
    def stream_length(self) -> int:
        """Predictions in the longest stream."""
        return -((1 - len(self.ids)) // self.num_streams)

    @property
    def num_windows(self) -> int:
        """Windows in an epoch, those of warming up not counted."""
        return -(-self.stream_length // self.seq_length)

    @property
    def usual_chars(self) -> float:
        """How many predictions a window has, unless it is the last of an epoch."""
        return self.num_streams * min(self.seq_length, self.stream_length)

    def window(self, index: int) -> Window:
        """Return the window ``index``, from ``-warm_up`` on; at ``num_windows`` all begins anew."""
        index = index % self.num_windows if index > 0 else index
        if index % max(RELEASE_EVERY // (self.num_streams * self.seq_length), 1) == 0:
            release_pages(self.ids)
        num_predictions = len(self.ids) - 1
        borders = np.arange(self.num_streams + 1) * num_predictions // self.num_streams
        begin = index * self.seq_length
        end = min(begin + self.seq_length, self.stream_length)
        places = borders[:-1, None] + np.arange(begin, end)  # (B, T)
        is_none = (places < borders[:-1, None]) | (places >= borders[1:, None])
        places = np.clip(places, 0, num_predictions - 1)
        targets = self.ids[places + 1].astype(np.int64)
        targets[is_none] = IGNORED
        inputs = self.ids[places].astype(np.int64)
        is_start = np.full(self.num_streams, index == 0)
        is_start[1:] &= self.warm_up == 0
        return Window(inputs, targets, int(targets.size - is_none.sum()), is_start)

    def __iter__(self) -> Iterator[Window]:
        """Yield the windows of warming up and then those of one epoch."""
        return map(self.window, range(-self.warm_up, self.num_windows))


def measuring_streams(ids: Ids, seq_length: int, num_streams: int | None = None) -> Streams:
    """Cut a text for measuring how well it is predicted.

    Args:
        ids: The text, shape (N,) with N of 2 or more.
        seq_length: Time steps in a window, T.
        num_streams: How many streams, B; None for what the length of the text is worth. No stream
            is made shorter than what warms it up.

    Returns:
        The streams. One stream is exact; of several, each but the first has read only the
        ``WARM_UP_CHARS`` characters before it.
    """
    warm_up = -(-WARM_UP_CHARS // seq_length)
    worth = (len(ids) - 1) // (warm_up * seq_length)
    num_streams = min(num_streams or MAX_MEASURING_STREAMS, worth)
    if num_streams <= 1:
        return Streams(ids, 1, seq_length)
    return Streams(ids, num_streams, seq_length, warm_up)


def release_pages(ids: Ids) -> None:
    """Let go of the pages of a memory map that were read, which count as this process's memory.

    The system has them still, if it has room; a text that is larger than memory is read again from
    the disk.
    """
    owner: object = ids
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)
