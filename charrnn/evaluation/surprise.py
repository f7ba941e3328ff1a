"""How surprising each character of a text is: the one measure that all of evaluation is made of.

Sizes: V vocabulary, N characters, K best alternatives.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn.corpus.documents import DocumentChunk, insert_ends
from charrnn.evaluation.reader import Places, Predictor
from charrnn.model.cells import Array
from charrnn.text.vocabulary import Ids, Vocabulary, code_points, utf8_lengths

BLOCK_CHARS = 1 << 17  # about a second's work: what is scored is handed on so often


@dataclass(frozen=True)
class Surprise:
    """How surprising each character of a stretch of text is.

    Attributes:
        nats: Minus the natural logarithm of each character's probability, shape (N,); NaN where it
            was not predicted.
        is_likeliest: Whether it was the most likely one, shape (N,).
        best_ids: What the model expected, most likely first, shape (N, K).
        best_probs: With which probability, shape (N, K).
    """

    nats: npt.NDArray[np.float64]
    is_likeliest: npt.NDArray[np.bool_]
    best_ids: npt.NDArray[np.int32]
    best_probs: npt.NDArray[np.float32]

    @property
    def is_predicted(self) -> npt.NDArray[np.bool_]:
        """Which characters count, shape (N,)."""
        return ~np.isnan(self.nats)


@dataclass(frozen=True)
class Passage:
    """A stretch of text and how surprising its characters are.

    Of a model of documents, the separator after each is part of the text. That the document ends
    there is the surprise of its first character; its others are not predicted.

    Attributes:
        text: N characters; of a model of bytes, one for each byte.
        is_unknown: Which of them the model never saw, shape (N,).
        surprise: Of each of them.
        num_bytes: The size of what was predicted, in UTF-8.
    """

    text: str
    is_unknown: npt.NDArray[np.bool_]
    surprise: Surprise
    num_bytes: int


def measure(predictor: Predictor, ids: Ids, num_best: int = 0) -> Surprise:
    """Read on in a text and measure how surprising it is.

    Args:
        predictor: Where in the text we are, and what is expected.
        ids: What comes next, shape (N,).
        num_best: How many alternatives to keep for each character, K.
    """
    surprise = _nothing(len(ids), num_best)

    def take(places: Places, logits: Array) -> None:
        targets = ids[places]
        rows = np.arange(len(places))
        peaks = logits.max(axis=-1)
        chosen = logits[rows, targets]
        odds = np.exp(logits - peaks[:, None])
        totals = odds.sum(axis=-1, dtype=np.float64)
        surprise.nats[places] = np.log(totals) + (peaks.astype(np.float64) - chosen)
        surprise.is_likeliest[places] = logits.argmax(axis=-1) == targets
        if num_best:
            best = np.argpartition(-odds, num_best - 1, axis=-1)[:, :num_best]
            order = np.argsort(-np.take_along_axis(odds, best, -1), axis=-1, kind="stable")
            best = np.take_along_axis(best, order, -1)
            surprise.best_ids[places] = best
            surprise.best_probs[places] = np.take_along_axis(odds, best, -1) / totals[:, None]

    predictor.read(ids, take)
    return surprise


def measure_text(
    predictor: Predictor, vocabulary: Vocabulary, pieces: Iterable[DocumentChunk], num_best: int = 0
) -> Iterator[Passage]:
    """Measure a text that arrives in pieces; each is measured when it arrives.

    Characters that the model never saw count as its unknown symbol if it has one. If not, they are
    left out: the model reads on as if they were not there.

    Args:
        predictor: What reads it, from its start.
        vocabulary: The characters of the model.
        pieces: The text, cut into documents by the separator of the vocabulary.
        num_best: See ``measure``.

    Yields:
        The whole text, in passages of about ``BLOCK_CHARS`` characters at the most. Between two
        documents there is one separator.
    """
    end = vocabulary.end_id
    if end is not None:
        measure(predictor, np.array([end]))
    for block, ends in pieces:
        for start in range(0, max(len(block), 1), BLOCK_CHARS):
            stop = min(start + BLOCK_CHARS, len(block))
            text = block[start:stop]
            # A document that ends where a stretch begins was ended with the stretch before.
            is_here = (ends <= stop) & ((ends > start) | (start == 0))
            ids = insert_ends(vocabulary.look_up(text), ends[is_here] - start, end)
            if len(ids):
                yield _measure_passage(predictor, vocabulary, text, ids, num_best)


def measure_ids(
    predictor: Predictor, vocabulary: Vocabulary, ids: Ids, num_best: int = 0
) -> Iterator[Passage]:
    """Measure a text that is ids already, shape (N,); see ``measure_text``."""
    end = vocabulary.end_id
    if end is not None:
        measure(predictor, ids[:1])
        ids = ids[1:]
    for start in range(0, len(ids), BLOCK_CHARS):
        part = ids[start : start + BLOCK_CHARS].astype(np.int64)
        text = vocabulary.decode(part if end is None else part[part != end])
        yield _measure_passage(predictor, vocabulary, text, part, num_best)


def _measure_passage(
    predictor: Predictor, vocabulary: Vocabulary, text: str, ids: Ids, num_best: int
) -> Passage:
    """Measure a stretch of text.

    Args:
        predictor: What reads it.
        vocabulary: The characters of the model.
        text: The characters, without separators.
        ids: Of the characters, and end symbols between them; -1 for a character without an id.
        num_best: See ``measure``.
    """
    unknown = vocabulary.unknown_id
    is_unknown = (ids < 0) | (ids == (-1 if unknown is None else unknown))
    if unknown is not None:
        ids = np.where(is_unknown, unknown, ids)
    is_read = ids >= 0
    num_best = min(num_best, vocabulary.size)
    surprise = measure(predictor, ids[is_read], num_best)
    if not is_read.all():
        surprise = _spread(surprise, is_read)
    is_end = ids == (-2 if vocabulary.end_id is None else vocabulary.end_id)
    points = code_points(text)[surprise.is_predicted[~is_end]]
    num_bytes = len(points) if vocabulary.is_bytes else int(utf8_lengths(points).sum())
    if is_end.any():
        separator = vocabulary.separator
        num_bytes += int(is_end.sum()) * len(vocabulary.to_bytes(separator))
        ends = np.flatnonzero(is_end) - np.arange(is_end.sum())  # places in the text
        borders = [0, *ends.tolist(), len(text)]
        text = separator.join(text[a:b] for a, b in itertools.pairwise(borders))
        # All characters of a separator but the first are there only to be seen.
        is_symbol = np.ones(len(ids) + int(is_end.sum()) * (len(separator) - 1), np.bool_)
        firsts = np.flatnonzero(is_end) + np.arange(is_end.sum()) * (len(separator) - 1)
        for place in range(1, len(separator)):
            is_symbol[firsts + place] = False
        surprise = _spread(surprise, is_symbol)
        spread = np.zeros(len(is_symbol), np.bool_)
        spread[is_symbol] = is_unknown
        is_unknown = spread
    return Passage(text, is_unknown, surprise, num_bytes)


def _nothing(num_chars: int, num_best: int) -> Surprise:
    """Return the surprise of characters of which none was predicted."""
    return Surprise(
        nats=np.full(num_chars, np.nan),
        is_likeliest=np.zeros(num_chars, np.bool_),
        best_ids=np.zeros((num_chars, num_best), np.int32),
        best_probs=np.zeros((num_chars, num_best), np.float32),
    )


def _spread(surprise: Surprise, is_there: npt.NDArray[np.bool_]) -> Surprise:
    """Return the surprise of a text from that of those of its characters that were read.

    Args:
        surprise: Of the characters that were read.
        is_there: Which of all those are, shape (N,).
    """
    spread = _nothing(len(is_there), surprise.best_ids.shape[1])
    spread.nats[is_there] = surprise.nats
    spread.is_likeliest[is_there] = surprise.is_likeliest
    spread.best_ids[is_there] = surprise.best_ids
    spread.best_probs[is_there] = surprise.best_probs
    return spread
