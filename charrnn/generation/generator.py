"""A prompt in, samples out, character by character and many at a time.

Sizes: B samples that are being written, T characters of the prompt, V vocabulary.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.errors import ConfigError
from charrnn.generation.filters import filters_of, penalise_repeats
from charrnn.generation.params import SamplingParams, StopCriteria
from charrnn.generation.regex.automaton import Mask, Pattern, StateSet
from charrnn.generation.sampling import Float64s, draw, forbid, log_probs
from charrnn.generation.stops import stop_at_end, stop_texts
from charrnn.generation.updates import Drawn, Piece, Pieces
from charrnn.model.cells import Array
from charrnn.model.matmul import rowwise_matmul
from charrnn.model.network import Network, State
from charrnn.text.prefixes import num_begun
from charrnn.text.vocabulary import Ids, OnUnknown, Vocabulary

MAX_TOGETHER = 64
"""How many samples are written side by side."""

PROMPT_WINDOW = 512
"""How many characters of a prompt are read at once."""

MAX_AHEAD = 4 * MAX_TOGETHER
"""How far the samples being written may be ahead of the first that is not finished."""


def sample_rng(seed: int, index: int = 0) -> np.random.Generator:
    """Return the random generator of one sample: the same whatever others are made beside it."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))


@dataclass(slots=True)
class _Draft:
    """A sample that is being written."""

    index: int
    temperature: float
    rng: np.random.Generator
    recent: deque[int]  # the ids that count as repeated
    place: StateSet | None  # in the expression to match
    length: int = 0  # characters drawn
    held: list[Drawn] = field(default_factory=list)  # they may be the begin of a stop text


def first_ids(vocabulary: Vocabulary, prompt: str, on_unknown: OnUnknown = "error") -> Ids:
    """Return what a model reads before it writes, shape (T,), T of 1 or more.

    A model of documents has read the end of another one. Another model without a prompt reads a
    line end where its vocabulary has one, else its first character, so that a text begins as a line
    does. A separator at the end of a prompt, such as ``echo`` writes after a line, is no part of
    it.

    Raises:
        UnknownCharacterError: If the prompt has a character that the model never saw.
    """
    prompt = vocabulary.from_user(prompt).removesuffix(vocabulary.separator)
    ids = vocabulary.encode(prompt, on_unknown)
    if vocabulary.end_id is not None:
        return np.insert(ids, 0, vocabulary.end_id)
    return ids if len(ids) else np.array([max(vocabulary.characters.find("\n"), 0)])


