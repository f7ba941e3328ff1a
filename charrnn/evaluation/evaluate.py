"""Run an evaluation: read texts with a model, show them to views, add up their surprise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from charrnn.corpus.documents import cut_documents
from charrnn.errors import TextError
from charrnn.evaluation.inputs import Texts
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.report import Evaluation
from charrnn.evaluation.score import NOTHING, total
from charrnn.evaluation.surprise import Passage, measure_text
from charrnn.memory.memory import Memory
from charrnn.model.predictor import Predictor
from charrnn.text.vocabulary import Vocabulary


class View:
    """Shows texts while they are read. This one shows nothing.

    Attributes:
        num_best: Alternatives that the view shows for each character; read before each text.
        per_file: Whether each file is a text of its own; otherwise all files form one text.
    """

    num_best = 0
    per_file = True

    def begin(self, name: str) -> None:
        """Begin a text with this name."""

    def take(self, passage: Passage) -> None:
        """Show the next passage of the text."""

    def end_text(self) -> None:
        """End the text."""

    def end(self, run: EvaluationRun) -> None:
        """Show the summary after the last text."""


class EvaluationRun:
    """Evaluates a model on texts."""

    def __init__(
        self, network: Predictor, vocabulary: Vocabulary, texts: Texts, memory: Memory | None = None
    ) -> None:
        """Prepare to read texts with a model, its vocabulary and its memory."""
        self._network = network
        self._memory = memory
        self._vocabulary = vocabulary
        self._texts = texts
        self._totals = EvalTotals()

    def run(self, views: Sequence[View], notice: Callable[[str], None]) -> None:
        """Read all texts and show each passage to the views.

        A notice says if the model does not know some of the characters.

        Raises:
            TextError: If a text cannot be read, or a view wants a summary and nothing was
                predicted.
        """
        for number, name in enumerate(self._texts.names):
            for view in views:
                view.begin(name)
            num_best = max((view.num_best for view in views), default=0)
            reader = Reader(self._network, end_id=self._vocabulary.end_id, memory=self._memory)
            for passage in self._texts.passages(number, reader, num_best):
                self._totals.add(passage)
                for view in views:
                    view.take(passage)
            for view in views:
                view.end_text()
        if self._totals.unknown:
            has_symbol = self._vocabulary.unknown_id is not None
            how = "counted as the unknown symbol" if has_symbol else "left out"
            notice(f"{self._totals.unknown:,} characters that the model does not know are {how}")
        for view in views:
            view.end(self)

    @cached_property
    def summary(self) -> Evaluation:
        """The numbers of all texts, with baselines, computed when a view first asks.

        Raises:
            TextError: If nothing was predicted.
        """
        return self._texts.complete(self._totals.evaluation())


class EvalTotals:
    """Adds up passages."""

    def __init__(self) -> None:
        """Start at zero."""
        self._score = NOTHING
        self._num_bytes = 0
        self.unknown = 0

    def add(self, passage: Passage) -> None:
        """Add a passage."""
        self._score += total(passage.surprise)
        self.unknown += int(passage.is_unknown.sum())
        self._num_bytes += passage.num_bytes

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


def evaluate_text(
    network: Predictor,
    vocabulary: Vocabulary,
    blocks: Iterable[str],
    memory: Memory | None = None,
) -> Evaluation:
    """Evaluate a model on a text that arrives in blocks.

    A model of documents scores each document, and its end, from a fresh state. For any other model
    the first character is given, not predicted. Unknown characters count as the unknown symbol; a
    model without that symbol skips them.

    Raises:
        TextError: If there is no document, or the model knows fewer than two characters.
    """
    totals = EvalTotals()
    reader = Reader(network, end_id=vocabulary.end_id, memory=memory)
    for passage in measure_text(reader, vocabulary, cut_documents(blocks, vocabulary.separator)):
        totals.add(passage)
    return totals.evaluation()
