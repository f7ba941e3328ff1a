"""How surprising each character of a text is: the one measure that all of evaluation is made of.

Sizes: V vocabulary, N characters, K best alternatives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn.evaluation.reading import Places, Predictor
from charrnn.model.cells import Array
from charrnn.text.vocabulary import Ids, Vocabulary

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

    Attributes:
        text: N characters; of a model of bytes, one for each byte.
        is_unknown: Which of them the model never saw, shape (N,).
        surprise: Of each of them.
    """

    text: str
    is_unknown: npt.NDArray[np.bool_]
    surprise: Surprise


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
    predictor: Predictor, vocabulary: Vocabulary, blocks: Iterable[str], num_best: int = 0
) -> Iterator[Passage]:
    """Measure a text that arrives in blocks; each is measured when it arrives.

    Characters that the model never saw count as its unknown symbol if it has one. If not, they are
    left out: the model reads on as if they were not there.

    Args:
        predictor: What reads it, from its start.
        vocabulary: The characters of the model.
        blocks: The text.
        num_best: See ``measure``.

    Yields:
        The whole text, in passages of at most ``BLOCK_CHARS`` characters.
    """
    num_best = min(num_best, vocabulary.size)
    for block in blocks:
        for start in range(0, len(block), BLOCK_CHARS):
            text = block[start : start + BLOCK_CHARS]
            ids = vocabulary.look_up(text)
            is_unknown = ids < 0
            if not is_unknown.any():
                surprise = measure(predictor, ids, num_best)
            elif vocabulary.unknown_id is not None:
                surprise = measure(
                    predictor, np.where(is_unknown, vocabulary.unknown_id, ids), num_best
                )
            else:
                surprise = _spread(measure(predictor, ids[~is_unknown], num_best), ~is_unknown)
            yield Passage(text, is_unknown, surprise)


def measure_ids(
    predictor: Predictor, vocabulary: Vocabulary, ids: Ids, num_best: int = 0
) -> Iterator[Passage]:
    """Measure a text that is ids already, shape (N,); see ``measure_text``."""
    num_best = min(num_best, vocabulary.size)
    for start in range(0, len(ids), BLOCK_CHARS):
        part = ids[start : start + BLOCK_CHARS]
        is_unknown = part == (-1 if vocabulary.unknown_id is None else vocabulary.unknown_id)
        yield Passage(vocabulary.decode(part), is_unknown, measure(predictor, part, num_best))


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
