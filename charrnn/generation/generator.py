"""A prompt in, samples out, character by character and many side by side.

Sizes: B samples in progress, T characters of the prompt, V vocabulary.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.generation.chunks import Chunks, Drawn, SampleChunk
from charrnn.generation.filters import filters_of, penalise_repeats
from charrnn.generation.params import SamplingParams, StopCriteria
from charrnn.generation.sampling import Float64s, draw, log_probs
from charrnn.generation.stops import Progress, Stops
from charrnn.memory.expected import expect
from charrnn.memory.index import Index
from charrnn.memory.memory import Memory
from charrnn.memory.stream_memory import StreamMemory
from charrnn.memory.text_memory import TextMemory
from charrnn.model.cells.spec import Array
from charrnn.model.ensemble import safe_log
from charrnn.model.matmul import rowwise_matmul
from charrnn.model.predictor import Predictor, State
from charrnn.text.vocabulary import Ids, OnUnknown, Vocabulary

MAX_PARALLEL = 64
"""Maximum number of samples in progress."""
MAX_AHEAD = 4 * MAX_PARALLEL
"""How many samples beyond the first unfinished one may have been started."""
PROMPT_WINDOW = 512
"""Characters of a prompt that are read in one call of the network."""


def sample_rng(seed: int, index: int = 0) -> np.random.Generator:
    """Return the random generator of one sample. It does not depend on the other samples."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))


def random_seed() -> int:
    """Return a random seed, short enough to type again."""
    return int.from_bytes(os.urandom(4), "little")


def prompt_ids(vocabulary: Vocabulary, prompt: str, on_unknown: OnUnknown = "error") -> Ids:
    """Return what a model reads before it writes, shape (T,), T of 1 or more.

    A model of documents first reads the end of another document. Any other model reads a newline
    in place of an empty prompt, or its first character if it has no newline, so a text begins like
    a line. A separator at the end of a prompt, such as the newline of ``echo``, is dropped.

    Raises:
        UnknownCharacterError: If the prompt has a character that the model never saw.
    """
    prompt = vocabulary.from_user(prompt).removesuffix(vocabulary.separator)
    ids = vocabulary.encode(prompt, on_unknown)
    if vocabulary.end_id is not None:
        return np.insert(ids, 0, vocabulary.end_id)
    return ids if len(ids) else np.array([max(vocabulary.characters.find("\n"), 0)])


@dataclass(slots=True)
class _Draft:
    """A sample in progress."""

    index: int
    temperature: float
    rng: np.random.Generator
    recent: deque[int]  # ids under the repeat penalty
    progress: Progress


class _Rows(NamedTuple):
    """The predictions for some samples: log-probabilities, (B, V), and the state behind them.

    It is that of the networks and then, with a memory, that of the memory.
    """

    logits: Array
    state: State

    def take(self, rows: Sequence[int]) -> _Rows:
        """Return some of the rows."""
        state = tuple(tuple(array[rows] for array in part) for part in self.state)
        return _Rows(self.logits[rows], state)

    def join(self, other: _Rows) -> _Rows:
        """Return these rows followed by others."""
        state = tuple(
            tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
            for parts in zip(self.state, other.state, strict=True)
        )
        return _Rows(np.concatenate([self.logits, other.logits]), state)


