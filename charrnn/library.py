"""The program as a library: ``load`` a model, let it write, let it score."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypedDict, Unpack

from charrnn.corpus.documents import cut_documents, insert_ends
from charrnn.errors import CheckpointError
from charrnn.evaluation.evaluate import evaluate_text
from charrnn.evaluation.score import Score
from charrnn.generation.generator import Generator, first_ids, sample_rng
from charrnn.generation.params import SamplingParams, StopCriteria
from charrnn.generation.results import Sample, collect
from charrnn.generation.updates import in_order
from charrnn.memory.copying import CopySearch, Novelty
from charrnn.model.checkpoint import Checkpoint, find_model, read_checkpoint
from charrnn.model.network import Network
from charrnn.model.predictor import make_predictor
from charrnn.text.vocabulary import OnUnknown, Vocabulary


class SamplingOptions(TypedDict, total=False):
    """How a model writes; every one may be left out.

    Attributes:
        temperature: 0 takes the likeliest character, 1 is the model as trained; several are taken
            in turn by the samples. 0.8 if not given.
        top_k: See ``SamplingParams``; the filters act before the temperature.
        top_p: See ``SamplingParams``.
        min_p: See ``SamplingParams``.
        repeat_penalty: See ``SamplingParams``.
        repeat_last_n: See ``SamplingParams``.
        length: How many characters at the most; None for no end. 500 if not given.
        stop: Texts before which the text ends.
        match: A regular expression that the whole text matches; it ends where it matches and the
            model would go on with what does not.
        on_unknown: What to do with a character of the prompt that the model never saw: ``error``,
            which is the default, ``skip`` or ``replace``.
    """

    temperature: float | Sequence[float]
    top_k: int
    top_p: float
    min_p: float
    repeat_penalty: float
    repeat_last_n: int
    length: int | None
    stop: Sequence[str]
    match: str | None
    on_unknown: OnUnknown


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
        checkpoint = self.checkpoint
        return make_predictor(checkpoint.config, checkpoint.arrays, checkpoint.counts)

    def stream(
        self, prompt: str = "", *, seed: int | None = None, **options: Unpack[SamplingOptions]
    ) -> Iterator[str]:
        """Yield what the model writes after a prompt, one character at a time.

        A model of documents writes one and ends.

        Args:
            prompt: What it reads first; not part of the result.
            seed: 0 or more; the same seed gives the same text. None for a random one.
            **options: See ``SamplingOptions``.

        Raises:
            ConfigError: If an option is out of range.
            UnknownCharacterError: If the prompt has a character that the model never saw, with
                ``on_unknown="error"``.
        """
        generator = self.generator(prompt, **options)
        pieces = generator.write(partial(sample_rng, random_seed() if seed is None else seed))
        return (drawn.character for piece in pieces for drawn in piece.drawn)

    def sample(
        self, prompt: str = "", *, seed: int | None = None, **options: Unpack[SamplingOptions]
    ) -> str:
        """Return what the model writes after a prompt; see ``stream``.

        Of a model of bytes the text is what they mean in UTF-8, with U+FFFD where they do not.
        """
        text = "".join(self.stream(prompt, seed=seed, **options))
        return self.vocabulary.to_bytes(text).decode("utf-8", "replace")

    def samples(
        self,
        prompt: str = "",
        *,
        num_samples: int = 1,
        seed: int | None = None,
        logprobs: int = 0,
        **options: Unpack[SamplingOptions],
    ) -> Iterator[Sample]:
        """Yield several texts that the model writes after one prompt, in order.

        They are computed together. Each is the same whatever the number of samples; the first is
        what ``sample`` returns.

        Args:
            prompt: What it reads first; not part of the texts.
            num_samples: How many, for each temperature; samples take the temperatures in turn.
            seed: See ``stream``.
            logprobs: How many of the likeliest characters are told with each drawn one.
            **options: See ``SamplingOptions``.

        Raises:
            ConfigError: If an option is out of range.
            UnknownCharacterError: See ``stream``.
        """
        generator = self.generator(prompt, num_best=logprobs, **options)
        seed = random_seed() if seed is None else seed
        temperatures = generator.params.temperatures
        pieces = generator.write(partial(sample_rng, seed), num_samples * len(temperatures))
        return collect(
            in_order(pieces), self.vocabulary, prompt=prompt, seed=seed, temperatures=temperatures
        )

    def generator(
        self, prompt: str = "", *, num_best: int | None = None, **options: Unpack[SamplingOptions]
    ) -> Generator:
        """Return the model with a prompt read, ready to write; see ``samples`` and ``Generator``.

        Raises:
            ConfigError: If an option is out of range.
            UnknownCharacterError: See ``stream``.
        """
        params, ending = chosen(**options)
        return Generator(
            self.network,
            self.vocabulary,
            first_ids(self.vocabulary, prompt, options.get("on_unknown", "error")),
            params=params,
            ending=ending,
            num_best=num_best,
        )

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


def chosen(**options: Unpack[SamplingOptions]) -> tuple[SamplingParams, StopCriteria]:
    """Return what was chosen of drawing and of ending, checked.

    Raises:
        ConfigError: If an option is out of range.
    """
    values: dict[str, Any] = dict(options)
    values.pop("on_unknown", None)
    ending = {name: values.pop(name) for name in ("length", "stop", "match") if name in values}
    if "stop" in ending:
        ending["stop"] = tuple(ending["stop"])
    if "temperature" in values:
        given = values.pop("temperature")
        values["temperatures"] = (given,) if isinstance(given, int | float) else tuple(given)
    return SamplingParams(**values), StopCriteria(**ending)


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
