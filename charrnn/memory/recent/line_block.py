"""Words, fields and lines of a block of a text; ``lines`` reads one character at a time.

The sum over a word is the difference of two sums over the whole block. They are numbers modulo
2^64, where an odd base has an inverse, so nothing is rounded.

Sizes: T characters of a block, R lines that it touches, J keys.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.memory.recent.lines import (
    BASE,
    FIGURE,
    FIRST_COLUMNS,
    MASK,
    MAX_COLUMNS,
    Line,
    Lines,
    make_keys,
)

Sums = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_BASE, _INVERSE = np.uint64(BASE), np.uint64(pow(BASE, -1, 1 << 64))


class _Rows(NamedTuple):
    """The lines of a block.

    Attributes:
        text: The digits of the line above the block, 0, the line so far, the block, and 0.
        is_end: Whether each character of the block ends a document, shape (T,).
        is_break: Whether it ends a line or a document, shape (T,).
        row: The line of the character after it, shape (T,).
        column: How many characters of the line come before that one, shape (T,).
        begins: Where each line begins in ``text``, the line above the block first, shape (1 + R,).
        sizes: Its length, at most ``MAX_COLUMNS``, shape (1 + R,).
        known: How much of it is known to the line below: nothing of another document; shape (R,).
    """

    text: Counts
    is_end: Flags
    is_break: Flags
    row: Counts
    column: Counts
    begins: Counts
    sizes: Counts
    known: Counts

    def above(self, place: Counts) -> Counts:
        """Return the digits at places in the line above, 0 past its end, shape (T,)."""
        is_there = place < self.known[self.row]
        digits: Counts = self.text[np.where(is_there, self.begins[self.row] + place, -1)]
        return digits

    def since_break(self, is_counted: Flags, before: int) -> Counts:
        """Count characters since the last break; ``before`` is the count at the block's start."""
        counts = is_counted.cumsum()
        since: Counts = counts - np.append(-before, counts[self.is_break])[self.row]
        return since

    def line(self, number: int, size: int) -> tuple[int, ...]:
        """Return the first digits of a line."""
        return tuple(self.text[self.begins[number] :][:size].tolist())


def read_block(lines: Lines, digits: Counts, line: Line, end: int) -> tuple[Sums, Line]:
    """Read the next characters of a text.

    Args:
        lines: What the characters are.
        digits: The characters, shape (T,).
        line: Where the text stands before them.
        end: The digit that ends a document, of which the next one knows nothing; 0 for none.

    Returns:
        What the contexts after each character depend on, shape (T, J), and where the text stands
        after all; see ``Lines``.
    """
    rows = _find_rows(lines, digits, line, end)
    words = _read_words(lines, digits, line, rows)
    outline = _read_outline(lines, digits, line, rows)
    field, is_in_field, is_alike, below, beside = _read_fields(lines, digits, line, rows)
    above = rows.above(rows.column), rows.above(rows.column + 1), beside
    alike = 2 * is_alike.astype(np.int64) + is_in_field
    number = field, alike, np.minimum(rows.column, FIRST_COLUMNS)
    values = ([each.astype(np.uint64) for each in part] for part in (words, above, number))
    of_words, of_above, of_field = values
    keys = make_keys(digits.astype(np.uint64), of_words, outline, of_above, of_field)
    attributes = {
        **dict(zip(Line._fields, words, strict=False)),
        "outline": outline,
        "is_figure": lines.figure_table[digits],
        "field": field,
        "is_in_field": is_in_field,
        "is_alike": is_alike,
        "below": below,
    }
    last: dict[str, Any] = {name: array[-1].item() for name, array in attributes.items()}
    known: dict[str, Any] = {
        "above": rows.line(-2, rows.known[-1]),
        "digits": rows.line(-1, rows.sizes[-1]),
    }
    return np.stack(keys, axis=1), Line(**known, **last)


def _find_rows(lines: Lines, digits: Counts, line: Line, end: int) -> _Rows:
    """Cut a block into lines."""
    is_end = digits == end
    is_break = is_end | (digits == lines.newline)
    breaks, row = np.flatnonzero(is_break), is_break.cumsum()
    text = np.array([*line.above, 0, *line.digits, *digits.tolist(), 0])
    first = len(line.above) + 1
    offset = first + len(line.digits)
    begins = np.concatenate([[0, first], offset + 1 + breaks])
    ends = np.concatenate([[first - 1], offset + breaks, [offset + len(digits)]])
    sizes = np.minimum(ends - begins, MAX_COLUMNS)
    known = sizes[:-1] * np.append(True, ~is_end[breaks])
    column = np.minimum(offset + 1 + np.arange(len(digits)) - begins[1:][row], MAX_COLUMNS)
    return _Rows(text, is_end, is_break, row, column, begins, sizes, known)


