"""The syntax of regular expressions: text to a tree.

Python's ``re`` says whether an expression is one, and which characters a class such as ``[^a-f]``
or ``\\w`` has; here its parts are found. What no finite automaton can do, or what looks around
itself, is refused.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from charrnn.errors import ConfigError

_CHARS = re.compile(
    r"\\(?:x..|u.{4}|U.{8}|N\{[^}]*\}|0[0-7]{0,2}|[0-3][0-7]{2}|.)"  # an escape
    r"|\[\^?\]?(?:\\.|[^\]\\])*\]"  # a class
    r"|.",
    re.DOTALL,
)
_REPEAT = re.compile(r"(\*|\+|\?|\{(?:\d+(?:,\d*)?|,\d*)\})([?+]?)")
_FLAGS = re.compile(r"\(\?([aimsLux]+)\)")
_GROUP = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))")
_COMMENT = re.compile(r"\(\?#[^)]*\)")


@dataclass(frozen=True)
class Chars:
    """One of some characters, as ``re`` understands them."""

    source: str
    flags: str

    def among(self, characters: str) -> set[str]:
        """Return which of some characters are of these."""
        return set(re.findall(self.flags + self.source, characters))


class Edge(Enum):
    """An end of the text."""

    START = "^"
    END = "$"


@dataclass(frozen=True)
class Sequence:
    """One part after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """One of some parts."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """A part ``low`` to ``high`` times, None for any number."""

    part: Node
    low: int
    high: int | None


Node = Chars | Edge | Sequence | Choice | Repeat


def parse(expression: str, *, is_ascii: bool = False) -> Node:
    """Return the tree of an expression.

    Args:
        expression: In the syntax of ``re``.
        is_ascii: Whether ``\\w`` and its like mean those of ASCII alone.

    Raises:
        ConfigError: If it is none, or has parts that no automaton can follow.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what may mean something else one day
            re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(f"--match: {expression!r} is no regular expression: {error}") from None
    flags = "a" if is_ascii else ""
    start = 0
    if found := _FLAGS.match(expression):
        start = found.end()
        if refused := set(found[1]) - set("ais"):
            raise ConfigError(f"--match: the flag {min(refused)} is not supported; a, i and s are")
        flags += found[1]
    reader = _Reader(expression, start, f"(?{flags})" if flags else "")
    try:
        return reader.choice()
    except RecursionError:
        raise ConfigError(f"--match: {expression[:40]!r}... is nested too deeply") from None


class _Reader:
    """Reads an expression, part by part; ``re`` has found its syntax good."""

    def __init__(self, expression: str, start: int, flags: str) -> None:
        """Begin after the flags."""
        self._expression = expression
        self._position = start
        self._flags = flags

    def _take(self, what: re.Pattern[str]) -> re.Match[str] | None:
        """Read something if it comes next."""
        found = what.match(self._expression, self._position)
        if found:
            self._position = found.end()
        return found

    def _next(self) -> str:
        """Return the next character, unread; at the end nothing."""
        return self._expression[self._position : self._position + 1]

    def _refuse(self, what: str) -> NoReturn:
        """Say what is not supported, and where."""
        raise ConfigError(
            f"--match: {what} at position {self._position} of {self._expression!r} "
            "cannot be followed character by character; do without"
        )

    def choice(self) -> Node:
        """Read up to the end of a group or of the whole."""
        options = [self._sequence()]
        while self._next() == "|":
            self._position += 1
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Node:
        """Read parts, one after the other."""
        parts: list[Node] = []
        while self._next() not in ("", "|", ")"):
            if self._take(_COMMENT):
                continue
            part = self._part()
            if found := self._take(_REPEAT):
                if found[2] == "+":
                    self._refuse("a repetition that gives nothing back")
                part = Repeat(part, *_times(found[1]))
            parts.append(part)
        return Sequence(tuple(parts))

    def _part(self) -> Node:
        """Read one part."""
        if self._next() == "(":
            if not self._take(_GROUP):
                self._refuse("a group with (?")
            inner = self.choice()
            self._position += 1  # the end of the group
            return inner
        source = self._expression[self._position :][:2]
        if source[:1] in ("^", "$"):
            self._position += 1
            return Edge(source[:1])
        if source in (r"\A", r"\Z"):
            self._position += 2
            return Edge.START if source == r"\A" else Edge.END
        if source in (r"\b", r"\B"):
            self._refuse("a word boundary")
        if re.match(r"\\(?![0-3][0-7]{2})[1-9]", self._expression[self._position :]):
            self._refuse("a back-reference")
        found = self._take(_CHARS)
        assert found is not None
        return Chars(found[0], self._flags)


def _times(repeat: str) -> tuple[int, int | None]:
    """Return the least and the largest number of a repetition; None for no largest."""
    if repeat in ("*", "+", "?"):
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[repeat]
    low, comma, high = repeat.strip("{}").partition(",")
    least = int(low or 0)
    if not comma:
        return least, least
    return least, int(high) if high else None
