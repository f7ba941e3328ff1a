"""Documents side by side: each stream reads one from its start, with a fresh state.

Documents are sorted by length, very long ones after they are cut into spans. B neighbours make a
batch, which is read until its longest ends, so hardly any cell of a window stays empty. The windows
of a batch are equally wide, and as few as possible.

For training, all documents of one length are shuffled in each epoch, and then the batches; the
order follows from the seed and the number of the epoch. For measuring, a span that does not begin a
document first reads the text before it, without targets.

Sizes: B streams, T time steps in a window, N ids, P spans.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from charrnn.corpus.documents import Places
from charrnn.corpus.streams import (
    IGNORED,
    MAX_MEASURING_STREAMS,
    WARM_UP_CHARS,
    Streams,
    Window,
    measuring_streams,
)
from charrnn.text.vocabulary import Ids, smallest_dtype

MIN_BATCHES = 4  # for training, if the text is long enough; limits the length of a span
MAX_MEASURED_CHARS = 8 * WARM_UP_CHARS  # in a span


@dataclass(frozen=True)
class Spans:
    """What each stream reads from a fresh state: documents, or parts of long ones.

    Attributes:
        begins: The index of the first id that is read, shape (P,).
        lengths: How many ids are read, shape (P,).
        warm_ups: How many of these come before the first target, shape (P,).
    """

    begins: Places
    lengths: Places
    warm_ups: Places


def cut_spans(ids: Ids, end_id: int, longest: int, warm_up: int = 0) -> Spans:
    """Cut a text into its documents, and long documents into equal parts.

    The text, shape (N,), has end symbols and a document after each; the last one may be incomplete.
    A span has at most ``longest`` predictions. A part of a document first reads ``warm_up`` more
    ids. Each id but the first is predicted once.
    """
    borders = np.flatnonzero(ids == end_id)
    if borders[-1] != len(ids) - 1:
        borders = np.append(borders, len(ids) - 1)
    begins, lengths = borders[:-1], np.diff(borders)
    if lengths.max() <= longest:
        return Spans(begins, lengths, np.zeros_like(lengths))
    num_parts = -(-lengths // longest)
    document = np.repeat(np.arange(len(begins)), num_parts)  # (P,)
    part = np.arange(len(document)) - np.repeat(num_parts.cumsum() - num_parts, num_parts)
    from_, to = (lengths[document] * number // num_parts[document] for number in (part, part + 1))
    warm_ups = np.minimum(from_, warm_up)
    return Spans(begins[document] + from_ - warm_ups, to - from_ + warm_ups, warm_ups)


@dataclass(frozen=True)
class _Epoch:
    """The reading order of an epoch.

    Attributes:
        number: The number of the epoch, from 0.
        spans: The indices of all spans, the longest first, shape (P,); B in a row are a batch.
        batches: The batches in reading order.
        ends: How many windows of the epoch have been read after each batch.
    """

    number: int
    spans: Places
    batches: Places
    ends: Places


class DocumentStreams:
    """A text of documents as parallel streams.

    Attributes:
        num_streams: The number of streams, B.
        num_windows: Windows in an epoch.
        usual_chars: The mean number of predictions in a window.
    """

    def __init__(
        self,
        ids: Ids,
        spans: Spans,
        batch_size: int,
        seq_length: int,
        seed: int | None = None,
    ) -> None:
        """Find the windows of each batch, of at most B streams and T time steps.

        The seed decides on the order of each epoch; None puts the longest spans first.
        """
        self._ids = ids
        self._spans = spans
        self._seed = seed
        self.num_streams = min(batch_size, len(spans.begins))
        # Small numbers sort faster, so spans are compared by how much shorter they are.
        shorter = spans.lengths.max() - spans.lengths
        self._shorter = shorter.astype(smallest_dtype(int(shorter.max()) + 1))
        by_length = np.argsort(self._shorter, kind="stable")
        self._longest = spans.lengths[by_length[:: self.num_streams]]  # of each batch
        self._batch_windows = -(-self._longest // seq_length)
        self.num_windows = int(self._batch_windows.sum())
        self.usual_chars = int((spans.lengths - spans.warm_ups).sum()) / self.num_windows
        self._epoch: _Epoch | None = None  # the last one that was read

    def window(self, index: int) -> Window:
        """Return the window ``index``, from 0; at ``num_windows`` the second epoch begins."""
        number, index = divmod(index, self.num_windows)
        epoch = self._epoch
        if epoch is None or epoch.number != number:
            epoch = self._epoch = self._order(number)
        turn = int(np.searchsorted(epoch.ends, index, side="right"))
        batch = epoch.batches[turn]
        index -= int(epoch.ends[turn] - self._batch_windows[batch])  # within the batch
        width = -(-self._longest[batch] // self._batch_windows[batch])
        steps = np.arange(index * width, min((index + 1) * width, self._longest[batch]))  # (T,)
        chosen = epoch.spans[batch * self.num_streams :][: self.num_streams]
        begins, lengths, warm_ups = (
            self._of(array, chosen)
            for array in (self._spans.begins, self._spans.lengths, self._spans.warm_ups)
        )
        places = np.minimum(begins + steps, len(self._ids) - 2)  # (B, T)
        inputs = self._ids[places].astype(np.int64)
        targets = self._ids[places + 1].astype(np.int64)
        is_none = (steps < warm_ups) | (steps >= lengths)
        targets[is_none] = IGNORED
        is_start = np.full(self.num_streams, index == 0)
        return Window(inputs, targets, int(targets.size - is_none.sum()), is_start, places)

    def __iter__(self) -> Iterator[Window]:
        """Yield the windows of the first epoch."""
        return map(self.window, range(self.num_windows))

    def _of(self, values: Places, chosen: Places) -> Places:
        """Return the values of chosen spans, and 0 for streams without one, shape (B, 1)."""
        found = np.zeros((self.num_streams, 1), np.int64)
        found[: len(chosen), 0] = values[chosen]
        return found

    def _order(self, number: int) -> _Epoch:
        """Return the reading order of an epoch."""
        batches = np.arange(len(self._longest))
        spans = np.arange(len(self._shorter))
        if self._seed is not None:
            source = np.random.SeedSequence(self._seed, spawn_key=(number,))
            rng = np.random.default_rng(source)
            rng.shuffle(spans)
            rng.shuffle(batches)
        spans = spans[np.argsort(self._shorter[spans], kind="stable")]
        return _Epoch(number, spans, batches, self._batch_windows[batches].cumsum())


AnyStreams = Streams | DocumentStreams


def training_windows(
    ids: Ids, end_id: int | None, batch_size: int, seq_length: int, seed: int
) -> AnyStreams:
    """Cut a text of N ids, N of 2 or more, into B streams and windows of T time steps for training.

    A document is one span, unless it is so long that its stream would read on alone after all
    others have ended. The seed decides on the order of documents; ``end_id`` is None in a text
    without documents.
    """
    if end_id is None:
        return Streams(ids, batch_size, seq_length)
    longest = max(seq_length, -(-len(ids) // (MIN_BATCHES * batch_size)))
    return DocumentStreams(ids, cut_spans(ids, end_id, longest), batch_size, seq_length, seed)


def measuring_windows(
    ids: Ids, end_id: int | None, seq_length: int, num_streams: int | None = None
) -> AnyStreams:
    """Cut a text of N ids, N of 2 or more, for measuring how well it is predicted.

    Documents of up to ``MAX_MEASURED_CHARS`` are measured exactly. In longer ones each part but the
    first has read only the ``WARM_UP_CHARS`` characters before it. The sum over a text of documents
    does not depend on the number of streams; of any other text see ``measuring_streams``.
    """
    if end_id is None:
        return measuring_streams(ids, seq_length, num_streams)
    spans = cut_spans(ids, end_id, MAX_MEASURED_CHARS, WARM_UP_CHARS)
    return DocumentStreams(ids, spans, num_streams or MAX_MEASURING_STREAMS, seq_length)
