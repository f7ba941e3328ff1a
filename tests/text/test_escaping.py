"""Nothing in a shown text controls a terminal, and its width is what a terminal draws."""

from __future__ import annotations

import os
import unicodedata

import pytest

from charrnn.text.escaping import cell_widths, escape_controls, num_cells, printable, visible

BIDI = "\u061c\u200e\u200f\u202a\u202e\u2066\u2069"


@pytest.mark.parametrize("character", [*"\x00\x1b\x7f\x9b\ud800\udcff\u2028", *BIDI], ids=ascii)
def test_controls_are_escaped(character: str) -> None:
    """Controls, marks of direction and lone surrogates are shown in Python's notation."""
    for shown in (escape_controls(f"a{character}b"), printable(f"a{character}b")):
        assert shown.isprintable()
        assert shown[1] == "\\"
    assert visible(character).startswith("\\")


def test_all_marks_of_direction_are_escaped() -> None:
    """Unicode's own properties name the same marks of direction."""
    classes = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    marks = [c for c in map(chr, range(0x110000)) if unicodedata.bidirectional(c) in classes]
    assert len(marks) == 9
    assert all(escape_controls(mark) != mark for mark in marks)


@pytest.mark.parametrize(
    "text", ["tab\tand\nline", "caf\u00e9", "\u0646\u200c\u0645", "\U0001f468\u200d\U0001f469"]
)
def test_ordinary_text_stays(text: str) -> None:
    """Newlines, tabs, and the joiners of scripts and emoji stay."""
    assert escape_controls(text) == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (os.fsdecode(b"caf\xe9.txt"), r"caf\xe9.txt"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("caf\u00e9 1", "caf\u00e9 1"),
    ],
    ids=ascii,
)
def test_names_are_one_line(name: str, shown: str) -> None:
    """A file name is printed as one line of UTF-8, whatever its bytes."""
    assert printable(name) == shown
    assert shown.encode()


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("abc", 3),
        ("\u6f22\u5b57", 4),
        ("e\u0301", 1),
        ("\U0001f600", 2),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 2),
        ("\u2764\ufe0f", 2),
        ("a \U0001f468\u200d\U0001f469 b", 6),
        ("", 0),
    ],
    ids=ascii,
)
def test_widths_are_those_of_a_terminal(text: str, cells: int) -> None:
    """An emoji with joiners is one symbol, and the characters share out its width."""
    assert num_cells(text) == cells
    assert sum(cell_widths(text)) == cells
    assert len(cell_widths(text)) == len(text)


def test_widths_of_a_long_text_take_little_time() -> None:
    """The widths of a long text without spaces are counted symbol by symbol."""
    text = "\u6f22" * 20_000 + "\U0001f600" * 20_000 + "\U0001f44d\U0001f3fd" * 2_000
    assert sum(cell_widths(text)) == num_cells(text)
