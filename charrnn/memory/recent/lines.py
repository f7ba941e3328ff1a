"""Where a text stands: in its word, in its line, and below which characters of the line above.

A field is a stretch without white space. So the second field of a line of a log stands below the
second one of the line before, however long the first ones are. A figure is a digit of a number: a
run of them counts as one, because dates, addresses and identifiers seldom come again.
"""

from __future__ import annotations

from typing import NamedTuple

from charrnn.text.vocabulary import Vocabulary

_A, _B, _C, _D = 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB
_SO_FAR = {"word": _A, "digit": 1}

KEYS = {
    "word so far": _SO_FAR,
    "word so far, and the one before": {**_SO_FAR, "previous": _B},
    "word so far, and the one before that": {**_SO_FAR, "before": _C},
    "word so far, and its number in the line": {**_SO_FAR, "num_words": _D},
    "field of the line, its first word, and the word before": {
        "first": _A,
        "previous": _B,
        "field": _C,
        "column": 1,
    },
    "last character, and two above": {"upper": _A, "next_upper": _B, "digit": 1},
    "character above in the same field": {"beside": _A, "field": _C, "alike": 1},
    "line so far, numbers as one figure": {"outline": 1},
}
"""The contexts by name. Each is known by a sum, modulo 2^64, over the last digit and attributes of
``Line``; here are their factors."""

MAX_COLUMNS = 256  # of a line; what stands further right is not seen from below
FIRST_COLUMNS = 3  # that are told apart at the start of a line

_MASK = (1 << 64) - 1
_BASE = 0x9E3779B97F4A7C15  # of the sums over a word and a line
_FIGURE = _D  # what a number counts in an outline
_NOTHING = (0,) * (MAX_COLUMNS + 2)


class Line(NamedTuple):
    """Where a text stands. A digit is an id plus 1, or 0 for none; a word, a sum of its letters.

    Attributes:
        word: The word so far, 0 for none.
        previous: The word before it.
        before: The word before that.
        first: The first word of the line, once it has ended.
        num_words: How many words of this line have begun.
        outline: A sum over the digits of this line, in which a number is one figure.
        field: How many fields of this line have ended.
        alike: 1 in a field, and 2 more if that has been like the one above so far.
        column: How many characters this line has, at most ``FIRST_COLUMNS``.
        upper: The digit above the next character.
        next_upper: The digit to the right of that one.
        beside: The digit above the next character in the same field, 0 past its end.
        below: The place of ``beside`` in the line above.
        is_figure: Whether the last character is a figure.
        above: The digits of the line above, then zeros.
        digits: Those of this line so far.
    """

    word: int = 0
    previous: int = 0
    before: int = 0
    first: int = 0
    num_words: int = 0
    outline: int = 0
    field: int = 0
    alike: int = 2
    column: int = 0
    upper: int = 0
    next_upper: int = 0
    beside: int = 0
    below: int = 0
    is_figure: bool = False
    above: tuple[int, ...] = _NOTHING
    digits: tuple[int, ...] = ()


START = Line()
NUM_VALUES = Line._fields.index("below")  # the first attributes; contexts depend on no others


class Lines:
    """Follows texts over one vocabulary.

    Attributes:
        letters: What each digit counts in a word, where upper and lower case are one; 0 if it parts
            words.
        is_space: Which digits part fields.
        is_figure: Which are figures.
        end: The digit that ends a document, 0 if there is none.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Find what the characters are."""
        digits = {character: digit for digit, character in enumerate(vocabulary.characters, 1)}
        self.letters = [0] * (vocabulary.size + 1)
        self.is_space, self.is_figure = ([False] * len(self.letters) for _ in range(2))
        for character, digit in digits.items():
            if character.isalnum():
                self.letters[digit] = digits.get(character.lower(), digit)
            self.is_space[digit] = character.isspace()
            self.is_figure[digit] = character.isdigit()
        self._newline = digits.get("\n", 0)
        self.end = 0 if vocabulary.end_id is None else vocabulary.end_id + 1

    def read(self, line: Line, digit: int) -> Line:
        """Return where a text stands after one more character."""
        if digit == self.end:
            return START
        word, previous, before, first, num_words, outline, field, alike = line[:8]
        beside, below, was_figure, above, digits = line[-5:]
        letter, is_figure, is_space = self.letters[digit], self.is_figure[digit], self.is_space
        if letter:
            num_words += word == 0
            word = (word * _BASE + letter) & _MASK
        elif word:
            word, previous, before, first = 0, word, previous, first or word
        if digit == self._newline:
            above, digits = digits + _NOTHING[len(digits) :], ()
            first, num_words, outline, field, alike = START[3:8]
            below = self._begin_of_field(above, 0)
        else:
            if not is_figure:
                outline = (outline * _BASE + digit) & _MASK
            elif not was_figure:
                outline = (outline * _BASE + _FIGURE) & _MASK
            if len(digits) < MAX_COLUMNS:
                digits = (*digits, digit)
            if not is_space[digit]:
                alike = 3 if digit == beside and alike >= 2 else 1
                below += beside > 0
            else:
                if alike & 1:  # a field has ended
                    while above[below] and not is_space[above[below]]:
                        below += 1
                    field, below = field + 1, self._begin_of_field(above, below)
                alike = 2
        words = word, previous, before, first, num_words, outline
        column, beside = len(digits), above[below]
        if is_space[beside]:
            beside = 0
        seen = min(column, FIRST_COLUMNS), above[column], above[column + 1], beside
        return Line(*words, field, alike, *seen, below, is_figure, above, digits)

    def _begin_of_field(self, above: tuple[int, ...], place: int) -> int:
        """Return where the next field begins, from a place between two fields on."""
        while self.is_space[above[place]]:
            place += 1
        return place
