"""Heat maps on a terminal: each character in a colour, or above a digit, for its surprise."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial

from charrnn.evaluation.surprise import Passage
from charrnn.render.heat import LEVEL_NAMES, LINE_END, heat_levels, shown_character
from charrnn.text.escaping import cell_widths, num_cells
from charrnn.text.vocabulary import Vocabulary

# The nearest of the 256 colours that terminals share; level 0 is not coloured.
_WARM = (
    *((230, 16), (223, 16), (216, 16), (215, 16)),
    *((209, 16), (167, 231), (124, 231), (88, 231)),
)
_COLD = (
    *((195, 16), (153, 16), (117, 16), (111, 16)),
    *((75, 16), (32, 231), (25, 231), (18, 231)),
)
_SGR = ("", *(f"\x1b[48;5;{back};38;5;{front}m" for back, front in _WARM))
_COLD_SGR = ("", *(f"\x1b[48;5;{back};38;5;{front}m" for back, front in _COLD))
_RESET = "\x1b[0m"


def _paint(sgr: str, text: str) -> str:
    """Return text in a colour; unchanged for no colour or no text."""
    return f"{sgr}{text}{_RESET}" if sgr and text else text


def painted(text: str, levels: Sequence[int], show: Callable[[str], str]) -> str:
    """Return a text in colours, safe for a terminal.

    Args:
        text: N characters.
        levels: For each, 0 for no colour, 1 to 8 for warm ones or -1 to -8 for cold ones.
        show: Returns a character as it is shown; see ``shown_character``.
    """
    parts = []
    for level, run in itertools.groupby(zip(levels, text, strict=True), key=lambda pair: pair[0]):
        sgr = _SGR[level] if level >= 0 else _COLD_SGR[-level]
        # No colour spans two lines.
        lines = "".join(character for _, character in run).split("\n")
        colored = [_paint(sgr, "".join(map(show, line))) for line in lines]
        end = _paint(sgr, LINE_END) if level else ""
        parts.append(f"{end}\n".join(colored))
    return "".join(parts)


_SCALE = "".join(_paint(sgr, f" {name} ") for sgr, name in zip(_SGR, LEVEL_NAMES, strict=True))


def make_heat(vocabulary: Vocabulary, width: int, *, color: bool) -> ColorHeat | DigitHeat:
    """Return a heat map in colours, or in digits with lines of ``width`` cells."""
    return ColorHeat(vocabulary) if color else DigitHeat(vocabulary, width)


class ColorHeat:
    """Shows a text in the 256 colours of terminals."""

    legend = f"bits: {_SCALE}\n"

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Begin a text."""
        self._show = partial(shown_character, vocabulary)

    def text(self, passage: Passage) -> str:
        """Return a passage in colours, safe for a terminal."""
        return painted(passage.text, heat_levels(passage.surprise).tolist(), self._show)

    def rest(self) -> str:
        """Return the rest of a text: nothing."""
        return ""


class DigitHeat:
    """Shows each line of a text above digits: the whole bits of its characters.

    A space means less than 1 bit, a 9 means 9 bits or more.
    """

    legend = "digits: whole bits of the character above; blank: less than 1; 9: 9 or more\n"

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        """Begin a text; lines of more than ``width`` cells are wrapped."""
        self._show = partial(shown_character, vocabulary)
        self._width = width
        self._begin()

    def _begin(self) -> None:
        """Begin a line."""
        self._line, self._digits, self._cells = "", "", 0

    def text(self, passage: Passage) -> str:
        """Return the lines that end in a passage."""
        return self.lines(passage.text, heat_levels(passage.surprise, 9).tolist())

    def lines(self, text: str, levels: Sequence[int]) -> str:
        """Return the lines that end in a text, given a digit for each character."""
        done = ""
        widths = cell_widths(text)
        for character, value, width in zip(text, levels, widths, strict=True):
            seen = LINE_END * (value > 0) if character == "\n" else self._show(character)
            seen = seen.replace("\t", " ")
            cells = width if seen == character else num_cells(seen)
            if self._cells and self._cells + cells > self._width:
                done += self.rest()
            self._line += seen
            self._digits += (str(value) if value else " ").ljust(cells) if cells else ""
            self._cells += cells
            if character == "\n":
                done += self.rest() or "\n"
        return done

    def rest(self) -> str:
        """Return the current line with its digits, and start the next."""
        digits = self._digits.rstrip()
        shown = f"{self._line}\n" + (f"{digits}\n" if digits else "") if self._line else ""
        self._begin()
        return shown
