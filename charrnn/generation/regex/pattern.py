"""Which characters may come next if the whole text is to match a regular expression.

The states of the expression's automaton are followed in parallel, so nothing grows beyond the size
of the expression. Each state knows the distance to the nearest match, so a text with a length
limit reaches a match in time.

Sizes: V vocabulary.
"""

import math
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from charrnn.errors import ConfigError
from charrnn.generation.regex.automaton import Automaton
from charrnn.generation.regex.syntax import CharSet, parse
from charrnn.text.vocabulary import Vocabulary

StateSet = frozenset[int]
"""The states of the automaton that a text can be in: its position in the expression."""

MAX_CACHED = 4096  # results that are kept for positions that come again

Mask = npt.NDArray[np.bool_]


class Pattern:
    """A regular expression over the characters of a model.

    Attributes:
        start: The position before the first character.
    """

    def __init__(self, expression: str, vocabulary: Vocabulary) -> None:
        """Compile an expression over the characters of a vocabulary; its symbols match nothing.

        The syntax is that of Python's ``re``, matched as by ``re.fullmatch``, with the flags a, i,
        s and x; without back-references, look-around, word boundaries, atomic groups and possessive
        quantifiers. For a model of bytes it is over U+0000 to U+00FF.

        Raises:
            ConfigError: If the expression is invalid, uses an unsupported construct or is too
                large, or if no text of these characters matches it.
        """
        if vocabulary.is_bytes and not expression.isascii():
            raise ConfigError(
                f"`match`: {expression!r} is not ASCII, and this is a model of bytes; write other "
                r"bytes as \xhh"
            )
        self._size = vocabulary.size
        try:
            automaton = Automaton(parse(expression, is_ascii=vocabulary.is_bytes))
        except RecursionError:
            raise ConfigError(f"`match`: {expression[:40]!r}... is nested too deeply") from None
        sets = {characters for edges in automaton.edges for characters, _ in edges}
        self._masks = {each: _mask_of(each, vocabulary) for each in sets}
        self._distances = automaton.distances({s for s, mask in self._masks.items() if mask.any()})
        self._furthest = max((d for d in self._distances if d < math.inf), default=0)
        self._free = automaton.free
        self._edges = automaton.edges
        self._is_kept = [  # the states that matter for a match
            distance < math.inf and (is_final or bool(edges))
            for distance, is_final, edges in zip(
                self._distances, automaton.is_final, automaton.edges, strict=True
            )
        ]
        self._allowed = lru_cache(MAX_CACHED)(self._find_allowed)
        self._followed = lru_cache(MAX_CACHED)(self._find_followed)
        self.start = self._close([0])
        if not self.start:
            raise ConfigError(
                f"`match`: the model's characters cannot match {expression!r}; charrnn info lists "
                "them"
            )

    def chars_to_match(self, states: StateSet) -> float:
        """Return how many characters the nearest match needs; infinity if there is none."""
        return min((self._distances[state] for state in states), default=math.inf)

    def is_match(self, states: StateSet) -> bool:
        """Return whether the text matches as it is."""
        return self.chars_to_match(states) == 0

    def allowed(self, states: StateSet, left: float) -> Mask:
        """Return which ids lead to a match within ``left`` more characters, shape (V,)."""
        return self._allowed(states, min(left - 1, self._furthest))

    def follow(self, states: StateSet, id: int) -> StateSet:
        """Return the position after one more character."""
        return self._followed(states, id)

    def _find_allowed(self, states: StateSet, reach: float) -> Mask:
        """Return which ids lead to states that are at most ``reach`` characters from a match."""
        edges = [edge for state in states for edge in self._edges[state]]
        mask = np.zeros(self._size, np.bool_)
        for characters in {each for each, target in edges if self._distances[target] <= reach}:
            mask |= self._masks[characters]
        return mask

    def _find_followed(self, states: StateSet, id: int) -> StateSet:
        """Return the position after one more character."""
        edges = [edge for state in states for edge in self._edges[state]]
        return self._close({target for characters, target in edges if self._masks[characters][id]})

    def _close(self, states: Iterable[int]) -> StateSet:
        """Return all that states reach without a character, where it matters for a match."""
        found = set(states)
        queue = list(found)
        while queue:
            new = set(self._free[queue.pop()]) - found
            found |= new
            queue += new
        return frozenset(state for state in found if self._is_kept[state])


def _mask_of(characters: CharSet, vocabulary: Vocabulary) -> Mask:
    """Return which ids of a vocabulary are in a set, shape (V,)."""
    mask = np.zeros(vocabulary.size, np.bool_)
    mask[vocabulary.look_up("".join(characters.among(vocabulary.characters)))] = True
    return mask
