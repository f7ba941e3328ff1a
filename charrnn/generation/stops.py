"""Where a sample ends, and which characters it may contain.

Sizes: V vocabulary.
"""

import math
from collections.abc import Sequence

import numpy as np

from charrnn.errors import ConfigError
from charrnn.generation.chunks import Drawn, SampleChunk
from charrnn.generation.params import StopCriteria
from charrnn.generation.regex.pattern import Mask, Pattern, StateSet
from charrnn.memory.copying import CopiedRuns
from charrnn.memory.index import Index
from charrnn.text.prefixes import num_begun
from charrnn.text.vocabulary import Vocabulary


class Stops:
    """Stop criteria, prepared for a vocabulary.

    Attributes:
        length: Maximum number of characters; infinity for no limit.
        texts: The stop texts in characters of the vocabulary.
        pattern: The expression to match.
        max_copy: How long a copied run may be; None for no limit.
        index: The index of the training text, which ``max_copy`` needs.
        writable: Which ids a model may draw: all but the unknown symbol, shape (V,).
        end_id: The end symbol, which is never a copy; None if there is none.
        is_free: Whether any id may be drawn at any time.
    """

    def __init__(
        self, criteria: StopCriteria, vocabulary: Vocabulary, index: Index | None = None
    ) -> None:
        """Prepare the criteria.

        Raises:
            ConfigError: If a stop text has characters that the model never writes, or no match fits
                into the length; see ``Pattern`` for other errors.
        """
        self.length = math.inf if criteria.length is None else criteria.length
        self.texts = tuple(vocabulary.from_user(stop) for stop in criteria.stops)
        for stop, text in zip(criteria.stops, self.texts, strict=True):
            if (vocabulary.look_up(text) < 0).any():
                raise ConfigError(f"`stop`: {stop!r} has characters that the model never writes")
        self.pattern = None if criteria.match is None else Pattern(criteria.match, vocabulary)
        shortest = 0.0 if self.pattern is None else self.pattern.chars_to_match(self.pattern.start)
        if shortest > self.length:
            raise ConfigError(f"`length`: the shortest match has {shortest:g} characters")
        self.max_copy = criteria.max_copy
        self.index = index
        self.writable = np.ones(vocabulary.size, np.bool_)
        if vocabulary.unknown_id is not None:
            self.writable[vocabulary.unknown_id] = False
        self.end_id = vocabulary.end_id
        has_limits = self.pattern is not None or self.max_copy is not None
        self.is_free = not has_limits and bool(self.writable.all())


class Progress:
    """How far a sample is from its end, and what may follow.

    Attributes:
        candidates: Which ids may be drawn next, shape (V,). Where the text matches an expression
            already, one that breaks the match is a candidate too: it ends the text.
    """

    def __init__(self, stops: Stops) -> None:
        """Start before the first character."""
        self._stops = stops
        self._length = 0
        self._held: list[Drawn] = []  # characters that may begin a stop text
        self._states: StateSet = frozenset() if stops.pattern is None else stops.pattern.start
        self._runs: CopiedRuns | None = None
        if stops.max_copy is not None and stops.index is not None:
            self._runs = CopiedRuns(stops.index)
        self.candidates = self._candidates()

    def finish_reason(self) -> str:
        """Return why no character can be added; empty if one can."""
        if self._length >= self._stops.length:
            return "length"
        if self._stops.pattern is not None and not self._continuing().any():
            return "match"
        return "" if self._stops.is_free or self.candidates.any() else "copy"

    def add(self, sample: int, id: int, drawn: Drawn, *, is_end: bool) -> SampleChunk:
        """Add what was drawn for a sample; return the characters that certainly belong to it."""
        if is_end:
            return SampleChunk(sample, [*self._held, drawn], "end")
        if self._stops.pattern is not None:
            if not self._continuing()[id]:
                return SampleChunk(sample, [], "match")
            self._states = self._stops.pattern.follow(self._states, id)
        if self._runs is not None:
            self._runs.read(id)
        self._length += 1
        self.candidates = self._candidates()
        reason = self.finish_reason()
        if not self._stops.texts:
            return SampleChunk(sample, [drawn], reason)
        self._held.append(drawn)
        text = "".join(each.character for each in self._held)
        if found := stop_at_end(text, self._stops.texts):
            return SampleChunk(sample, self._held[:-found], "stop")
        size = len(text) if reason else len(text) - num_begun(text, self._stops.texts)
        released, self._held = self._held[:size], self._held[size:]
        return SampleChunk(sample, released, reason)

    def _candidates(self) -> Mask:
        """Return which ids may be drawn next."""
        allowed = self._stops.writable
        if self._stops.pattern is not None:
            is_match = self._stops.pattern.is_match(self._states)
            allowed = allowed & (self._continuing() | is_match)
        if self._runs is not None and self._stops.max_copy is not None:
            is_new = np.ones(len(allowed) + 1, np.bool_)  # the last one is for the end of the text
            is_new[self._runs.followers(self._stops.max_copy)] = False
            if self._stops.end_id is not None:
                is_new[self._stops.end_id] = True
            allowed = allowed & is_new[:-1]
        return allowed

    def _continuing(self) -> Mask:
        """Return which ids continue the text towards a match within its length, shape (V,)."""
        assert self._stops.pattern is not None
        return self._stops.pattern.allowed(self._states, self._stops.length - self._length)


def stop_at_end(text: str, stops: Sequence[str]) -> int:
    """Return the length of the longest stop text at the end of a text; 0 if there is none."""
    return max((len(stop) for stop in stops if text.endswith(stop)), default=0)
