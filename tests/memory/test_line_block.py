"""Words, fields and lines of a block, against one character after another."""

from __future__ import annotations

import numpy as np
import pytest

from charrnn.memory.recent.line_block import read_block
from charrnn.memory.recent.lines import MAX_COLUMNS, START, Line, Lines
from charrnn.text.vocabulary import Vocabulary

TEXT = Vocabulary("\n Aab'12", separator="")
ONE_LINE = Vocabulary(" ab1", separator="")
DOCUMENTS = Vocabulary("\n ab1", separator="\n\n")


def read_each(
    lines: Lines, digits: list[int], line: Line, end: int
) -> tuple[list[tuple[int, ...]], Line]:
    """Return the keys after each character, and where the text stands after all."""
    keys = []
    for digit in digits:
        line = START if digit == end else lines.read(digit, line)
        keys.append(lines.keys(digit, line))
    return keys, line


@pytest.mark.parametrize("vocabulary", [TEXT, ONE_LINE, DOCUMENTS])
@pytest.mark.parametrize("seed", range(20))
def test_a_block_is_its_characters(vocabulary: Vocabulary, seed: int) -> None:
    """Keys and state are those of single characters, wherever the text is cut."""
    rng = np.random.default_rng(seed)
    weights = rng.random(vocabulary.size) ** rng.integers(1, 9)  # some lines are very long
    digits = 1 + rng.choice(vocabulary.size, 1500, p=weights / weights.sum())
    end = 0 if vocabulary.end_id is None else vocabulary.end_id + 1
    lines, line, place = Lines(vocabulary), START, 0
    while place < len(digits):
        block = digits[place : place + rng.choice([1, 2, 10, 300, 1000])]
        expected, expected_line = read_each(lines, block.tolist(), line, end)
        keys, line = read_block(lines, block, line, end)
        np.testing.assert_array_equal(keys, np.array(expected, np.uint64))
        assert line == expected_line
        assert max(len(line.above), len(line.digits)) <= MAX_COLUMNS
        place += len(block)