class Generator:
    """A model that has read a prompt and is ready to continue it, any number of times.

    Attributes:
        params: How characters are drawn.
    """

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        prompt: Ids,
        *,
        params: SamplingParams | None = None,
        ending: StopCriteria | None = None,
        num_best: int | None = None,
    ) -> None:
        """Check what is asked for and read the prompt.

        Args:
            network: The model.
            vocabulary: Its characters.
            prompt: Ids of what is read first, shape (T,), T of 1 or more; see ``first_ids``.
            params: How characters are drawn.
            ending: Where a text ends.
            num_best: How many of the likeliest characters are told with each; None to tell no
                probabilities at all.

        Raises:
            ConfigError: If nothing can match the expression, or a stop text can never come.
        """
        self._network = network
        self._characters = vocabulary.characters
        self._plain = [Drawn(self._character(id)) for id in range(vocabulary.size)]
        self.params = params or SamplingParams()
        self._filters = filters_of(self.params)
        self._never = [] if vocabulary.unknown_id is None else [vocabulary.unknown_id]
        self._end_id = vocabulary.end_id
        self._num_best = num_best
        ending = ending or StopCriteria()
        self._length = math.inf if ending.length is None else ending.length
        self._stops = stop_texts(ending.stop, vocabulary)
        self._pattern = None if ending.match is None else Pattern(ending.match, vocabulary)
        if self._pattern is not None:
            _check_room(self._pattern, self._length)
        is_penalised = self.params.repeat_penalty != 1
        recent = prompt.tolist()[-self.params.repeat_last_n :] if is_penalised else []
        self._recent = deque(recent, self.params.repeat_last_n if is_penalised else 0)
        state = network.initial_state(1)
        for begin in range(0, len(prompt), PROMPT_WINDOW):
            logits, state = network.forward(prompt[None, begin : begin + PROMPT_WINDOW], state)
        self._start = logits[:, -1], state

    def write(self, rng_of: Callable[[int], np.random.Generator], num_samples: int = 1) -> Pieces:
        """Write samples, up to ``MAX_TOGETHER`` of them side by side.

        A row of a product does not depend on the others, and each sample has its own random
        generator: it is the same text whatever is written beside it.

        Args:
            rng_of: The random generator of a sample, by its index.
            num_samples: How many.

        Yields:
            What each step adds, of all samples as it comes; see ``pieces.in_order``. The unknown
            symbol is never drawn.
        """
        drafts: list[_Draft] = []  # by rising index
        logits, state = _take(self._start, [])
        begun = 0
        while drafts or begun < num_samples:
            until = begun
            if begun < num_samples:
                first = drafts[0].index if drafts else begun
                room = begun + MAX_TOGETHER - len(drafts)
                until = min(num_samples, first + MAX_AHEAD, room)
            if begun < until:
                new = []
                for index in range(begun, until):
                    draft = self._begin(index, rng_of(index))
                    if reason := self._full(draft):
                        yield Piece(index, [], reason)
                    else:
                        new.append(draft)
                begun = until
                drafts += new
                logits, state = _join((logits, state), _take(self._start, [0] * len(new)))
                if not drafts:
                    continue
            ids = self._choose(drafts, logits)
            rows = []
            for row, piece in enumerate(self._pieces(drafts, logits, ids)):
                yield piece
                if not piece.finish_reason:
                    rows.append(row)
            if len(rows) < len(drafts):
                drafts = [drafts[row] for row in rows]
                (ids, state) = _take((ids, state), rows)
            if drafts:
                logits, state = self._network.forward(ids[:, None], state, rowwise_matmul)
                logits = logits[:, -1]
            else:
                logits = logits[:0]

    def _begin(self, index: int, rng: np.random.Generator) -> _Draft:
        """Return a sample of which nothing is written."""
        temperatures = self.params.temperatures
        place = None if self._pattern is None else self._pattern.start
        temperature = temperatures[index % len(temperatures)]
        return _Draft(index, temperature, rng, self._recent.copy(), place)

    def _full(self, draft: _Draft) -> str:
        """Return why nothing can be added to a sample, or nothing."""
        if draft.length >= self._length:
            return "length"
        if self._pattern is not None and not self._allowed(draft).any():
            return "match"
        return ""

    def _allowed(self, draft: _Draft) -> Mask:
        """Return which ids keep the text on the way to a match, shape (V,)."""
        assert self._pattern is not None
        assert draft.place is not None
        return self._pattern.allowed(draft.place, self._length - draft.length)

    def _open(self, draft: _Draft) -> Mask:
        """Return which ids may be drawn, shape (V,).

        A text that matches ends when the model goes on with what would not.
        """
        assert self._pattern is not None
        assert draft.place is not None
        return self._allowed(draft) | self._pattern.is_match(draft.place)

    def _choose(self, drafts: list[_Draft], logits: Array) -> npt.NDArray[np.intp]:
        """Draw the next id of each sample, shape (B,), from logits, shape (B, V)."""
        if self.params.repeat_penalty != 1:
            recent = [draft.recent for draft in drafts]
            logits = penalise_repeats(logits, recent, self.params.repeat_penalty)
        logits = forbid(logits, self._never)
        if self._pattern is not None:
            logits = np.where([self._open(draft) for draft in drafts], logits, -np.inf)
        for keep in self._filters:
            logits = keep(logits)
        rngs = [draft.rng for draft in drafts]
        if len(self.params.temperatures) == 1:
            return draw(logits, self.params.temperatures[0], rngs)
        return draw(logits, np.array([draft.temperature for draft in drafts]), rngs)

    def _pieces(
        self, drafts: list[_Draft], logits: Array, ids: npt.NDArray[np.intp]
    ) -> Iterator[Piece]:
        """Add what was drawn to each sample, and yield what that makes known."""
        scores = None if self._num_best is None else log_probs(logits)
        for row, (draft, id) in enumerate(zip(drafts, ids.tolist(), strict=True)):
            drawn = self._plain[id] if scores is None else self._tell(scores[row], id)
            if id == self._end_id:
                yield Piece(draft.index, [*draft.held, drawn], "end")
                continue
            if self._pattern is not None and not self._allowed(draft)[id]:
                yield Piece(draft.index, draft.held, "match")
                continue
            draft.length += 1
            draft.recent.append(id)
            if self._pattern is not None and draft.place is not None:
                draft.place = self._pattern.follow(draft.place, id)
            yield self._release(draft, drawn)

    def _release(self, draft: _Draft, drawn: Drawn) -> Piece:
        """Return what of a sample is sure, one character later."""
        reason = self._full(draft)
        if not self._stops:
            return Piece(draft.index, [drawn], reason)
        draft.held.append(drawn)
        text = "".join(each.character for each in draft.held)
        if found := stop_at_end(text, self._stops):
            return Piece(draft.index, draft.held[:-found], "stop")
        sure = len(text) if reason else len(text) - num_begun(text, self._stops)
        released, draft.held = draft.held[:sure], draft.held[sure:]
        return Piece(draft.index, released, reason)

    def _tell(self, scores: Float64s, id: int) -> Drawn:
        """Return a character with its probability and those of the likeliest, from shape (V,)."""
        size = len(self._characters)
        best = np.argsort(-scores[:size], kind="stable")[: self._num_best].tolist()
        told = tuple((self._characters[i], float(scores[i])) for i in best)
        return Drawn(self._character(id), float(scores[id]), told)

    def _character(self, id: int) -> str:
        """Return the character that an id is; of the symbols after them, none."""
        return self._characters[id : id + 1]


