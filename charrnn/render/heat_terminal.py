"""The heat map of a text: each character by its surprise, in colours or in digits."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from charrnn.evaluation.surprise import Passage, Surprise
from charrnn.render.rows import visible_in
from charrnn.text.escaping import cell_widths, num_cells
from charrnn.text.vocabulary import Vocabulary

COLOURS = (  # background and foreground of 0, 1, ..., 8 or more bits, after C. Brewer's scale OrRd
    ("#ffffff", "#222222"),
    ("#fff0d9", "#222222"),
    ("#fee0b6", "#222222"),
    ("#fdcc93", "#222222"),
    ("#fcae75", "#222222"),
    ("#f5804f", "#222222"),
    ("#df4a32", "#ffffff"),
    ("#b81414", "#ffffff"),
    ("#7a0000", "#ffffff"),
)
HOTTEST = len(COLOURS) - 1
LINE_END = "\u21b5"  # shows a line end that was surprising

# The nearest of the 256 colours that terminals share; the coldest is left as it is.
_TERMINAL_COLOURS = (
    *((230, 16), (223, 16), (216, 16), (215, 16)),
    *((209, 16), (167, 231), (124, 231), (88, 231)),
)
_SGR = ("", *(f"\x1b[48;5;{back};38;5;{front}m" for back, front in _TERMINAL_COLOURS))
_RESET = "\x1b[0m"


def heats(surprise: Surprise) -> npt.NDArray[np.int64]:
    """Return the colour of each character, shape (N,): whole bits, up to ``HOTTEST``.

    A character that was not predicted has the coldest.
    """
    whole: npt.NDArray[np.int64] = (np.nan_to_num(surprise.nats) / np.log(2)).astype(np.int64)
    return np.clip(whole, 0, HOTTEST)


def step_names() -> list[str]:
    """Return what the scale says of each colour."""
    return [str(heat) for heat in range(HOTTEST)] + [f"{HOTTEST}+"]


class ColourHeat:
    """Shows a text on a terminal with colours, as it arrives."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Begin a text."""
        self._vocabulary = vocabulary

    def legend(self) -> str:
        """Return the scale."""
        steps = zip(_SGR, step_names(), strict=True)
        return f"bits: {''.join(_paint(sgr, f' {name} ') for sgr, name in steps)}\n"

    def text(self, passage: Passage) -> str:
        """Return a passage in colours; nothing of it can control a terminal."""
        pairs = zip(heats(passage.surprise).tolist(), passage.text, strict=True)
        parts = []
        # A line end stands alone, so that no colour reaches over the end of a line.
        for (heat, is_end), run in itertools.groupby(
            pairs, lambda pair: (pair[0], pair[1] == "\n")
        ):
            characters = [character for _, character in run]
            if is_end:
                parts.append((_paint(_SGR[heat], LINE_END) if heat else "") + "\n")
                parts.extend("\n" * (len(characters) - 1))
            else:
                parts.append(
                    _paint(_SGR[heat], "".join(_seen(self._vocabulary, c) for c in characters))
                )
        return "".join(parts)

    def rest(self) -> str:
        """Return what is left at the end of a text."""
        return ""


class DigitHeat:
    """Shows a text without colours: below each line the whole bits of its characters.

    Less than one bit is a space, nine bits and more are a 9.
    """

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        """Begin a text.

        Args:
            vocabulary: The characters of the model.
            width: Cells after which a line is broken.
        """
        self._vocabulary = vocabulary
        self._width = width
        self._begin()

    def _begin(self) -> None:
        """Begin a line."""
        self._line, self._digits, self._cells = "", "", 0

    def legend(self) -> str:
        """Return the scale."""
        return (
            "below each line: whole bits of its characters; none is less than 1, 9 is 9 or more\n"
        )

    def text(self, passage: Passage) -> str:
        """Return the lines that end in a passage."""
        bits = np.clip(np.floor(np.nan_to_num(passage.surprise.nats) / np.log(2)), 0, 9)
        done = ""
        values = zip(
            passage.text, bits.astype(int).tolist(), cell_widths(passage.text), strict=True
        )
        for character, value, width in values:
            is_end = character == "\n"
            digit = str(value) if value else " "
            seen = (LINE_END if value else "") if is_end else _seen(self._vocabulary, character)
            seen = seen.replace("\t", " ")
            cells = width if seen == character else num_cells(seen)
            if self._cells and self._cells + cells > self._width:
                done += self.rest()
            self._line += seen
            self._digits += digit + " " * (cells - 1) if cells else ""
            self._cells += cells
            if is_end:
                done += self.rest() or "\n"
        return done

    def rest(self) -> str:
        """Return the line that was begun, with its digits, and begin the next."""
        digits = self._digits.rstrip()
        shown = f"{self._line}\n" + (f"{digits}\n" if digits else "") if self._line else ""
        self._begin()
        return shown


def _seen(vocabulary: Vocabulary, character: str) -> str:
    """Return a character as a heat map shows it."""
    return character if character == "\t" else visible_in(vocabulary, character)


def _paint(sgr: str, text: str) -> str:
    """Return text in a colour, if there is one."""
    return f"{sgr}{text}{_RESET}" if sgr else text
