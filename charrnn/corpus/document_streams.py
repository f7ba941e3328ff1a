"""Documents side by side: each stream reads one from its start, with a fresh state.

A text of documents is cut into those, a very long one into some pieces. They are sorted by length,
and of neighbours B at a time make a batch, which is read from its start to the end of its longest:
so hardly a place of a window is left empty. The windows of a batch are equally wide, as few as
there can be.

To learn from a text, all documents of one length are shuffled for each epoch, and then the
batches; the order follows from the seed and the number of the epoch. To measure one, a piece that
does not begin a document first reads what comes before it, without targets.

Sizes: B streams, T time steps in a window, N ids, P pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from charrnn.corpus.documents import Places
from charrnn.corpus.streams import IGNORED, MAX_MEASURING_STREAMS, WARM_UP_CHARS, Window
from charrnn.text.vocabulary import Ids, smallest_dtype

MIN_BATCHES = 4  # of a text to learn from, if it is long enough: so long may a piece be
MAX_MEASURED_CHARS = 8 * WARM_UP_CHARS  # of a piece


@dataclass(frozen=True)
class Pieces:
    """What each stream reads in one go: documents, or parts of long ones.

    Attributes:
        begins: The place of the first id that is read, shape (P,).
        lengths: How many ids are read, shape (P,).
        warm_ups: After how many of them nothing is to be predicted, shape (P,).
    """

    begins: Places
    lengths: Places
    warm_ups: Places


def cut_pieces(ids: Ids, end_id: int, longest: int, warm_up: int = 0) -> Pieces:
    """Cut a text of documents into those, and long documents into equal parts.

    Args:
        ids: The text, shape (N,), N of 2 or more: end symbols, and a document after each. The last
            document need not be whole.
        end_id: The end symbol.
        longest: How many predictions a piece may have.
        warm_up: How many ids before its first prediction a part of a document reads as well.

    Returns:
        Pieces in which each id but the first is predicted once.
    """
    borders = np.flatnonzero(ids == end_id)
    if borders[-1] != len(ids) - 1:
        borders = np.append(borders, len(ids) - 1)
    begins, lengths = borders[:-1], np.diff(borders)
    if lengths.max() <= longest:
        return Pieces(begins, lengths, np.zeros_like(lengths))
    num_parts = -(-lengths // longest)
    document = np.repeat(np.arange(len(begins)), num_parts)  # (P,)
    part = np.arange(len(document)) - np.repeat(num_parts.cumsum() - num_parts, num_parts)
    from_, to = (lengths[document] * number // num_parts[document] for number in (part, part + 1))
    warm_ups = np.minimum(from_, warm_up)
    return Pieces(begins[document] + from_ - warm_ups, to - from_ + warm_ups, warm_ups)


@dataclass(frozen=True)
class _Epoch:
    """The order of an epoch.

    Attributes:
        number: Which epoch it is.
        pieces: All pieces, the longest first, shape (P,); a batch is B in a row.
        batches: The batches in the order in which they are read.
        ends: How many windows of the epoch are over after each of them.
    """

    number: int
    pieces: Places
    batches: Places
    ends: Places


class DocumentStreams:
    """A text of documents as parallel streams.

    Attributes:
        num_streams: The number of streams, B.
        num_windows: Windows in an epoch.
        usual_chars: How many predictions a window has in the mean.
    """

    def __init__(
        self,
        ids: Ids,
        pieces: Pieces,
        batch_size: int,
        seq_length: int,
        seed: int | None = None,
    ) -> None:
        """Find the windows of each batch.

        Args:
            ids: The text, shape (N,).
            pieces: Its pieces.
            batch_size: Streams, B; at most P are made.
            seq_length: The most time steps in a window, T.
            seed: Of the order of each epoch; None for the longest first.
        """
        self._ids = ids
        self._pieces = pieces
        self._seed = seed
        self.num_streams = min(batch_size, len(pieces.begins))
        # By how much a piece is shorter than the longest: small numbers, which are sorted quickly.
        shorter = pieces.lengths.max() - pieces.lengths
        self._shorter = shorter.astype(smallest_dtype(int(shorter.max()) + 1))
        by_length = np.argsort(self._shorter, kind="stable")
        self._longest = pieces.lengths[by_length[:: self.num_streams]]  # of each batch
        self._batch_windows = -(-self._longest // seq_length)
        self.num_windows = int(self._batch_windows.sum())
        self.usual_chars = int((pieces.lengths - pieces.warm_ups).sum()) / self.num_windows
        self._epoch: _Epoch | None = None  # the one that was read last

    def window(self, index: int) -> Window:
        """Return the window ``index``, from 0 on; at ``num_windows`` the second epoch begins."""
        number, index = divmod(index, self.num_windows)
        epoch = self._epoch
        if epoch is None or epoch.number != number:
            epoch = self._epoch = self._order(number)
        turn = int(np.searchsorted(epoch.ends, index, side="right"))
        batch = epoch.batches[turn]
        index -= int(epoch.ends[turn] - self._batch_windows[batch])  # within the batch
        width = -(-self._longest[batch] // self._batch_windows[batch])
        steps = np.arange(index * width, min((index + 1) * width, self._longest[batch]))  # (T,)
        chosen = epoch.pieces[batch * self.num_streams :][: self.num_streams]
        begins, lengths, warm_ups = (
            self._of(array, chosen)
            for array in (self._pieces.begins, self._pieces.lengths, self._pieces.warm_ups)
        )
        places = np.minimum(begins + steps, len(self._ids) - 2)  # (B, T)
        inputs = self._ids[places].astype(np.int64)
        targets = self._ids[places + 1].astype(np.int64)
        is_none = (steps < warm_ups) | (steps >= lengths)
        targets[is_none] = IGNORED
        is_start = np.full(self.num_streams, index == 0)
        return Window(inputs, targets, int(targets.size - is_none.sum()), is_start)

    def __iter__(self) -> Iterator[Window]:
        """Yield the windows of the first epoch."""
        return map(self.window, range(self.num_windows))

    def _of(self, values: Places, chosen: Places) -> Places:
        """Return the values of some pieces, and 0 for streams that have none, shape (B, 1)."""
        found = np.zeros((self.num_streams, 1), np.int64)
        found[: len(chosen), 0] = values[chosen]
        return found

    def _order(self, number: int) -> _Epoch:
        """Return the order of an epoch."""
        batches = np.arange(len(self._longest))
        pieces = np.arange(len(self._shorter))
        if self._seed is not None:
            source = np.random.SeedSequence(self._seed, spawn_key=(number,))
            rng = np.random.default_rng(source)
            rng.shuffle(pieces)
            rng.shuffle(batches)
        pieces = pieces[np.argsort(self._shorter[pieces], kind="stable")]
        return _Epoch(number, pieces, batches, self._batch_windows[batches].cumsum())


def training_documents(
    ids: Ids, end_id: int, batch_size: int, seq_length: int, seed: int
) -> DocumentStreams:
    """Cut a text of documents for learning from it.

    A document is one piece, unless it is so long that its stream would read on alone after all
    others have ended.

    Args:
        ids: The text, shape (N,).
        end_id: The end symbol.
        batch_size: Streams, B.
        seq_length: The most time steps in a window, T.
        seed: Of the order of each epoch.
    """
    longest = max(seq_length, -(-len(ids) // (MIN_BATCHES * batch_size)))
    return DocumentStreams(ids, cut_pieces(ids, end_id, longest), batch_size, seq_length, seed)


def measuring_documents(
    ids: Ids, end_id: int, seq_length: int, num_streams: int | None = None
) -> DocumentStreams:
    """Cut a text of documents for measuring how well each by itself is predicted.

    Args:
        ids: The text, shape (N,).
        end_id: The end symbol.
        seq_length: The most time steps in a window, T.
        num_streams: How many streams, B; whatever they are, the sum is the same.

    Returns:
        The streams. Documents of up to ``MAX_MEASURED_CHARS`` are measured exactly; of longer ones
        each part but the first has read only the ``WARM_UP_CHARS`` characters before it.
    """
    pieces = cut_pieces(ids, end_id, MAX_MEASURED_CHARS, WARM_UP_CHARS)
    return DocumentStreams(ids, pieces, num_streams or MAX_MEASURING_STREAMS, seq_length)
