"""What a user is told of a whole text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from charrnn.corpus.documents import cut_documents
from charrnn.corpus.store import Corpus, open_corpus
from charrnn.errors import TextError
from charrnn.evaluation.baselines import Baseline
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.score import NOTHING, Score, total
from charrnn.evaluation.surprise import Passage, measure_ids, measure_text
from charrnn.memory.copying import Novelty
from charrnn.model.predictor import Predictor as Network
from charrnn.text.vocabulary import Vocabulary
from charrnn.units import SCHEMA, finite_or_none


@dataclass(frozen=True)
class Evaluation:
    """The score of a text, and what it is set against.

    Attributes:
        score: The sums over the predicted characters.
        num_bytes: Their size in UTF-8.
        unknown: Characters of the text that the model never saw.
        yardsticks: What simpler predictors make of the same text.
        novelty: How much is copied from the training text, where the model has a sketch of it.
    """

    score: Score
    num_bytes: int
    unknown: int
    baselines: tuple[Baseline, ...] = ()
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
        found = {name: finite_or_none(value) for name, value in values.items()}
        more: dict[str, Any] = {}
        if self.baselines:
            more["yardsticks"] = [yardstick.to_json() for yardstick in self.baselines]
        if self.novelty is not None:
            more["novelty"] = self.novelty.to_json()
        return {"schema": SCHEMA, **found, **counts, **more}

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the numbers, then the yardsticks: name, value, and what else is to be said."""
        score = self.score
        values = [
            ("nats per character", f"{score.nats_per_char:.4f}"),
            ("bits per character", f"{score.bits_per_char:.4f}"),
            ("bits per byte", f"{score.bits_per_byte(self.num_bytes):.4f}"),
            ("perplexity", f"{score.perplexity:.3f}"),
            ("accuracy", f"{score.accuracy:.4f}"),
        ]
        counts = [
            ("characters", f"{score.chars:,}"),
            ("bytes", f"{self.num_bytes:,}"),
            ("unknown", f"{self.unknown:,}"),
        ]
        return [
            *((name, value, "") for name, value in values),
            *((name, value, "") for name, value in counts),
            *(yardstick.row() for yardstick in self.baselines),
            *([] if self.novelty is None else self.novelty.rows()),
        ]

    def lines(self) -> list[str]:
        """Return the numbers as a table for people, and the yardsticks below it."""
        rows = self.rows()
        width = max(len(name) for name, _, _ in rows) + 2
        return [f"{name:{width}}{value:>12}  {note}".rstrip() for name, value, note in rows]


class EvalTotals:
    """Adds up passages."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Begin with nothing."""
        self._vocabulary = vocabulary
        self._score = NOTHING
        self._num_bytes = 0
        self.unknown = 0

    def add(self, passage: Passage) -> None:
        """Add a passage."""
        self._score += total(passage.surprise)
        self.unknown += int(passage.is_unknown.sum())
        self._num_bytes += passage.num_bytes

    def unknown_note(self) -> str:
        """Return the line that says how characters were counted that the model never saw."""
        how = "left out" if self._vocabulary.unknown_id is None else "counted as the unknown symbol"
        return f"{self.unknown:,} characters that the model never saw are {how}"

    def evaluation(self) -> Evaluation:
        """Return the sums.

        Raises:
            TextError: If nothing was predicted.
        """
        if not self._score.chars:
            raise TextError(
                "the text has fewer than two characters that the model knows: nothing to predict"
            )
        return Evaluation(self._score, self._num_bytes, self.unknown)


def evaluate_text(network: Network, vocabulary: Vocabulary, blocks: Iterable[str]) -> Evaluation:
    """Evaluate a model on a text.

    A model of documents scores each document by itself, and that it ends. To another model the
    first character is given, not predicted. Characters that the model never saw count as its
    unknown symbol if it has one, and are left out if not.

    Args:
        network: The model.
        vocabulary: Its characters.
        blocks: The text, in parts.

    Raises:
        TextError: If there is no document, or fewer than two characters are known to the model.
    """
    totals = EvalTotals(vocabulary)
    reader = Reader(network, end_id=vocabulary.end_id)
    pieces = cut_documents(blocks, vocabulary.separator)
    for passage in measure_text(reader, vocabulary, pieces):
        totals.add(passage)
    return totals.evaluation()


def validation_corpus(vocabulary: Vocabulary, directory: Path) -> Corpus:
    """Return the text that a model was trained on, if a part of it validates.

    Args:
        vocabulary: The model's characters.
        directory: Its run directory, which holds the text.

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
    return corpus


def evaluate_corpus(network: Network, vocabulary: Vocabulary, directory: Path) -> Evaluation:
    """Evaluate a model on the validation part of the text that it was trained on.

    Args:
        network: The model.
        vocabulary: Its characters.
        directory: Its run directory, which holds the text.

    Raises:
        TextError: If the text is not there, or belongs to another model.
    """
    corpus = validation_corpus(vocabulary, directory)
    totals = EvalTotals(vocabulary)
    for passage in measure_ids(Reader(network, end_id=vocabulary.end_id), vocabulary, corpus.val):
        totals.add(passage)
    return replace(totals.evaluation(), num_bytes=corpus.val_bytes)
