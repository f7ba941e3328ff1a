"""A text cut into parallel streams, and the streams into windows.

N ids give N - 1 predictions, because the first character is given. They are cut into B contiguous
streams whose lengths differ by at most one. A window is the next T predictions of every stream, so
state can be carried from window to window; the last window of an epoch is shorter if necessary.
Then each stream starts again with a fresh state. In an epoch every character but the first is
predicted exactly once.

For measuring, a stream first reads ``warm_up`` windows of the text before its start, without
targets. The first stream has no text before it, so its state is zeroed after them.

Sizes: B streams, T time steps in a window, N ids.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn.text.vocabulary import Ids

IGNORED = -100
"""The target of a cell without a prediction; torch's cross-entropy skips it."""

RELEASE_EVERY = 1 << 22  # characters
WARM_UP_CHARS = 512
MAX_MEASURING_STREAMS = 128


@dataclass(frozen=True)
class Window:
    """The text of one step.

    Attributes:
        inputs: The ids to read, shape (B, T), int64.
        targets: The ids to predict, shape (B, T), int64; ``IGNORED`` if there is none.
        num_chars: The number of predictions.
        is_start: Which streams begin a text here and need a zero state, shape (B,).
        places: Where the inputs stand in the text, shape (B, T).
    """

    inputs: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    num_chars: int
    is_start: npt.NDArray[np.bool_]
    places: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Streams:
    """A text as parallel streams.

    Attributes:
        ids: The text, shape (N,) with N of 2 or more.
        batch_size: Streams, B; at most N - 1 are made.
        seq_length: Time steps in a window, T.
        warm_up: How many windows without targets come first.
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
        """The number of predictions in the longest stream."""
        return -((1 - len(self.ids)) // self.num_streams)

    @property
    def num_windows(self) -> int:
        """The number of windows in an epoch, without those for warming up."""
        return -(-self.stream_length // self.seq_length)

    @property
    def usual_chars(self) -> float:
        """The number of predictions in a window, unless it is the last of an epoch."""
        return self.num_streams * min(self.seq_length, self.stream_length)

    def window(self, index: int) -> Window:
        """Return the window ``index``, from ``-warm_up``; an epoch begins at ``num_windows``."""
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
        return Window(inputs, targets, int(targets.size - is_none.sum()), is_start, places)

    def __iter__(self) -> Iterator[Window]:
        """Yield the windows for warming up and then those of one epoch."""
        return map(self.window, range(-self.warm_up, self.num_windows))


def measuring_streams(ids: Ids, seq_length: int, num_streams: int | None = None) -> Streams:
    """Cut a text of N ids, N of 2 or more, for measuring how well it is predicted.

    No stream is shorter than its warm-up; by default their number follows from the length of the
    text. One stream is exact. Of several, each but the first has read only the ``WARM_UP_CHARS``
    characters before its start.
    """
    warm_up = -(-WARM_UP_CHARS // seq_length)
    worth = (len(ids) - 1) // (warm_up * seq_length)
    num_streams = min(num_streams or MAX_MEASURING_STREAMS, worth)
    if num_streams <= 1:
        return Streams(ids, 1, seq_length)
    return Streams(ids, num_streams, seq_length, warm_up)


def release_pages(ids: Ids) -> None:
    """Release the pages of a memory map, which otherwise count as memory of this process.

    The system keeps them as long as it has room. A text larger than memory is read from the disk
    again.
    """
    owner: object = ids
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)
