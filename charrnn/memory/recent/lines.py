"""Where a text stands: in its word, in its line, and below which characters of the line above.

A field is a stretch without white space. So the second field of a line of a log stands below the
second one of the line before, however long the first ones are. A figure is a digit of a number: a
run of them counts as one, because dates, addresses and identifiers seldom come again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from charrnn.text.vocabulary import Vocabulary

KEYS = (
    "word so far",
    "word so far, and the one before",
    "word so far, and the one before that",
    "word so far, and its number in the line",
    "field of the line, its first word, and the word before",
    "last character, and two above",
    "character above in the same field",
    "line so far, numbers as one figure",
)
NUM_KEYS = len(KEYS)

MAX_COLUMNS = 256  # of a line; what stands further right is not seen from below
FIRST_COLUMNS = 3  # that are told apart at the start of a line

MASK = (1 << 64) - 1
BASE = 0x9E3779B97F4A7C15  # of the sums over a word and a line
FIGURE = 0xE7037ED1A0B428DB  # what a number counts in an outline
_A, _B, _C, _D = 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xA0761D6478BD642F, FIGURE


def make_keys(
    digit: Any, words: Sequence[Any], outline: Any, above: Sequence[Any], field: Sequence[Any]
) -> tuple[Any, ...]:
    """Return what the contexts after a character depend on, ``KEYS``, as numbers modulo 2^64.

    Each value is a number or, for several characters, an array of uint64.

    Args:
        digit: The last character.
        words: The first five attributes of ``Line``.
        outline: Another one.
        above: The next character but one line above, the one after that, and the next one above
            in the same field; 0 for none.
        field: How many fields of the line have ended; 1 in a field, and 2 more if that has been
            like the one above so far; and how many characters the line has, at most
            ``FIRST_COLUMNS``.
    """
    word, previous, before, first, num_words = words
    upper, next_upper, beside = above
    number, alike, column = field
    so_far = word * _A + digit
    return (
        so_far & MASK,
        (so_far + previous * _B) & MASK,
        (so_far + before * _C) & MASK,
        (so_far + num_words * _D) & MASK,
        (first * _A + previous * _B + number * _C + column) & MASK,
        (upper * _A + next_upper * _B + digit) & MASK,
        (beside * _A + number * _C + alike) & MASK,
        outline,
    )


class Line(NamedTuple):
    """Where a text stands. A digit is an id and one more; words are sums over their letters.

    Attributes:
        word: The word so far, 0 for none.
        previous: The word before it.
        before: The word before that.
        first: The first word of the line, once it has ended.
        num_words: How many words of this line have begun.
        outline: A sum over the digits of this line, in which a number is one figure.
        is_figure: Whether the last character is a figure.
        above: The digits of the line above.
        digits: Those of this line so far.
        field: How many fields of this line have ended.
        is_in_field: Whether the last character is part of a field.
        is_alike: Whether this field has been like the one above so far.
        below: The place in the line above below which the next character stands, by fields.
    """

    word: int = 0
    previous: int = 0
    before: int = 0
    first: int = 0
    num_words: int = 0
    outline: int = 0
    is_figure: bool = False
    above: tuple[int, ...] = ()
    digits: tuple[int, ...] = ()
    field: int = 0
    is_in_field: bool = False
    is_alike: bool = True
    below: int = 0


START = Line()


class Lines:
    """Follows texts over one vocabulary.

    Attributes:
        letters: What each digit counts in a word, where upper and lower case are one; 0 if it parts
            words.
        is_space: Which digits part fields.
        is_figure: Which are figures.
        letter_table: ``letters`` as an array, and so ``space_table`` and ``figure_table``.
        newline: The digit that ends a line, 0 if there is none.
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
        self.newline = digits.get("\n", 0)
        self.letter_table = np.array(self.letters, np.uint64)
        self.space_table, self.figure_table = np.array(self.is_space), np.array(self.is_figure)

    def read(self, digit: int, line: Line) -> Line:
        """Return where a text stands after one more character."""
        word, previous, before, first, num_words, outline, was_figure, above, digits, *_ = line
        letter, is_figure = self.letters[digit], self.is_figure[digit]
        if letter:
            num_words += not word
            word = (word * BASE + letter) & MASK
        elif word:
            word, previous, before, first = 0, word, previous, first or word
        if digit == self.newline:
            below = self._begin_of_field(digits, 0)
            return Line(word, previous, before, above=digits, below=below)
        if not is_figure:
            outline = (outline * BASE + digit) & MASK
        elif not was_figure:
            outline = (outline * BASE + FIGURE) & MASK
        if len(digits) < MAX_COLUMNS:
            digits = (*digits, digit)
        words = word, previous, before, first, num_words, outline, is_figure
        return Line(*words, above, digits, *self._read_field(digit, line))

    def _read_field(self, digit: int, line: Line) -> tuple[int, bool, bool, int]:
        """Return the last four attributes of a line after one more character."""
        above, field, below = line.above, line.field, line.below
        if not self.is_space[digit]:
            expected = self._at(above, below)
            return field, True, line.is_alike and digit == expected, below + (expected > 0)
        if not line.is_in_field:
            return field, False, True, below
        while self._at(above, below):  # to the end of the field above
            below += 1
        return field + 1, False, True, self._begin_of_field(above, below)

    def keys(self, digit: int, line: Line) -> tuple[int, ...]:
        """Return what the contexts after a digit depend on; see ``make_keys``."""
        column, alike = len(line.digits), 2 * line.is_alike + line.is_in_field
        upper, next_upper, *_ = (*line.above[column : column + 2], 0, 0)
        above = upper, next_upper, self._at(line.above, line.below)
        field = line.field, alike, min(column, FIRST_COLUMNS)
        return make_keys(digit, line[:5], line.outline, above, field)

    def _at(self, above: tuple[int, ...], place: int) -> int:
        """Return the digit at a place of a field, 0 past its end."""
        digit = above[place] if place < len(above) else 0
        return 0 if self.is_space[digit] else digit

    def _begin_of_field(self, above: tuple[int, ...], place: int) -> int:
        """Return where the next field begins, from a place between two fields on."""
        while place < len(above) and self.is_space[above[place]]:
            place += 1
        return place
