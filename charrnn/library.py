"""The program as a library: load a model, sample from it, score text with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from charrnn.errors import CheckpointError, ConfigError
from charrnn.generation.chunks import Chunks, in_order
from charrnn.generation.generator import Generator, prompt_ids, random_seed, sample_rng
from charrnn.generation.new_documents import only_new
from charrnn.generation.options import SamplingOptions, split_options
from charrnn.generation.params import StopCriteria
from charrnn.generation.results import Sample, collect
from charrnn.memory.copying import CopySearch, Novelty
from charrnn.memory.index import Index
from charrnn.memory.memory import Memory
from charrnn.model.checkpoint import Checkpoint, read_checkpoint
from charrnn.model.find import find_model
from charrnn.model.predictor import Predictor
from charrnn.model.units import hold_units
from charrnn.text.vocabulary import Vocabulary

if TYPE_CHECKING:  # sampling starts sooner without these
    from charrnn.corpus.decode import Decoding
    from charrnn.corpus.open import Limit, Notice
    from charrnn.evaluation.evaluate import EvaluationRun, View
    from charrnn.evaluation.score import Score
    from charrnn.insight.look import Look
    from charrnn.insight.text import Text
    from charrnn.render.rows import CharRow
    from charrnn.render.write.pack import Precision
    from charrnn.render.write.page import WritingPage


@dataclass(frozen=True)
class Model:
    """A trained model, ready to sample and to score.

    Attributes:
        checkpoint: The contents of the model file.
        path: The model file; None for a model that was not loaded from one.
    """

    checkpoint: Checkpoint
    path: Path | None = None

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters of the model."""
        return self.checkpoint.vocabulary

    @cached_property
    def network(self) -> Predictor:
        """The network in NumPy."""
        return Predictor(self.checkpoint.config, self.checkpoint.arrays)

    @cached_property
    def memory(self) -> Memory:
        """What the model remembers of its training text, and how it weighs what it reads."""
        return Memory(self.vocabulary, self.checkpoint.index)

    def stream(
        self, prompt: str = "", *, seed: int | None = None, **options: Unpack[SamplingOptions]
    ) -> Iterator[str]:
        """Yield a text that continues a prompt, one character at a time.

        A model of documents writes one document. The same seed, 0 or more, gives the same text;
        None is a random one.

        Raises:
            ConfigError: If an option is out of range.
            UnknownCharacterError: If the prompt has a character that the model never saw, with
                ``on_unknown="error"``.
        """
        chunks = self.chunks(prompt, seed=random_seed() if seed is None else seed, **options)
        return (character for chunk in chunks for character in chunk.text)

    def sample(
        self, prompt: str = "", *, seed: int | None = None, **options: Unpack[SamplingOptions]
    ) -> str:
        """Return a text that continues a prompt; see ``stream``.

        The bytes of a model of bytes are decoded as UTF-8, invalid ones as U+FFFD.
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
        new: bool = False,
        **options: Unpack[SamplingOptions],
    ) -> Iterator[Sample]:
        """Yield several texts that continue one prompt, in order, each when it is complete.

        They are computed together, ``num_samples`` for each temperature. Sample i of a seed is the
        same however many you ask for; sample 0 is what ``sample`` returns. As many of the likeliest
        characters as ``logprobs`` says are recorded with each drawn one. ``new`` leaves out
        documents that stand in the training text or were written before.

        Raises:
            CheckpointError: If an option needs an index of the training text that the model lacks.
            ConfigError: If an option is out of range, or the first text would never end.
            UnknownCharacterError: See ``stream``.
        """
        params, criteria = split_options(**options)
        self._check_end(criteria)
        seed = random_seed() if seed is None else seed
        chunks = self.chunks(
            prompt, num_samples=num_samples, seed=seed, logprobs=logprobs, new=new, **options
        )
        return collect(
            chunks, self.vocabulary, prompt=prompt, seed=seed, temperatures=params.temperatures
        )

    def chunks(
        self,
        prompt: str = "",
        *,
        seed: int,
        num_samples: int = 1,
        logprobs: int | None = None,
        new: bool = False,
        **options: Unpack[SamplingOptions],
    ) -> Chunks:
        """Yield the texts of ``samples`` in order, in chunks as they are drawn.

        ``logprobs`` is None to record no probabilities. For all other arguments and errors see
        ``samples``; any text but the last must end.
        """
        params, criteria = split_options(**options)
        if num_samples < 1:
            raise ConfigError(f"`num_samples`: {num_samples} is out of range; give 1 or more")
        if seed < 0:
            raise ConfigError(f"`seed`: {seed} is out of range; give 0 or more")
        quotas = [num_samples] * len(params.temperatures)
        if sum(quotas) > 1:
            self._check_end(criteria)
        if new and self.vocabulary.end_id is None:
            raise ConfigError("`new`: the model was not trained on documents")
        index = self._index() if new or criteria.max_copy is not None else None
        ids = prompt_ids(self.vocabulary, prompt, options.get("on_unknown", "error"))
        network = self.network
        if held := options.get("held"):
            model = self.checkpoint
            network = Predictor(model.config, model.arrays, hold_units(model.config, held))
        generator = Generator(
            network,
            self.vocabulary,
            ids,
            params=params,
            criteria=criteria,
            num_best=logprobs,
            index=index,
            memory=self.memory if options.get("memory", True) else None,
        )
        write = partial(generator.write, partial(sample_rng, seed))
        if not new or index is None:
            return in_order(write(sum(quotas)))
        return only_new(in_order(write(sys.maxsize)), index, self.vocabulary, ids, quotas)

    def _check_end(self, criteria: StopCriteria) -> None:
        """Refuse criteria by which a text never ends."""
        if criteria.is_endless and self.vocabulary.end_id is None:
            raise ConfigError("`length`: without a limit, this needs `stop` or `match`")

    def score(self, text: str) -> Score:
        """Score a text: how surprising is each character after the ones before it?

        A model of documents scores each document independently, its end included. For any other
        model the first character is given, not predicted. Characters that the model never saw count
        as its unknown symbol if it has one, and are skipped otherwise.

        Raises:
            TextError: If the text has no document, or fewer than two characters that the model
                knows.
        """
        from charrnn.evaluation.evaluate import evaluate_text

        vocabulary = self.vocabulary
        blocks = [vocabulary.from_user(text)]
        return evaluate_text(self.network, vocabulary, blocks, self.memory).score

    def explain(self, text: str, num_best: int = 5) -> Iterator[CharRow]:
        """Yield each character of a text with its surprise, the alternatives, and what foresaw it.

        See ``CharRow``; for the text, ``score``.
        """
        from charrnn.render.rows import char_rows

        return char_rows(self.network, self.vocabulary, self.memory, text, num_best)

    def look(self, text: str | Text | None = None, *, memory: bool = True) -> Look:
        """Look inside the model while it reads a text: why it expects what, what it remembers.

        None is the validation part of the training text. For errors see ``look_at``.
        """
        from charrnn.insight.look import look_at

        remembered = self.memory if memory else None
        return look_at(self.checkpoint, self.network, remembered, text, self._directory)

    def page(
        self,
        name: str = "this model",
        *,
        precision: Precision = "int8",
        max_memory: int = 1_000_000,
    ) -> WritingPage:
        """Return the model as one page for a browser; see ``make_writing_page``."""
        from charrnn.render.write.page import make_writing_page

        sample = self.sample(seed=0, length=200, memory=max_memory > 0)
        return make_writing_page(
            self.checkpoint, name, sample, self._directory, precision, max_memory
        )

    @property
    def _directory(self) -> Path:
        """The run directory of the model file."""
        return Path() if self.path is None else self.path.parent

    def evaluate(
        self,
        files: Sequence[str] = (),
        views: Sequence[View] = (),
        *,
        decoding: Decoding | None = None,
        limit: Limit | None = None,
        memory: bool = True,
        notice: Notice = lambda _: None,
    ) -> EvaluationRun:
        """Evaluate the model on files, or on the validation part of its training text.

        That part is found beside the model file. The views show the texts while they are read. A
        notice is one line about a peculiarity of a text. By default, bytes are UTF-8 and all are
        read.

        Returns:
            The finished run; its ``summary`` has the numbers.

        Raises:
            TextError: If a text cannot be read or is missing, or has nothing to predict.
        """
        from charrnn.evaluation.evaluate import EvaluationRun
        from charrnn.evaluation.inputs import choose_texts

        texts = choose_texts(
            *(self.vocabulary, self.checkpoint.index, self._directory, files),
            *(decoding, notice, limit),
            per_file=any(view.per_file for view in views),
        )
        run = EvaluationRun(self.network, self.vocabulary, texts, self.memory if memory else None)
        run.run(views, notice)
        return run

    def copy_search(self) -> CopySearch:
        """Return a search for passages copied from the training text.

        Raises:
            CheckpointError: If the model has no index of its training text.
        """
        return CopySearch(self._index())

    def _index(self) -> Index:
        """Return the index of the training text."""
        if self.checkpoint.index is None:
            raise CheckpointError(
                "this model does not remember its training text; train again, without --memory 0"
            )
        return self.checkpoint.index

    def novelty(self, text: str) -> Novelty:
        """Measure how much of a text is copied verbatim from the training text.

        Raises:
            CheckpointError: If the model has no index of its training text.
        """
        from charrnn.memory.copying import search_text

        return search_text(self.copy_search(), self.vocabulary, text)


def load(path: str | Path | None = None) -> Model:
    """Load a model from a model file or run directory; see ``find_model`` for None.

    Raises:
        CheckpointError: If there is no model, or it is damaged.
    """
    found = find_model(None if path is None else str(path))
    return Model(read_checkpoint(found), found)
