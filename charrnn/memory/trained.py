"""What followed the last characters in the training text, found in its index.

Sizes: B streams, T time steps, L characters of the longest context, K kinds of context, M followers
that are looked at.
"""

import numpy as np
import numpy.typing as npt

from charrnn.memory.evidence import NUM_FOLLOWERS
from charrnn.memory.index import Index, Rows
from charrnn.text.vocabulary import Ids

TRAINED_LENGTHS = (4, 6, 9, 16, 32)

_TURN = 0.6180339887498949  # the golden ratio less 1: its multiples, modulo 1, spread evenly
_LONGEST = max(TRAINED_LENGTHS)  # L
_COLUMNS = np.array(TRAINED_LENGTHS)
_ORDER = np.arange(NUM_FOLLOWERS)[:, None]


def no_runs(index: Index, num_streams: int) -> Rows:
    """Return where the last 0 to L characters stand before anything is read, shape (B, 2, L + 1).

    They are bounds of rows of the index; see ``Index.extend``. No characters stand everywhere, and
    more than were read nowhere.
    """
    runs = np.zeros((num_streams, 2, _LONGEST + 1), np.int64)
    runs[:, 1, 0] = index.num_rows
    return runs


def read_step(index: Index, ids: Ids, runs: Rows) -> Rows:
    """Return where the last characters stand after one more of each stream, ids of shape (B,)."""
    extended = index.extend(runs[..., :-1], ids[:, None, None])
    return np.concatenate([runs[..., :1], extended], axis=-1)


def read_text(index: Index, ids: Ids, runs: Rows, num_read: npt.NDArray[np.int64]) -> Rows:
    """Return where the last characters stand after each character of a text.

    Args:
        index: The index of the training text.
        ids: The text, shape (T,).
        runs: What is known before it, shape (1, 2, L + 1).
        num_read: How many characters a context can have after each one, shape (T,).

    Returns:
        The bounds, shape (T, 2, L + 1).
    """
    after = np.zeros((len(ids), 2, _LONGEST + 1), np.int64)
    after[..., 0] = runs[..., 0]
    for length in range(1, _LONGEST + 1):
        before = np.concatenate([runs[..., length - 1], after[:-1, :, length - 1]])
        known = np.flatnonzero((before[:, 1] > before[:, 0]) & (num_read >= length))
        if not len(known):
            break  # no longer run stands anywhere
        after[known, :, length] = index.extend(before[known], ids[known, None])
    return after


def followers(index: Index, runs: Rows, num_read: npt.NDArray[np.int64]) -> tuple[Ids, Rows]:
    """Return what followed the contexts of ``TRAINED_LENGTHS``, and how often each context stands.

    Of many places of a context, M that are spread evenly are looked at: sorted by what stands
    before them, they are a fair sample. At the next character other places are looked at. Otherwise
    a text that stays in one context, such as a line of dashes, might never see what ends it.

    Args:
        index: The index of the training text.
        runs: Where the last characters stand, shape (B, 2, L + 1).
        num_read: How many characters were read, shape (B,).

    Returns:
        The followers, V for none, shape (M, B, K); and the sizes, shape (B, K).
    """
    bounds = runs.take(_COLUMNS, axis=-1)
    first = bounds[:, 0]
    sizes = bounds[:, 1] - first
    turned = _ORDER + num_read * _TURN % 1  # (M, B)
    spread = np.maximum(sizes, NUM_FOLLOWERS) / NUM_FOLLOWERS  # few are all looked at
    places = (spread * turned[..., None]).astype(np.int64)
    found = index.followers.take(first + places, mode="clip")
    found[places >= sizes] = index.vocab_size
    return found, sizes
