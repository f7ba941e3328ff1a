"""Regular expressions as trees, translated from the tree of Python's own parser.

``re`` reads the expression and decides which characters a set has, so flags and escapes mean what
they mean there. Constructs that a finite automaton cannot follow are refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from re import _compiler, _parser  # type: ignore[attr-defined]
from typing import Any

from charrnn.errors import ConfigError

_UNSUPPORTED = {
    **dict.fromkeys(("ASSERT", "ASSERT_NOT", "FAILURE"), "look-ahead or look-behind"),
    **dict.fromkeys(("AT_BOUNDARY", "AT_NON_BOUNDARY"), "a word boundary"),
    **dict.fromkeys(("GROUPREF", "GROUPREF_IGNORE"), "a back-reference"),
    "GROUPREF_EXISTS": "a conditional group",
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "a possessive quantifier",
}


@dataclass(frozen=True, eq=False)
class CharSet:
    """One character of a set. Equal sets of an expression are one object."""

    regex: re.Pattern[str]

    def among(self, characters: str) -> set[str]:
        """Return which of some characters are in the set."""
        return set(self.regex.findall(characters))


class Anchor(Enum):
    """A condition on the position in the text."""

    START = r"\A"
    END = r"\Z"
    LINE_END = "$"  # at the end, or before a newline that ends the text


@dataclass(frozen=True)
class Sequence:
    """One part after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """One of several parts."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """A part repeated ``low`` to ``high`` times; None means without limit."""

    part: Node
    low: int
    high: int | None


Node = CharSet | Anchor | Sequence | Choice | Repeat


def parse(expression: str, *, is_ascii: bool = False) -> Node:
    r"""Return the tree of an expression; with ``is_ascii``, ``\w`` and its like are ASCII.

    Raises:
        ConfigError: If the expression is invalid, or no automaton can follow it.
        RecursionError: If it is nested too deeply.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about syntax that may change its meaning
            tree = _parser.parse(expression, re.ASCII if is_ascii else 0)
    except (re.error, ValueError, OverflowError) as error:
        raise ConfigError(
            f"`match`: invalid regular expression {expression!r}: {' '.join(str(error).split())}"
        ) from None
    return _Translator().sequence(tree, tree.state.flags)


class _Translator:
    """Translates a tree of ``re`` and remembers its character sets."""

    def __init__(self) -> None:
        self._sets: dict[tuple[str, int], CharSet] = {}

    def sequence(self, items: Iterable[tuple[Any, Any]], flags: int) -> Node:
        """Translate items that follow one another."""
        return Sequence(tuple(self._node(item, flags) for item in items))

    def _node(self, item: tuple[Any, Any], flags: int) -> Node:
        """Translate one item: an operation of ``re._constants`` and its arguments."""
        operation, argument = item
        match str(operation):
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return self._char_set(item, flags)
            case "BRANCH":
                return Choice(tuple(self.sequence(option, flags) for option in argument[1]))
            case "SUBPATTERN":
                _, added, removed, items = argument
                return self.sequence(items, (flags | added) & ~removed)
            case "MAX_REPEAT" | "MIN_REPEAT":
                low, high, items = argument
                return self._repeat(low, high, items, flags)
            case "AT":
                return self._anchor(str(argument), flags)
        raise _unsupported(str(operation))

    def _repeat(self, low: int, high: int, items: Any, flags: int) -> Node:
        """Translate a repetition. Repeating what matches no character changes nothing."""
        if items.getwidth()[1] == 0:
            low, high = min(low, 1), min(high, 1)
        part = self.sequence(items, flags)
        return Repeat(part, low, None if high == _parser.MAXREPEAT else high)

    def _anchor(self, name: str, flags: int) -> Anchor:
        """Translate a condition on the position."""
        if flags & re.MULTILINE and name in ("AT_BEGINNING", "AT_END"):
            raise ConfigError("`match`: the flag m is not supported; leave it out")
        match name:
            case "AT_BEGINNING" | "AT_BEGINNING_STRING":
                return Anchor.START
            case "AT_END":
                return Anchor.LINE_END
            case "AT_END_STRING":
                return Anchor.END
        raise _unsupported(name)

    def _char_set(self, item: tuple[Any, Any], flags: int) -> CharSet:
        """Return the set of characters that an item matches."""
        key = repr(item), flags
        if key not in self._sets:
            state = _parser.State()
            state.flags = flags
            self._sets[key] = CharSet(_compiler.compile(_parser.SubPattern(state, [item]), flags))
        return self._sets[key]


def _unsupported(operation: str) -> ConfigError:
    """Return the error for an operation that cannot be followed character by character."""
    construct = _UNSUPPORTED.get(operation, operation)
    return ConfigError(f"`match`: {construct} is not supported; leave it out")