def generate(
    network: Network,
    vocabulary: Vocabulary,
    prompt: str = "",
    *,
    temperature: float,
    rng: np.random.Generator,
    length: int | None = None,
    on_unknown: OnUnknown = "error",
) -> Iterator[str]:
    """Yield the characters of one sample, without filters.

    Args:
        network: The model.
        vocabulary: Its characters.
        prompt: What is read first; not part of the result.
        temperature: See ``sampling.draw``.
        rng: The source of chance.
        length: How many characters to make; None for no end.
        on_unknown: See ``Vocabulary.encode``.

    Yields:
        One character at a time; the unknown symbol never.

    Raises:
        UnknownCharacterError: If the prompt has a character that the model never saw.
    """
    generator = Generator(
        network,
        vocabulary,
        first_ids(vocabulary, prompt, on_unknown),
        params=SamplingParams(temperatures=(temperature,)),
        ending=StopCriteria(length=length),
    )
    for piece in generator.write(lambda _: rng):
        for drawn in piece.drawn:
            yield drawn.character


def _check_room(pattern: Pattern, length: float) -> None:
    """Refuse a length in which nothing can match.

    Raises:
        ConfigError: If that is so.
    """
    chars_to_match = pattern.chars_to_match(pattern.start)
    if chars_to_match > length:
        raise ConfigError(
            f"--length: no match has {length} characters or fewer; the shortest has "
            f"{chars_to_match:g}"
        )


def _take(of: tuple[npt.NDArray[Any], State], rows: Sequence[int]) -> tuple[Any, State]:
    """Return some rows of logits or ids and of the state that belongs to them."""
    values, state = of
    return values[rows], tuple(tuple(array[rows] for array in part) for part in state)


def _join(one: tuple[Array, State], other: tuple[Array, State]) -> tuple[Array, State]:
    """Return the rows of two pairs of logits and state below one another."""
    state = tuple(
        tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        for parts in zip(one[1], other[1], strict=True)
    )
    return np.concatenate([one[0], other[0]]), state
