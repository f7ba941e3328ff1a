"""A text or a corpus to the numbers that a user is told."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import TextError
from charrnn.evaluation.novelty import CopySearch, Novelty
from charrnn.evaluation.scoring import Score, score
from charrnn.model.network import Network
from charrnn.text.corpus import open_corpus
from charrnn.text.documents import Piece, cut_documents, insert_ends
from charrnn.text.sketch import Sketch
from charrnn.text.vocabulary import Ids, Vocabulary, smallest_dtype

SCHEMA = 1


@dataclass(frozen=True)
class Evaluation:
    """The score of a text, and what it is set against.

    Attributes:
        score: The sums over the predicted characters.
        num_bytes: Their size in UTF-8.
        unknown: Characters of the text that the model never saw.
        novelty: How much is copied from the training text, where the model has a sketch of it.
    """

    score: Score
    num_bytes: int
    unknown: int
    novelty: Novelty | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as one object."""
        values = {
            "nats_per_char": self.score.nats_per_char,
            "bits_per_char": self.score.bits_per_char,
            "bits_per_byte": self.score.bits_per_byte(self.num_bytes),
            "perplexity": self.score.perplexity,
            "accuracy": self.score.accuracy,
        }
        counts = {"chars": self.score.chars, "bytes": self.num_bytes, "unknown": self.unknown}
        finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
        novelty = {} if self.novelty is None else {"novelty": self.novelty.to_json()}
        return {"schema": SCHEMA, **finite, **counts, **novelty}

    def lines(self) -> list[str]:
        """Return the numbers as a table for people."""
        score = self.score
        return [
            f"nats per character  {score.nats_per_char:12.4f}",
            f"bits per character  {score.bits_per_char:12.4f}",
            f"bits per byte       {score.bits_per_byte(self.num_bytes):12.4f}",
            f"perplexity          {score.perplexity:12.3f}",
            f"accuracy            {score.accuracy:12.4f}",
            f"characters          {score.chars:12,}",
            f"bytes               {self.num_bytes:12,}",
            f"unknown             {self.unknown:12,}",
            *([] if self.novelty is None else self.novelty.lines()),
        ]

    def unknown_note(self, vocabulary: Vocabulary) -> str:
        """Return the line that says how characters were counted that the model never saw."""
        how = "are left out" if vocabulary.unknown_id is None else "count as the unknown symbol"
        return f"{self.unknown:,} characters that the model never saw {how}"


def evaluate_text(network: Network, vocabulary: Vocabulary, blocks: Iterable[str]) -> Evaluation:
    """Evaluate a model on one text; see ``evaluate_pieces``.

    Args:
        network: The model.
        vocabulary: Its characters.
        blocks: The text, in parts.
    """
    return evaluate_pieces(network, vocabulary, cut_documents(blocks, vocabulary.separator))


def evaluate_pieces(
    network: Network,
    vocabulary: Vocabulary,
    pieces: Iterable[Piece],
    sketch: Sketch | None = None,
) -> Evaluation:
    """Evaluate a model on texts.

    A model of documents scores each document by itself, and that it ends. To another model the
    first character is given, not predicted. Characters that the model never saw count as its
    unknown symbol if it has one, and are left out if not.

    Args:
        network: The model.
        vocabulary: Its characters.
        pieces: The texts in parts, cut into documents by the separator of the vocabulary.
        sketch: Of the text that the model was trained on, to find copies of it.

    Raises:
        TextError: If there is no document, or fewer than two characters are known to the model.
    """
    dtype, end = smallest_dtype(vocabulary.size), vocabulary.end_id
    parts = [np.full(int(end is not None), end or 0, dtype)]
    unknown = num_bytes = first_bytes = 0
    search = None if sketch is None else CopySearch(sketch)
    for block, ends in pieces:
        ids = vocabulary.look_up(block)
        if search is not None:
            search.read(insert_ends(ids, ends, end))
        missing = ids < 0
        unknown += int(missing.sum())
        num_bytes += len(ends) * len(vocabulary.to_bytes(vocabulary.separator))
        if vocabulary.unknown_id is None:
            ids = ids[~missing]
            ends = ends - np.insert(missing.cumsum(), 0, 0)[ends]
            num_bytes += int(vocabulary.byte_lengths[ids].sum())
            first_bytes = first_bytes or int(vocabulary.byte_lengths[ids[:1]].sum())
        else:
            ids[missing] = vocabulary.unknown_id
            num_bytes += len(vocabulary.to_bytes(block))
            first_bytes = first_bytes or len(vocabulary.to_bytes(block[:1]))
        parts.append(insert_ends(ids, ends, end).astype(dtype))
    ids = np.concatenate(parts)
    if len(ids) < 2:
        raise TextError(
            "the text has fewer than two characters that the model knows: nothing to predict"
        )
    if end is not None:
        first_bytes = 0
    novelty = None if search is None else search.result()
    found = score(network, ids, end_id=end)
    return Evaluation(found, num_bytes - first_bytes, unknown, novelty)


def evaluate_corpus(
    network: Network, vocabulary: Vocabulary, directory: Path, sketch: Sketch | None = None
) -> Evaluation:
    """Evaluate a model on the validation part of the text that it was trained on.

    Args:
        network: The model.
        vocabulary: Its characters.
        directory: Its run directory, which holds the text.
        sketch: Of the training part of that text, to find copies of it in the other.

    Raises:
        TextError: If the text is not there, or belongs to another model.
    """
    corpus = open_corpus(directory)
    if corpus.vocabulary != vocabulary:
        raise TextError(
            f"{str(directory)!r}: the text beside the model is not the one it was trained on; "
            "give a file to evaluate"
        )
    if len(corpus.val) < 2:
        raise TextError(
            f"{str(directory)!r}: the model was trained without a validation text; "
            "give a file to evaluate"
        )
    unknown = _count(corpus.val[1:], vocabulary.unknown_id)
    novelty = None
    if sketch is not None:
        search = CopySearch(sketch, vocabulary.unknown_id)
        search.read(corpus.val)
        novelty = search.result()
    found = score(network, corpus.val, end_id=vocabulary.end_id)
    return Evaluation(found, corpus.val_bytes, unknown, novelty)


def _count(ids: Ids, wanted: int | None) -> int:
    """Return how often an id occurs."""
    return 0 if wanted is None else int((ids == wanted).sum())
