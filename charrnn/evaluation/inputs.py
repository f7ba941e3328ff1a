"""What is evaluated: files that a user named, or the validation part of the training text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from charrnn.corpus.decode import Decoding
from charrnn.corpus.documents import DocumentChunk, insert_ends, read_chunks
from charrnn.corpus.open import Limit, Notice
from charrnn.corpus.store import Corpus
from charrnn.evaluation.baselines import (
    MAX_MEASURED,
    text_baselines,
    validation_baselines,
)
from charrnn.evaluation.reader import Predictor
from charrnn.evaluation.report import Evaluation
from charrnn.evaluation.surprise import Passage, measure_ids, measure_text
from charrnn.memory.copying import CopySearch
from charrnn.memory.sketch import Sketch
from charrnn.text.vocabulary import Vocabulary


class Texts(Protocol):
    """Texts to evaluate, each to be read from its start."""

    @property
    def names(self) -> Sequence[str]:
        """What each is called."""

    def passages(self, number: int, predictor: Predictor, num_best: int) -> Iterator[Passage]:
        """Read one of them with a predictor that has read nothing yet; see ``measure_text``."""

    def complete(self, evaluation: Evaluation) -> Evaluation:
        """Return the numbers of all of them, once they were read, with yardsticks."""


class FileTexts:
    """Files, as one text or each by itself."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        files: Sequence[str],
        decoding: Decoding,
        notice: Notice,
        limit: Limit | None = None,
        sketch: Sketch | None = None,
        *,
        apart: bool,
    ) -> None:
        """Take what to read.

        Args:
            vocabulary: The characters of the model.
            files: Paths, or ``-``.
            decoding: How bytes become characters; a model of bytes reads bytes.
            notice: Called with one line on what a user should know of a text.
            limit: How many bytes may be read; None for all.
            sketch: Of the text that the model was trained on, to find copies of it.
            apart: Whether each file is a text of its own.
        """
        self._vocabulary = vocabulary
        decoding = replace(decoding, nfc=vocabulary.nfc)
        self._decoding = Decoding(is_bytes=True) if vocabulary.is_bytes else decoding
        self._notice = notice
        self._limit = limit or Limit()
        self._search = None if sketch is None else CopySearch(sketch)
        self._groups = [[file] for file in files] if apart else [list(files)]
        self.names = [", ".join(group) for group in self._groups]
        self._beginning = ""  # of the first text, for the yardsticks

    def passages(self, number: int, predictor: Predictor, num_best: int) -> Iterator[Passage]:
        """Read one of them; see ``Texts``."""
        separator = self._vocabulary.separator
        pieces = read_chunks(
            self._groups[number], self._decoding, separator, self._notice, self._limit
        )
        pieces = self._searched(pieces)
        for passage in measure_text(predictor, self._vocabulary, pieces, num_best):
            self._beginning += passage.text[: MAX_MEASURED - len(self._beginning)]
            yield passage

    def complete(self, evaluation: Evaluation) -> Evaluation:
        """Set the numbers beside what the texts alone make likely; see ``Texts``."""
        baselines = text_baselines(self._vocabulary, self._beginning)
        novelty = None if self._search is None else self._search.result()
        return replace(evaluation, baselines=baselines, novelty=novelty)

    def _searched(self, pieces: Iterator[DocumentChunk]) -> Iterator[DocumentChunk]:
        """Yield the pieces of a text, each after it was searched for copies."""
        vocabulary = self._vocabulary
        for piece in pieces:
            if self._search is not None:
                ids = vocabulary.look_up(piece.text)
                self._search.read(insert_ends(ids, piece.ends, vocabulary.end_id))
            yield piece


@dataclass(frozen=True)
class ValidationText:
    """The validation part of the text that the model was trained on."""

    corpus: Corpus
    sketch: Sketch | None = None
    names: Sequence[str] = ("validation text",)

    def passages(self, number: int, predictor: Predictor, num_best: int) -> Iterator[Passage]:
        """Read it; see ``Texts``."""
        del number
        return measure_ids(predictor, self.corpus.vocabulary, self.corpus.val, num_best)

    def complete(self, evaluation: Evaluation) -> Evaluation:
        """Set the numbers beside what the training text makes likely; see ``Texts``."""
        corpus = self.corpus
        baselines = validation_baselines(corpus.vocabulary, corpus.train, corpus.val)
        novelty = None
        if self.sketch is not None:
            search = CopySearch(self.sketch, corpus.vocabulary.unknown_id)
            search.read(corpus.val)
            novelty = search.result()
        return replace(evaluation, num_bytes=corpus.val_bytes, baselines=baselines, novelty=novelty)
