"""Regular expressions as finite automata whose edges are sets of characters.

The construction is that of K. Thompson, Regular expression search algorithm, 1968. Anchors are
resolved afterwards: a state is paired with what is known of the position, so the result has plain
edges only. Time and memory are linear in the length of the expression with its repetitions written
out.
"""

import math
import re
from collections import deque
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

from charrnn.errors import ConfigError
from charrnn.generation.regex.syntax import Anchor, CharSet, Choice, Node, Repeat, Sequence

MAX_STATES = 20_000

_NEWLINE = CharSet(re.compile("\n"))


class _Rest(Enum):
    """What is known of the text that is still to come."""

    ANYTHING = auto()
    NEWLINE = auto()  # a newline, and then the end
    NOTHING = auto()


class _Position(NamedTuple):
    """A node of the expression and what is known of the place in the text."""

    node: int
    is_start: bool
    rest: _Rest


class Automaton:
    """The states and edges of an expression. State 0 is the first.

    Attributes:
        free: For each state, the states that it reaches without a character.
        edges: For each state, its edges: a set of characters and the state behind it.
        is_final: For each state, whether a text may end there.
    """

    def __init__(self, tree: Node) -> None:
        """Build the automaton; refuse more than ``MAX_STATES`` nodes."""
        self.free: list[list[int]] = []
        self.edges: list[list[tuple[CharSet, int]]] = []
        self.is_final: list[bool] = []
        nodes = _Nodes()
        last = nodes.add(tree, nodes.new())
        queue = deque([_Position(0, True, _Rest.ANYTHING)])
        numbers = {queue[0]: 0}

        def number_of(position: _Position) -> int:
            if position not in numbers:
                numbers[position] = len(numbers)
                queue.append(position)
            return numbers[position]

        while queue:
            position = queue.popleft()
            self.free.append([number_of(next) for next in _free_steps(nodes, position)])
            self.edges.append([(c, number_of(next)) for c, next in _steps(nodes, position)])
            self.is_final.append(position.node == last and position.rest is not _Rest.NEWLINE)

    def distances(self, usable: set[CharSet]) -> list[float]:
        """Return how many characters each state is away from a final one; infinity without a path.

        Only the characters of ``usable`` sets count.
        """
        found = [0.0 if is_final else math.inf for is_final in self.is_final]
        sources: list[list[tuple[int, int]]] = [[] for _ in found]  # (state, number of characters)
        for state in range(len(found)):
            for target in self.free[state]:
                sources[target].append((state, 0))
            for characters, target in self.edges[state]:
                if characters in usable:
                    sources[target].append((state, 1))
        queue = deque(state for state, distance in enumerate(found) if distance == 0)
        while queue:  # breadth first: a step without a character goes to the front
            target = queue.popleft()
            for state, cost in sources[target]:
                if found[target] + cost < found[state]:
                    found[state] = found[target] + cost
                    (queue.append if cost else queue.appendleft)(state)
        return found


class _Nodes:
    """Thompson's construction, with anchors as edges."""

    def __init__(self) -> None:
        self.free: list[list[int]] = []
        self.anchors: list[list[tuple[Anchor, int]]] = []
        self.chars: list[tuple[CharSet, int] | None] = []  # a node has one edge at most

    def new(self) -> int:
        """Add a node without edges."""
        if len(self.free) == MAX_STATES:
            raise ConfigError("`match`: the expression is too large; give smaller repetitions")
        self.free.append([])
        self.anchors.append([])
        self.chars.append(None)
        return len(self.free) - 1

    def add(self, tree: Node, first: int) -> int:
        """Add a tree behind a node; return the node behind the tree."""
        match tree:
            case CharSet():
                last = self.new()
                self.chars[first] = tree, last
            case Anchor():
                last = self.new()
                self.anchors[first].append((tree, last))
            case Sequence(parts):
                last = first
                for part in parts:
                    last = self.add(part, last)
            case Choice(options):
                last = self._join([self.add(option, self._branch(first)) for option in options])
            case Repeat(part, low, high):
                last = self._repeat(part, low, high, first)
        return last

    def _repeat(self, part: Node, low: int, high: int | None, first: int) -> int:
        """Add a part ``low`` to ``high`` times; None means without limit."""
        last = first
        for _ in range(low):
            last = self.add(part, last)
        if high is None:
            loop = self._branch(last)
            self.free[self.add(part, self._branch(loop))].append(loop)
            return self._branch(loop)
        ends = [last]
        for _ in range(high - low):
            ends.append(self.add(part, self._branch(ends[-1])))
        return self._join(ends)

    def _branch(self, node: int) -> int:
        """Add a node that another one reaches without a character."""
        self.free[node].append(self.new())
        return self.free[node][-1]

    def _join(self, ends: list[int]) -> int:
        """Add a node that several others reach without a character."""
        last = self.new()
        for end in ends:
            self.free[end].append(last)
        return last


def _free_steps(nodes: _Nodes, position: _Position) -> Iterator[_Position]:
    """Yield the positions that follow without a character."""
    for target in nodes.free[position.node]:
        yield position._replace(node=target)
    for anchor, target in nodes.anchors[position.node]:
        if anchor is Anchor.START:
            if position.is_start:
                yield position._replace(node=target)
            continue
        possible = {_Rest.NOTHING} if anchor is Anchor.END else {_Rest.NEWLINE, _Rest.NOTHING}
        if position.rest is not _Rest.ANYTHING:
            possible &= {position.rest}
        for rest in possible:
            yield position._replace(node=target, rest=rest)


def _steps(nodes: _Nodes, position: _Position) -> Iterator[tuple[CharSet, _Position]]:
    """Yield the positions that follow with a character, and the set that it is of."""
    edge = nodes.chars[position.node]
    if edge is None or position.rest is _Rest.NOTHING:
        return
    characters, target = edge
    if position.rest is _Rest.ANYTHING:
        yield characters, _Position(target, False, _Rest.ANYTHING)
    elif characters.among("\n"):
        yield _NEWLINE, _Position(target, False, _Rest.NOTHING)