class Generator:
    """A model that has read a prompt and can continue it any number of times."""

    def __init__(
        self,
        network: Predictor,
        vocabulary: Vocabulary,
        prompt: Ids,
        *,
        params: SamplingParams | None = None,
        criteria: StopCriteria | None = None,
        num_best: int | None = None,
        index: Index | None = None,
        memory: Memory | None = None,
    ) -> None:
        """Read the prompt: ids, shape (T,), T of 1 or more; see ``prompt_ids``.

        ``num_best`` likeliest characters are recorded with each drawn one; None records no
        probabilities. ``max_copy`` needs the index of the training text.

        Raises:
            ConfigError: If the model can never meet the criteria; see ``Stops``.
        """
        self._network = network
        self._characters = vocabulary.characters
        self._unscored = [Drawn(self._characters[id : id + 1]) for id in range(vocabulary.size)]
        self._params = params or SamplingParams()
        self._filters = filters_of(self._params)
        self._end_id = vocabulary.end_id
        self._num_best = num_best
        self._stops = Stops(criteria or StopCriteria(), vocabulary, index)
        num_recent = self._params.repeat_last_n if self._params.repeat_penalty != 1 else 0
        self._recent = deque(prompt.tolist(), num_recent)
        text = None if memory is None else TextMemory(memory, int(prompt[0]))
        state = network.initial_state(1)
        for begin in range(0, len(prompt), PROMPT_WINDOW):
            window, next_ids = (prompt[at : at + PROMPT_WINDOW] for at in (begin, begin + 1))
            logits, state = network.forward(window[None], state)
            if text is not None and len(next_ids):
                deque(text.follow(next_ids, expect(logits[0, : len(next_ids)])), maxlen=0)
        self._start = _Rows(logits[:, -1], state)
        self._memory = None if text is None else text.fork()
        if self._memory is not None:
            state = (*state, self._memory.first_state)
            self._start = _remember(self._memory, prompt[-1:], logits[:, -1], state)

    def write(self, rng_of: Callable[[int], np.random.Generator], num_samples: int = 1) -> Chunks:
        """Write samples, up to ``MAX_PARALLEL`` of them side by side.

        A sample is the same whatever is written beside it: rows of a product are computed
        independently, and each sample has its own random generator, which ``rng_of`` returns for
        its index.

        Yields:
            What each step adds, with all samples mixed; see ``in_order``. The unknown symbol is
            never drawn.
        """
        drafts: list[_Draft] = []  # by rising index
        rows = self._start.take([])
        num_started = 0
        while drafts or num_started < num_samples:
            first = drafts[0].index if drafts else num_started
            room = num_started + MAX_PARALLEL - len(drafts)
            until = min(num_samples, first + MAX_AHEAD, room)
            new = []
            for index in range(num_started, until):
                draft = self._draft(index, rng_of(index))
                if reason := draft.progress.finish_reason():
                    yield SampleChunk(draft.index, [], reason)
                else:
                    new.append(draft)
            num_started = until
            if new:
                drafts += new
                rows = rows.join(self._start.take([0] * len(new)))
            if not drafts:
                continue
            ids = self._choose(drafts, rows.logits)
            continuing = []
            for row, chunk in enumerate(self._chunks(drafts, rows.logits, ids)):
                yield chunk
                if not chunk.finish_reason:
                    continuing.append(row)
            if len(continuing) < len(drafts):
                drafts = [drafts[row] for row in continuing]
                ids, rows = ids[continuing], rows.take(continuing)
            if drafts:
                rows = self._read(ids, rows.state)

    def _read(self, ids: Ids, state: State) -> _Rows:
        """Read a character of each sample, shape (B,)."""
        if self._memory is None:
            logits, state = self._network.forward(ids[:, None], state, rowwise_matmul)
            return _Rows(logits[:, -1], state)
        logits, after = self._network.forward(ids[:, None], state[:-1], rowwise_matmul)
        return _remember(self._memory, ids, logits[:, -1], (*after, state[-1]))

    def _draft(self, index: int, rng: np.random.Generator) -> _Draft:
        """Return a sample without characters."""
        temperatures = self._params.temperatures
        temperature = temperatures[index % len(temperatures)]
        return _Draft(index, temperature, rng, self._recent.copy(), Progress(self._stops))

    def _choose(self, drafts: list[_Draft], logits: Array) -> npt.NDArray[np.intp]:
        """Draw the next id of each sample, shape (B,), from logits, shape (B, V)."""
        if self._params.repeat_penalty != 1:
            recent = [draft.recent for draft in drafts]
            logits = penalise_repeats(logits, recent, self._params.repeat_penalty)
        if not self._stops.is_free:
            candidates = [draft.progress.candidates for draft in drafts]
            logits = np.where(candidates, logits, -np.inf)
        for keep in self._filters:
            logits = keep(logits)
        temperatures = [draft.temperature for draft in drafts]
        return draw(logits, temperatures, [draft.rng for draft in drafts])

    def _chunks(
        self, drafts: list[_Draft], logits: Array, ids: npt.NDArray[np.intp]
    ) -> Iterator[SampleChunk]:
        """Add a drawn id to each sample; yield what it adds to the text."""
        scores = None if self._num_best is None else log_probs(logits)
        for row, (draft, id) in enumerate(zip(drafts, ids.tolist(), strict=True)):
            drawn = self._unscored[id] if scores is None else self._scored(scores[row], id)
            draft.recent.append(id)
            yield draft.progress.add(draft.index, id, drawn, is_end=id == self._end_id)

    def _scored(self, scores: Float64s, id: int) -> Drawn:
        """Return a character with log-probabilities; scores have shape (V,)."""
        size = len(self._characters)
        best = np.argsort(-scores[:size], kind="stable")[: self._num_best].tolist()
        scored = tuple((self._characters[i], float(scores[i])) for i in best)
        return self._unscored[id]._replace(logprob=float(scores[id]), best=scored)


def _remember(memory: StreamMemory, ids: Ids, logits: Array, state: State) -> _Rows:
    """Mix a memory, which reads ids of shape (B,), into what networks predict after them."""
    probs, remembered = memory.mix(ids, logits, state[-1])
    return _Rows(safe_log(probs), (*state[:-1], remembered))
