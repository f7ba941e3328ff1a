"""A model and a text to look at: the questions, each one method.

Sizes: K networks, T characters read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from charrnn.errors import ConfigError
from charrnn.evaluation.inputs import validation_corpus
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.surprise import Surprise, measure
from charrnn.insight.errors import Kind, split_loss
from charrnn.insight.features import find_features
from charrnn.insight.following import Search, find_units
from charrnn.insight.moved import moved_by
from charrnn.insight.prediction import Candidate, candidates, run_to
from charrnn.insight.reach import Reach, measure_reach
from charrnn.insight.reading import GateUse, Progress, Reading, read_units, silent
from charrnn.insight.text import Text, make_text, text_of_ids
from charrnn.insight.watch import Watched
from charrnn.insight.written import can_add_up, written
from charrnn.memory.memory import Memory
from charrnn.model.checkpoint import Checkpoint
from charrnn.model.predictor import Predictor
from charrnn.model.units import Unit

GATE_CHARS = 20_000  # are enough for the means of gates

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """One prediction taken apart.

    Attributes:
        place: The place in the text.
        candidates: The character that stands there, then the likeliest others.
        written: What each of the last T characters wrote for this one and against the likeliest
            other, in logits of each network, shape (K, T); None where that does not add up.
        biases: The difference of the biases, shape (K,); likewise.
        moved: How much each of the last characters moved this one against the likeliest other, in
            nats; see ``charrnn.insight.moved``.
    """

    place: int
    candidates: list[Candidate]
    written: Floats | None
    biases: Floats | None
    moved: Floats

    @property
    def rank(self) -> int:
        """1 if the character is the likeliest, 2 if one other is likelier, and so on."""
        first, *others = self.candidates
        return 1 + sum(other.prob > first.prob for other in others)


@dataclass(frozen=True)
class Overview:
    """What a model does on a text as a whole.

    Attributes:
        kinds: Its loss by kinds of characters.
        kinds_without_memory: The loss of the networks alone, likewise.
        gates: The gates of each layer.
    """

    kinds: list[Kind]
    kinds_without_memory: list[Kind]
    gates: list[GateUse]


def look_at(
    checkpoint: Checkpoint,
    predictor: Predictor,
    memory: Memory | None,
    text: str | Text | None,
    directory: Path,
) -> "Look":
    """Return a look at a text, or at the validation part of the training text in a run directory.

    Raises:
        TextError: If the text is missing, or has fewer than two characters that the model knows.
    """
    vocabulary = checkpoint.vocabulary
    if text is None:
        text = text_of_ids(vocabulary, validation_corpus(vocabulary, directory).val)
    elif isinstance(text, str):
        text = make_text(vocabulary, text)
    return Look(checkpoint, predictor, memory, text)


class Look:
    """A model and a text."""

    def __init__(
        self, checkpoint: Checkpoint, predictor: Predictor, memory: Memory | None, text: Text
    ) -> None:
        """Take a model, ready to run, with its memory or without, and a text."""
        self.checkpoint = checkpoint
        self.text = text
        self._predictor = predictor
        self._memory = memory
        self._watched = Watched(checkpoint.config, checkpoint.arrays)

    def measured(self, num_best: int = 0) -> Surprise:
        """Measure the surprise of each place, with alternatives and parts if asked for."""
        end_id = self.text.end_id if self.text.first else None
        reader = Reader(self._predictor, end_id=end_id, memory=self._memory)
        size = self.checkpoint.vocabulary.size
        return measure(reader, self.text.ids, min(num_best, size))

    def find(self, words: str) -> int:
        """Return the place of the last character of the first stretch that reads like this.

        Raises:
            ConfigError: If there is none, or the character is not predicted.
        """
        text, sought = self.text, self.checkpoint.vocabulary.from_user(words)
        found = text.shown.find(sought, text.first) if sought else -1
        if found < 0:
            raise ConfigError(f"`find`: the text has no {words!r}")
        return text.place(text.number(found + len(sought) - 1))

    def prediction(self, place: int) -> Prediction:
        """Take the prediction of the character at a place apart."""
        checkpoint, run = self.checkpoint, run_to(self._watched, self.text, place)
        found = candidates(self._memory, self.text, place, run)
        pair = found[0].id, found[min(1, len(found) - 1)].id
        steps = biases = None
        if can_add_up(checkpoint.config):
            steps, biases = written(checkpoint.config, checkpoint.arrays, run, *pair)
        moved = moved_by(self._predictor, run, *pair)
        return Prediction(place, found, steps, biases, moved)

    def read_units(self, text: Text, watched: Sequence[Unit] = ()) -> Reading:
        """Read another text; see ``charrnn.insight.reading.read_units``."""
        return read_units(self._watched, text, watched=watched)

    def reach(self, progress: Progress = silent) -> Reach:
        """Measure how far back the model looks; see ``measure_reach``."""
        return measure_reach(self._predictor, self._memory, self.text, progress)

    def gates(self) -> list[GateUse]:
        """Return how the gates of each layer are used at the start of the text."""
        part = self.text.part(0, GATE_CHARS)
        return read_units(self._watched, part, keep=False).gates

    def units(self, patterns: Sequence[str] = (), progress: Progress = silent) -> Search:
        """Find units that follow features of the text or a pattern; see ``find_units``."""
        features = find_features(self.text.shown, tuple(patterns))
        checkpoint = self.checkpoint
        return find_units(checkpoint.config, checkpoint.arrays, self.text, features, progress)

    def overview(self, progress: Progress = silent) -> Overview:
        """Split the loss by kinds of characters, and tell how the gates are used."""
        surprise, index = self.measured(), self.checkpoint.index
        progress(0.8)
        kinds = split_loss(self.text, surprise.nats, index)
        bare = split_loss(self.text, surprise.nats_without_memory, index)
        return Overview(kinds, bare, self.gates())
