"""Text for people's eyes: nothing in it can control a terminal or hide in a page."""

from __future__ import annotations

import re
import unicodedata

# Control characters but newline and tab, and the marks that turn the direction of writing.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def escape_controls(text: str) -> str:
    """Return text that cannot control a terminal: control characters in Python's notation."""
    return _UNSAFE.sub(lambda match: repr(match[0])[1:-1], text)


def visible(character: str) -> str:
    """Return a character as one that can be seen, or in Python's notation: never a line end."""
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode()


def num_cells(character: str) -> int:
    """Return how many cells of a terminal a character takes: 0, 1 or 2."""
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
