"""Surprise of each character of a text, the measure on which all evaluation is built.

Sizes: V vocabulary, N characters, K best alternatives, C kinds of context of a memory.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.corpus.documents import DocumentChunk, insert_ends
from charrnn.evaluation.reader import Places, Reader
from charrnn.memory.evidence import Facts
from charrnn.memory.expected import Expected, expect
from charrnn.memory.parts import NUM_CONTEXTS
from charrnn.memory.text_memory import TextMemory
from charrnn.model.cells.spec import Array
from charrnn.text.vocabulary import Ids, Vocabulary, code_points, utf8_lengths

BLOCK_CHARS = 1 << 17  # about a second of work between two passages
MAX_PROBS = 1 << 25  # kept until the memory has been read: 128 MiB


@dataclass(frozen=True)
class Surprise:
    """Surprise of each character in a stretch of text.

    Attributes:
        nats: Negative log-probability of each character in nats, shape (N,); NaN if not
            predicted.
        nats_without_memory: The same by the networks alone, shape (N,).
        is_likeliest: Whether the character was the likeliest one, shape (N,).
        best_ids: The likeliest characters, likeliest first, shape (N, K).
        best_probs: Their probabilities, shape (N, K).
        shares: What gave each character its probability, shape (N, 1 + C), where alternatives are
            asked for; see ``list_parts``.
        facts: On each context, shape (N, C, 4), likewise.
    """

    nats: npt.NDArray[np.float64]
    nats_without_memory: npt.NDArray[np.float64]
    is_likeliest: npt.NDArray[np.bool_]
    best_ids: npt.NDArray[np.int32]
    best_probs: npt.NDArray[np.float32]
    shares: npt.NDArray[np.float32]
    facts: Facts

    @property
    def is_predicted(self) -> npt.NDArray[np.bool_]:
        """Whether each character was predicted, shape (N,)."""
        return ~np.isnan(self.nats)


@dataclass(frozen=True)
class Passage:
    """A stretch of text with the surprise of its characters.

    For a model of documents, the text includes the separator after each document. Its first
    character carries the surprise of the end symbol; the others are not predicted.

    Attributes:
        text: N characters; for a model of bytes, one per byte.
        is_unknown: Whether the model does not know each character, shape (N,).
        surprise: Surprise of each character.
        num_bytes: Size of the predicted characters in UTF-8.
    """

    text: str
    is_unknown: npt.NDArray[np.bool_]
    surprise: Surprise
    num_bytes: int


def measure(reader: Reader, ids: Ids, num_best: int = 0) -> Surprise:
    """Read the next N characters of a text; measure their surprise, with K alternatives."""
    surprise = _nothing(len(ids), num_best)
    if reader.memory is None:
        _measure_networks(reader, ids, surprise)
        return surprise
    size = MAX_PROBS // reader.network.config.vocab_size
    for begin in range(0, len(ids), size):
        part = slice(begin, begin + size)
        _measure_all(reader, reader.memory, ids[part], _part(surprise, part))
    return surprise


def _measure_all(reader: Reader, memory: TextMemory, ids: Ids, surprise: Surprise) -> None:
    """Measure characters with the networks and then with the memory too."""
    size = reader.network.config.vocab_size
    expected = Expected(*(np.empty((len(ids), *more), np.float32) for more in ((size,), (), ())))

    def take(places: Places, log_probs: Array) -> None:
        found = expect(log_probs)
        for array, values in zip(expected, found, strict=True):
            array[places] = values
        surprise.nats_without_memory[places] = -log_probs[np.arange(len(places)), ids[places]]

    reader.read(ids, take)
    for part, evidence, weights in memory.follow(ids, expected):
        probs = expected.probs[part]
        chosen = np.take_along_axis(probs, ids[part, None], axis=1)[:, 0]
        surprise.nats[part] = -np.log(np.maximum(chosen, np.finfo(np.float32).tiny))
        surprise.is_likeliest[part] = probs.argmax(axis=1) == ids[part]
        if surprise.best_ids.shape[1]:
            _take_best(surprise, part, probs)
            by_networks = np.exp(-surprise.nats_without_memory[part]).astype(np.float32)
            explained = evidence.explain(ids[part], by_networks, weights)
            surprise.shares[part], surprise.facts[part] = explained


def _measure_networks(reader: Reader, ids: Ids, surprise: Surprise) -> None:
    """Measure characters with the networks alone."""

    def take(places: Places, log_probs: Array) -> None:
        targets = ids[places]
        nats = -log_probs[np.arange(len(places)), targets]
        surprise.nats[places] = surprise.nats_without_memory[places] = nats
        surprise.is_likeliest[places] = log_probs.argmax(axis=-1) == targets
        if surprise.best_ids.shape[1]:
            _take_best(surprise, places, np.exp(log_probs))

    reader.read(ids, take)


def _take_best(surprise: Surprise, places: Places | slice, probs: Array) -> None:
    """Keep the likeliest characters of some places, from probabilities of shape (n, V)."""
    num_best = surprise.best_ids.shape[1]
    best = np.argpartition(-probs, num_best - 1, axis=-1)[:, :num_best]
    order = np.argsort(-np.take_along_axis(probs, best, -1), axis=-1, kind="stable")
    best = np.take_along_axis(best, order, -1)
    surprise.best_ids[places] = best
    surprise.best_probs[places] = np.take_along_axis(probs, best, -1)


def measure_text(
    reader: Reader, vocabulary: Vocabulary, pieces: Iterable[DocumentChunk], num_best: int = 0
) -> Iterator[Passage]:
    """Measure a text, in which documents are marked, as its pieces arrive; see ``measure``.

    Unknown characters count as the unknown symbol. A model without that symbol skips them.

    Yields:
        The whole text in passages of at most about ``BLOCK_CHARS`` characters, with one separator
        after each document.
    """
    end = vocabulary.end_id
    if end is not None:
        measure(reader, np.array([end]))
    for block, ends in pieces:
        for start in range(0, max(len(block), 1), BLOCK_CHARS):
            stop = min(start + BLOCK_CHARS, len(block))
            text = block[start:stop]
            # The end of a document at the start of a stretch belongs to the stretch before.
            is_here = (ends <= stop) & ((ends > start) | (start == 0))
            ids = insert_ends(vocabulary.look_up(text), ends[is_here] - start, end)
            if len(ids):
                yield _measure_passage(reader, vocabulary, text, ids, num_best)


def measure_ids(
    reader: Reader, vocabulary: Vocabulary, ids: Ids, num_best: int = 0
) -> Iterator[Passage]:
    """Measure a text given as ids, shape (N,); see ``measure_text``."""
    end = vocabulary.end_id
    if end is not None:
        measure(reader, ids[:1])
        ids = ids[1:]
    for start in range(0, len(ids), BLOCK_CHARS):
        part = ids[start : start + BLOCK_CHARS].astype(np.int64)
        text = vocabulary.decode(part if end is None else part[part != end])
        yield _measure_passage(reader, vocabulary, text, part, num_best)


def _measure_passage(
    reader: Reader, vocabulary: Vocabulary, text: str, ids: Ids, num_best: int
) -> Passage:
    """Measure a stretch of text without separators, given its ids with end symbols; -1: unknown."""
    unknown, end, separator = vocabulary.unknown_id, vocabulary.end_id, vocabulary.separator
    is_unknown = (ids < 0) | (ids == (-1 if unknown is None else unknown))
    if unknown is not None:
        ids = np.where(is_unknown, unknown, ids)
    is_end = ids == (-2 if end is None else end)
    num_chars = np.where(is_end, len(separator), 1)  # an end is shown as a separator
    places = num_chars.cumsum() - num_chars
    num_bytes = np.ones(len(ids), np.int64)
    num_bytes[is_end] = len(vocabulary.to_bytes(separator))
    if not vocabulary.is_bytes:
        num_bytes[~is_end] = utf8_lengths(code_points(text))
    if is_end.any():
        ends = np.flatnonzero(is_end) - np.arange(is_end.sum())  # places in the text
        borders = [0, *ends.tolist(), len(text)]
        text = separator.join(text[a:b] for a, b in itertools.pairwise(borders))
    is_read = ids >= 0
    measured = measure(reader, ids[is_read], min(num_best, vocabulary.size))
    surprise = _spread(measured, places[is_read], len(text))
    shown_unknown = np.zeros(len(text), np.bool_)
    shown_unknown[places] = is_unknown
    predicted_bytes = int(num_bytes[surprise.is_predicted[places]].sum())
    return Passage(text, shown_unknown, surprise, predicted_bytes)


def _nothing(num_chars: int, num_best: int) -> Surprise:
    """Return the surprise of characters that were not predicted."""
    num_contexts = NUM_CONTEXTS if num_best else 0
    shares = np.zeros((num_chars, 1 + num_contexts if num_best else 0), np.float32)
    shares[:, :1] = 1  # of the networks, if there is no memory
    return Surprise(
        nats=np.full(num_chars, np.nan),
        nats_without_memory=np.full(num_chars, np.nan),
        is_likeliest=np.zeros(num_chars, np.bool_),
        best_ids=np.zeros((num_chars, num_best), np.int32),
        best_probs=np.zeros((num_chars, num_best), np.float32),
        shares=shares,
        facts=np.zeros((num_chars, num_contexts, 4), np.int32),
    )


def _spread(surprise: Surprise, places: Places, num_chars: int) -> Surprise:
    """Return the surprise of a longer text, given its places in that text, shape (N,)."""
    spread = _nothing(num_chars, surprise.best_ids.shape[1])
    for array, values in zip(_arrays(spread), _arrays(surprise), strict=True):
        array[places] = values
    return spread


def _part(surprise: Surprise, part: slice) -> Surprise:
    """Return a view of a part."""
    return Surprise(*(array[part] for array in _arrays(surprise)))


def _arrays(surprise: Surprise) -> list[npt.NDArray[Any]]:
    """Return the arrays of a surprise in the order of its attributes."""
    return [getattr(surprise, field.name) for field in fields(surprise)]
