r"""Features of a text that a unit may follow: for each character, what holds after it was read.

A feature is yes or no, or a number. Features are found by looking at the whole text, so some, as
the quotes of a line, look ahead; a unit has read only what comes before.

Sizes: N characters.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn.errors import ConfigError

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Feature:
    """A feature of a text.

    Attributes:
        name: Such as ``inside quotes`` or ``the column``.
        values: Of each character, shape (N,): 0 and 1, or numbers.
        is_number: Whether it is a number.
    """

    name: str
    values: Values
    is_number: bool = False


_SPANS = (  # a quote or bracket never spans two paragraphs
    (
        "quotes",
        r'"((?:[^"\n]|\n(?!\s*\n))+)"|\u201c((?:[^\u201d\n]|\n(?!\s*\n))+)\u201d'
        r"|\u00ab((?:[^\u00bb\n]|\n(?!\s*\n))+)\u00bb|\u300c([^\u300d\n]+)\u300d",
    ),
    ("round brackets", r"\(((?:[^()\n]|\n(?!\s*\n))+)\)|\uff08([^\uff08\uff09\n]+)\uff09"),
    ("square brackets", r"\[((?:[^\[\]\n]|\n(?!\s*\n))+)\]"),
    ("curly brackets", r"\{((?:[^{}\n]|\n(?!\s*\n))+)\}"),
    ("a comment", r"(?m)(?<![\w\"':])(?:#|//)(.+)$|/\*([^*]*(?:\*(?!/)[^*]*)*)\*/"),
    ("a doc string", r'"""((?:[^"]|"(?!""))+)"""'),
    ("a name in capitals before a colon", r"(?m)^([A-Z][A-Z .'-]+)(?=:)"),
    ("a word in capitals", r"\b([A-Z]{2,})\b"),
    ("a capitalised word", r"\b([A-Z][a-z]+)\b"),
    ("a number", r"([0-9]+(?:[.,][0-9]+)*)"),
    ("a word", r"([^\W\d_]+)"),
    ("the first word of a line", r"(?m)^[ \t]*(\w+)"),
    ("indentation", r"(?m)^([ \t]+)(?=\S)"),
)
"""Things to be inside of, as regular expressions whose groups mark them."""

_SENTENCE_END = re.compile(
    r"[.!?\u3002\uff01\uff1f][\"')\u201d\u2019]?(?=\s|$)|[\u3002\uff01\uff1f]|\n\s*\n"
)


def find_features(text: str, patterns: tuple[str, ...] = ()) -> list[Feature]:
    """Return the features of a text, those of the user's patterns first.

    A pattern is a regular expression; its groups mark where the feature holds, or the whole match
    if it has none. For errors see ``compile_pattern``.
    """
    own = [
        Feature(f"inside {pattern}", _inside(compile_pattern(pattern), text))
        for pattern in patterns
    ]
    known = [
        Feature(f"inside {name}", _inside(re.compile(pattern), text)) for name, pattern in _SPANS
    ]
    return [*own, *known, *_numbers(text)]


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a pattern of the user.

    Raises:
        ConfigError: If it is not a regular expression.
    """
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ConfigError(f"`feature`: {pattern!r} is not a regular expression: {error}") from None


def _inside(pattern: re.Pattern[str], text: str) -> Values:
    """Return 1 where a group of a pattern, or a whole match of one without groups, matches."""
    values = np.zeros(len(text), np.float32)
    for found in pattern.finditer(text):
        groups = range(1, pattern.groups + 1) if pattern.groups else (0,)
        for group in groups:
            begin, end = found.span(group)
            values[max(begin, 0) : max(end, 0)] = 1
    return values


def _numbers(text: str) -> Iterator[Feature]:
    """Yield the numeric features, such as the column and the depth of brackets."""
    places = np.arange(len(text))
    line_ends = np.array([found.end() for found in re.finditer("\n", text)], np.int64)
    yield Feature("the column", _since(line_ends, places), is_number=True)
    yield Feature("the indentation of the line", _indentation(text), is_number=True)
    word = _inside(re.compile(r"[^\W\d_]+"), text)
    breaks = np.flatnonzero(word == 0) + 1
    yield Feature("the place in the word", _since(breaks, places + 1) * word, is_number=True)
    ends = np.array([found.end() for found in _SENTENCE_END.finditer(text)], np.int64)
    yield Feature("the place in the sentence", _since(ends, places), is_number=True)
    signs = np.zeros(len(text), np.float32)
    for found in re.finditer(r"[()\[\]{}]", text):
        signs[found.start()] = 1 if found[0] in "([{" else -1
    yield Feature("the depth of brackets", np.maximum(np.cumsum(signs), 0), is_number=True)


def _since(events: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> Values:
    """Return how many characters stand between the last event and each place."""
    before = np.searchsorted(events, places, side="right") - 1
    last = np.where(before >= 0, events[np.maximum(before, 0)] if len(events) else 0, 0)
    since: Values = (places - last).astype(np.float32)
    return since


def _indentation(text: str) -> Values:
    """Return how many blanks the line of each character begins with."""
    lines = text.split("\n")
    depths = [len(line) - len(line.lstrip(" \t")) for line in lines]
    values: Values = np.repeat(np.array(depths, np.float32), [len(line) + 1 for line in lines])
    return values[: len(text)]
