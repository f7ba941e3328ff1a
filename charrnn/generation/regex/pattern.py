"""Which characters may come next if the whole text is to match a regular expression.

The states of the expression's automaton are followed in parallel, so nothing grows beyond the size
of the expression. Each state knows the distance to the nearest match, so a text with a length
limit reaches a match in time.

Sizes: V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from typing import Any

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
        """Compile the expression.

        Args:
            expression: In the syntax of Python's ``re``, matched as by ``re.fullmatch``, with the
                flags a, i, s and x; without back-references, look-around, word boundaries, atomic
                groups and possessive quantifiers. For a model of bytes it is over U+0000 to U+00FF.
            vocabulary: The characters; its symbols match nothing.

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
        usable = {each: bool(mask.any()) for each, mask in self._masks.items()}
        self._distances = automaton.distances(usable)
        self._furthest = max((d for d in self._distances if d < math.inf), default=0)
        self._free = automaton.free
        self._edges = automaton.edges
        self._is_kept = [
            is_final or bool(edges)
            for is_final, edges in zip(automaton.is_final, automaton.edges, strict=True)
        ]
        self._allowed: dict[tuple[StateSet, float], Mask] = {}
        self._followed: dict[tuple[StateSet, int], StateSet] = {}
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
        """Return which ids can come next.

        Args:
            states: The position of the text.
            left: How many more characters the text may have.

        Returns:
            Whether a match can be reached through each id, shape (V,).
        """
        reach = min(left - 1, self._furthest)
        mask = self._allowed.get((states, reach))
        if mask is None:
            sets = {
                characters
                for state in states
                for characters, target in self._edges[state]
                if self._distances[target] <= reach
            }
            mask = np.zeros(self._size, np.bool_)
            for characters in sets:
                mask |= self._masks[characters]
            _remember(self._allowed, (states, reach), mask)
        return mask

    def follow(self, states: StateSet, id: int) -> StateSet:
        """Return the position after one more character."""
        found = self._followed.get((states, id))
        if found is None:
            edges = [edge for state in states for edge in self._edges[state]]
            sets = {characters for characters, _ in edges}
            sets = {characters for characters in sets if self._masks[characters][id]}
            found = self._close({target for characters, target in edges if characters in sets})
            _remember(self._followed, (states, id), found)
        return found

    def _close(self, states: Iterable[int]) -> StateSet:
        """Return all that states reach without a character, where it matters for a match."""
        found = set(states)
        queue = list(found)
        while queue:
            new = set(self._free[queue.pop()]) - found
            found |= new
            queue += new
        return frozenset(
            state for state in found if self._is_kept[state] and self._distances[state] < math.inf
        )


def _mask_of(characters: CharSet, vocabulary: Vocabulary) -> Mask:
    """Return which ids of a vocabulary are in a set, shape (V,)."""
    mask = np.zeros(vocabulary.size, np.bool_)
    mask[vocabulary.look_up("".join(characters.among(vocabulary.characters)))] = True
    return mask


def _remember(cache: dict[Any, Any], key: Hashable, value: object) -> None:
    """Store a result in a cache of limited size."""
    if len(cache) >= MAX_CACHED:
        cache.clear()
    cache[key] = value
