"""Regular expressions over a vocabulary: what may come next if the whole text is to match.

An expression becomes a finite automaton (K. Thompson, Regular expression search algorithm, 1968)
whose edges are sets of ids. Its states are followed in parallel, so nothing grows beyond the size
of the expression. For each state it is known how many characters are at least missing to a match;
so a text that must end within a limit is led to a match in time.

Sizes: V vocabulary, S states.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from charrnn.errors import ConfigError
from charrnn.generation.regex.syntax import Chars, Choice, Edge, Node, Repeat, Sequence, parse
from charrnn.text.vocabulary import Vocabulary

StateSet = frozenset[int]
"""Where in an expression a text has come to: the states that it may be in."""

MAX_STATES = 20_000
MAX_REMEMBERED = 4096  # sets of ids that are kept for when a place comes again

Mask = npt.NDArray[np.bool_]


class Pattern:
    """A regular expression over the characters of a model.

    Attributes:
        start: The place before the first character.
    """

    def __init__(self, expression: str, vocabulary: Vocabulary) -> None:
        """Build the automaton.

        Args:
            expression: In the syntax of Python's ``re``, matched as by ``re.fullmatch``; without
                back-references, look-around and word boundaries. For a vocabulary of bytes, over
                U+0000 to U+00FF.
            vocabulary: The characters; the symbols that are none match nothing.

        Raises:
            ConfigError: If it is none, or nothing of these characters matches it.
        """
        if vocabulary.is_bytes and not expression.isascii():
            raise ConfigError(
                f"--match: {expression!r} is not ASCII, and this is a model of bytes; give those "
                r"as \xhh"
            )
        self._size = vocabulary.size
        self._characters = vocabulary.characters
        self._free: list[list[int]] = []  # for each state, where it leads without a character
        self._at_start: list[list[int]] = []  # the same, before the first character alone
        self._at_end: list[list[int]] = []  # and after the last one alone
        self._edges: list[list[tuple[Mask, int]]] = []  # and with one of some characters
        self._masks: dict[Chars, Mask] = {}
        tree = parse(expression, is_ascii=vocabulary.is_bytes)
        first = self._new_state()
        self._last = self._build(tree, first)
        self._missing = self._count_missing()
        self._furthest = max(count for count in [*self._missing, 0] if count < math.inf)
        self._remembered: dict[tuple[StateSet, float], Mask] = {}
        self._followed: dict[tuple[StateSet, int], StateSet] = {}
        self.start = self._close([first], at_start=True)
        if self.chars_to_match(self.start) == math.inf:
            raise ConfigError(
                f"--match: nothing that this model can write matches {expression!r}; give an "
                "expression of its characters (charrnn info shows them)"
            )

    def chars_to_match(self, place: StateSet) -> float:
        """Return how many characters are at least missing to a match; infinity if none leads on."""
        return min((self._missing[state] for state in place), default=math.inf)

    def is_match(self, place: StateSet) -> bool:
        """Return whether the text matches as it is."""
        return self.chars_to_match(place) == 0

    def allowed(self, place: StateSet, left: float) -> Mask:
        """Return which ids can come next.

        Args:
            place: Where the text has come to.
            left: How many characters it may still have.

        Returns:
            Whether with this id a match can be reached, shape (V,).
        """
        reach = min(left - 1, self._furthest)
        mask = self._remembered.get((place, reach))
        if mask is None:
            mask = np.zeros(self._size, np.bool_)
            for state in place:
                for characters, target in self._edges[state]:
                    if self._missing[target] <= reach:
                        mask |= characters
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[place, reach] = mask
        return mask

    def follow(self, place: StateSet, id: int) -> StateSet:
        """Return the place after one more character."""
        next_place = self._followed.get((place, id))
        if next_place is None:
            targets = [
                target
                for state in place
                for characters, target in self._edges[state]
                if characters[id]
            ]
            next_place = self._close(targets)
            if len(self._followed) >= MAX_REMEMBERED:
                self._followed.clear()
            self._followed[place, id] = next_place
        return next_place

    def _close(self, states: Iterable[int], *, at_start: bool = False) -> StateSet:
        """Return states and all that they lead to without a character."""
        found = set(states)
        open_states = list(found)
        while open_states:
            state = open_states.pop()
            for target in [*self._free[state], *(self._at_start[state] if at_start else [])]:
                if target not in found:
                    found.add(target)
                    open_states.append(target)
        if at_start and any(self._ends(state, self._at_start) for state in found):
            found.add(self._last)
        return frozenset(found)

    def _count_missing(self) -> list[float]:
        """Return for each state how many characters are at least missing to a match."""
        size = len(self._free)
        chars_to_match = [0.0 if self._ends(state) else math.inf for state in range(size)]
        before: list[list[tuple[int, int]]] = [[] for _ in range(size)]  # (state, characters)
        for state in range(size):
            for target in self._free[state]:
                before[target].append((state, 0))
            for characters, target in self._edges[state]:
                if characters.any():
                    before[target].append((state, 1))
        queue = deque(state for state in range(size) if chars_to_match[state] == 0)
        while queue:  # breadth first: what costs no character goes to the front
            target = queue.popleft()
            for state, cost in before[target]:
                if chars_to_match[target] + cost < chars_to_match[state]:
                    chars_to_match[state] = chars_to_match[target] + cost
                    (queue.append if cost else queue.appendleft)(state)
        return chars_to_match

    def _ends(self, state: int, *more: list[list[int]]) -> bool:
        """Return whether a text that has come to a state may end there."""
        found, open_states = {state}, [state]
        while open_states:
            state = open_states.pop()
            for leads in (self._free, self._at_end, *more):
                new = set(leads[state]) - found
                found |= new
                open_states += new
        return self._last in found

    def _new_state(self) -> int:
        """Add a state without edges."""
        for leads in (self._free, self._at_start, self._at_end, self._edges):
            leads.append([])
        if len(self._free) > MAX_STATES:
            raise ConfigError("--match: the expression is too large; give smaller repetitions")
        return len(self._free) - 1

    def _build(self, node: Node, first: int) -> int:
        """Add what a part of an expression matches, from a state on; return the state after it."""
        match node:
            case Chars():
                last = self._new_state()
                self._edges[first].append((self._mask(node), last))
            case Edge.START | Edge.END:
                last = self._new_state()
                (self._at_start if node is Edge.START else self._at_end)[first].append(last)
            case Sequence(parts):
                last = first
                for part in parts:
                    last = self._build(part, last)
            case Choice(options):
                ends = []
                for option in options:
                    begin = self._new_state()
                    self._free[first].append(begin)
                    ends.append(self._build(option, begin))
                last = self._new_state()
                for end in ends:
                    self._free[end].append(last)
            case Repeat(part, low, high):
                last = self._repeat(part, low, high, first)
        return last

    def _repeat(self, part: Node, low: int, high: int | None, first: int) -> int:
        """Add a part ``low`` to ``high`` times, None for any number."""
        last = first
        for _ in range(low):
            last = self._build(part, last)
        if high is None:
            begin = self._new_state()
            self._free[last].append(begin)
            self._free[self._build(part, begin)].append(begin)
            last = self._new_state()
            self._free[begin].append(last)
            return last
        skipping = [last]
        for _ in range(high - low):
            begin = self._new_state()
            self._free[last].append(begin)
            last = self._build(part, begin)
            skipping.append(last)
        end = self._new_state()
        for state in skipping:
            self._free[state].append(end)
        return end

    def _mask(self, characters: Chars) -> Mask:
        """Return which ids a set of characters has."""
        if characters not in self._masks:
            found = characters.among(self._characters)
            mask = np.zeros(self._size, np.bool_)
            mask[: len(self._characters)] = [c in found for c in self._characters]
            self._masks[characters] = mask
        return self._masks[characters]
