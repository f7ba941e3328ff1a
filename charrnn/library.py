"""The program as a library: ``load`` a model, let it write, let it score."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from charrnn.errors import CheckpointError, TextError
from charrnn.evaluation.novelty import CopySearch, Novelty
from charrnn.evaluation.report import evaluate_text
from charrnn.evaluation.scoring import Score, score
from charrnn.generation.generator import generate, sample_rng
from charrnn.model.checkpoint import Checkpoint, find_model, read_checkpoint
from charrnn.model.ensemble import make_network
from charrnn.model.network import Network
from charrnn.text.documents import cut_documents, insert_ends
from charrnn.text.vocabulary import Ids, OnUnknown, Vocabulary


@dataclass(frozen=True)
class Model:
    """A trained model, ready to write and to score.

    Attributes:
        checkpoint: What the model file holds.
    """

    checkpoint: Checkpoint

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters of the model."""
        return self.checkpoint.vocabulary

    @cached_property
    def network(self) -> Network:
        """The network that runs."""
        return make_network(self.checkpoint.config, self.checkpoint.arrays)

    def stream(
        self,
        prompt: str = "",
        *,
        temperature: float = 0.8,
        length: int | None = 500,
        seed: int | None = None,
        on_unknown: OnUnknown = "error",
    ) -> Iterator[str]:
        """Yield what the model writes after a prompt, one character at a time.

        A model of documents writes one and ends.

        Args:
            prompt: What it reads first; not part of the result.
            temperature: 0 takes the likeliest character, 1 is the model as trained.
            length: How many characters at the most; None for no limit.
            seed: 0 or more; the same seed gives the same text. None for a random one.
            on_unknown: What to do with a character of the prompt that the model never saw:
                ``error``, ``skip`` or ``replace``.

        Raises:
            ValueError: If the temperature is negative or not finite.
            UnknownCharacterError: If there is such a character, with ``error``.
        """
        if not (math.isfinite(temperature) and temperature >= 0):
            raise ValueError(f"the temperature {temperature} is not a number of 0 or more")
        return generate(
            self.network,
            self.vocabulary,
            prompt,
            temperature=temperature,
            rng=sample_rng(random_seed() if seed is None else seed),
            length=length,
            on_unknown=on_unknown,
        )

    def sample(
        self,
        prompt: str = "",
        *,
        temperature: float = 0.8,
        length: int = 500,
        seed: int | None = None,
        on_unknown: OnUnknown = "error",
    ) -> str:
        """Return what the model writes after a prompt; see ``stream``.

        Of a model of bytes the text is what they mean in UTF-8, with U+FFFD where they do not.
        """
        text = "".join(
            self.stream(
                prompt, temperature=temperature, length=length, seed=seed, on_unknown=on_unknown
            )
        )
        if self.vocabulary.is_bytes:
            return self.vocabulary.to_bytes(text).decode("utf-8", "replace")
        return text

    def score(self, text: str) -> Score:
        """Score a text: how surprising is each character after those before it?

        A model of documents cuts the text into those and scores each by itself, and that it ends.
        To another model the first character is given, not predicted. Characters that the model
        never saw count as its unknown symbol if it has one, and are left out if not.

        Raises:
            TextError: If there is no document, or fewer than two characters of the text are known
                to the model.
        """
        vocabulary = self.vocabulary
        return evaluate_text(self.network, vocabulary, [vocabulary.from_user(text)]).score

    def copy_search(self) -> CopySearch:
        """Return a search for what a text has copied from the one that the model was trained on.

        Raises:
            CheckpointError: If the model has no sketch of that text.
        """
        if self.checkpoint.sketch is None:
            raise CheckpointError(
                "this model has no sketch of its training text, which was too short for one; "
                "what is copied cannot be told"
            )
        return CopySearch(self.checkpoint.sketch)

    def novelty(self, text: str) -> Novelty:
        """Tell how much of a text is copied from the one that the model was trained on.

        Raises:
            CheckpointError: If the model has no sketch of that text.
        """
        search = self.copy_search()
        vocabulary = self.vocabulary
        for part, ends in cut_documents([vocabulary.from_user(text)], vocabulary.separator):
            search.read(insert_ends(vocabulary.look_up(part), ends, vocabulary.end_id))
        return search.result()

    def score_ids(self, ids: Ids, *, num_streams: int | None = None) -> Score:
        """Score a text that is ids already, shape (N,); see ``score``.

        Args:
            ids: The text; of documents as ``charrnn.text.documents`` says.
            num_streams: How many parts of the text are read side by side; 1 is exact, None is fast.
        """
        if len(ids) < 2:
            raise TextError(
                "the text has fewer than two characters that the model knows: nothing to predict"
            )
        return score(self.network, ids, num_streams=num_streams, end_id=self.vocabulary.end_id)


def load(path: str | Path | None = None) -> Model:
    """Load a model.

    Args:
        path: A model file or a run directory; None for ``$CHARRNN_MODEL``, or else the run below
            ``./runs`` that was trained last.

    Raises:
        CheckpointError: If there is none, or it is damaged.
    """
    return Model(read_checkpoint(find_model(None if path is None else str(path))))


def random_seed() -> int:
    """Return a seed that nobody chose, short enough to type again."""
    return int.from_bytes(os.urandom(4), "little")
