"""How characters and stretches of a text are shown, in colours or without."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from charrnn.insight.text import Text
from charrnn.render.heat import named, shown_character
from charrnn.render.heat_terminal import DigitHeat, painted
from charrnn.text.vocabulary import Vocabulary

_STEPS = 8  # of a colour


class Pen:
    """Shows characters of a text."""

    def __init__(self, text: Text, vocabulary: Vocabulary, *, color: bool, width: int) -> None:
        """Take a text, and the width of the terminal in cells."""
        self.text = text
        self._vocabulary = vocabulary
        self.color = color
        self._width = width
        self._show = partial(shown_character, vocabulary)

    def name(self, id: int) -> str:
        """Return a character in quotes, white space as signs."""
        return f'"{named(self.character(id))}"'

    def character(self, id: int) -> str:
        """Return a character; the end of a document is a newline."""
        return "\n" if id == self.text.end_id else self._vocabulary.decode(np.array([id]))

    def before(self, place: int, num_chars: int) -> str:
        """Return the last characters before a place on one line, white space as signs."""
        return named(self.text.shown[max(place - num_chars, self.text.start(place)) : place])

    def signed(self, values: Any, begin: int) -> Iterator[str]:
        """Yield a stretch in colours, warm for more and cold for less than 0; else nothing."""
        most = float(np.abs(values).max()) if len(values) else 0.0
        if self.color and most:
            levels = np.rint(values / most * _STEPS).astype(int).tolist()
            text = self.text.shown[begin : begin + len(levels)]
            yield from painted(text, levels, self._show).split("\n")

    def scaled(self, values: Any, begin: int) -> Iterator[str]:
        """Yield a stretch in colours, or above digits, from its lowest to its highest value."""
        levels = scaled_levels(values, _STEPS if self.color else 9)
        text = self.text.shown[begin : begin + len(levels)]
        if self.color:
            yield from painted(text, levels, self._show).rstrip("\n").split("\n")
        else:
            heat = DigitHeat(self._vocabulary, self._width)
            yield from (heat.lines(text, levels) + heat.rest()).rstrip("\n").split("\n")


def scaled_levels(values: Any, highest: int) -> list[int]:
    """Return a level for each value: 0 for the lowest, ``highest`` for the highest."""
    low, high = float(values.min()), float(values.max())
    shares = (values.astype(np.float32) - low) / ((high - low) or 1.0)
    levels: list[int] = np.rint(shares * highest).astype(int).tolist()
    return levels