def _read_words(lines: Lines, digits: Counts, line: Line, rows: _Rows) -> tuple[Sums | Counts, ...]:
    """Return the first five attributes of ``Line`` after each character, shape (T,) each."""
    letters = lines.letter_table[digits]
    is_letter = letters > 0
    was_letter = np.append(line.word > 0, is_letter[:-1])
    word = _sums(letters, ~(is_letter & was_letter), line.word)
    # The end of a document counts as two words that are nothing.
    num_ended = np.where(rows.is_end, 2, was_letter & ~is_letter)
    was = np.append(np.uint64(line.word), word[:-1])
    ended = np.repeat(np.where(rows.is_end, 0, was), num_ended)
    ended = np.array([line.before, line.previous, *ended.tolist(), 0], np.uint64)
    num = num_ended.cumsum()
    at_break = np.append(0, num[rows.is_break])[rows.row]
    first = np.where(num > at_break, ended[at_break + 2], 0)
    if line.first:
        first[rows.row == 0] = line.first
    num_words = rows.since_break(is_letter & ~was_letter, line.num_words)
    return word, ended[num + 1], ended[num], first, num_words


def _read_outline(lines: Lines, digits: Counts, line: Line, rows: _Rows) -> Sums:
    """Return the outline of each line so far, shape (T,)."""
    is_figure = lines.figure_table[digits]
    is_new = ~(is_figure & np.append(line.is_figure, is_figure[:-1]))
    values = np.where(is_figure, np.uint64(FIGURE), digits.astype(np.uint64)) * ~rows.is_break
    sums = _sums(values[is_new], rows.is_break[is_new], line.outline)
    outline: Sums = np.append(np.uint64(line.outline), sums)[is_new.cumsum()]
    return outline


def _read_fields(
    lines: Lines, digits: Counts, line: Line, rows: _Rows
) -> tuple[Counts, Flags, Flags, Counts, Counts]:
    """Return the last four attributes of ``Line`` after each character, shape (T,) each.

    And the digit below which the next character stands, 0 past the end of the field above.
    """
    is_in_field = ~(lines.space_table[digits] | rows.is_break)
    was_in_field = np.append(line.is_in_field, is_in_field[:-1])
    field = rows.since_break(was_in_field & ~is_in_field & ~rows.is_break, line.field)
    begin, size = _find_above(lines, rows, field)
    places = np.arange(len(digits))
    outside = np.maximum.accumulate(np.where(is_in_field, -1, places))  # the last place of none
    read = places - outside  # of the field
    if line.is_in_field:
        read[outside < 0] += line.below - begin[0]
    expected = np.where(read <= size, rows.above(begin + read - 1), 0)
    unlike = np.append(not line.is_alike, is_in_field & (digits != expected)).cumsum()
    is_alike = unlike[1:] == np.where(outside < 0, 0, unlike[outside + 1])
    beside = np.where(read < size, rows.above(begin + read), 0)
    return field, is_in_field, is_alike, begin + np.minimum(read, size), beside


def _find_above(lines: Lines, rows: _Rows, field: Counts) -> tuple[Counts, Counts]:
    """Return where the field above begins in its line, and its length, shape (T,) each."""
    borders = np.zeros(len(rows.text) + 1, np.int64)
    borders[rows.begins] += 1
    borders[rows.begins + rows.sizes] -= 1
    is_part = (borders.cumsum()[:-1] > 0) & ~lines.space_table[rows.text]
    edges = np.diff(is_part, prepend=False, append=False).nonzero()[0]
    begins, ends = np.append(edges[::2], 0), np.append(edges[1::2], 0)
    first = np.searchsorted(begins[:-1], rows.begins[:-1])
    num = np.searchsorted(begins[:-1], rows.begins[:-1] + rows.known) - first
    is_there = field < num[rows.row]
    number = np.where(is_there, first[rows.row] + field, -1)
    begin = np.where(is_there, begins[number] - rows.begins[rows.row], rows.known[rows.row])
    return begin, ends[number] - begins[number]


def _sums(values: Sums, is_first: Flags, before: int) -> Sums:
    """Return sums of values, shape (T,), each one the sum before times the base and its value.

    At a first value a sum begins anew; ``before`` is the sum before all.
    """
    powers = np.multiply.accumulate(np.full(len(values), _BASE)) * _INVERSE
    inverses = np.multiply.accumulate(np.full(len(values), _INVERSE)) * _BASE
    terms = values * inverses
    totals = terms.cumsum()
    first = np.maximum.accumulate(np.where(is_first, np.arange(len(values)), -1))
    nothing = np.append(totals - terms, np.uint64(-before * BASE & MASK))
    sums: Sums = powers * (totals - nothing[first])
    return sums
