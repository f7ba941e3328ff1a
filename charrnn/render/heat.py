"""What all heat maps share: the colour scale, and the base of those that are written to files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from charrnn.evaluation.evaluate import View
from charrnn.evaluation.surprise import Surprise
from charrnn.render.rows import char_text
from charrnn.text.escaping import to_utf8, visible
from charrnn.text.vocabulary import Vocabulary
from charrnn.units import nats_to_bits

COLORS = (  # background and foreground for 0, 1, ..., 8 or more bits, after C. Brewer's scale OrRd
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
HOTTEST = len(COLORS) - 1
LEVEL_NAMES = (*map(str, range(HOTTEST)), f"{HOTTEST}+")
LINE_END = "\u21b5"  # marks a surprising line end
_SIGNS = {" ": "\u2423", "\n": LINE_END, "\t": "\u21e5"}


def heat_levels(surprise: Surprise, hottest: int = HOTTEST) -> npt.NDArray[np.int64]:
    """Return the level of each character, shape (N,): whole bits, 0 to ``hottest``.

    A character that was not predicted has level 0.
    """
    bits = nats_to_bits(np.nan_to_num(surprise.nats))
    return np.clip(np.floor(bits), 0, hottest).astype(np.int64)


def shown_character(vocabulary: Vocabulary, character: str) -> str:
    """Return a character as a heat map shows it: tabs stay, other controls are escaped."""
    return (
        character if character == "\t" else "".join(map(visible, char_text(vocabulary, character)))
    )


def named(text: str) -> str:
    """Return characters to be read one by one, with signs for white space."""
    return "".join(_SIGNS.get(c) or visible(c) for c in text)


class ByteWriter(Protocol):
    """A file or standard output."""

    def write(self, data: bytes, /) -> object:
        """Write bytes."""


@dataclass(eq=False)
class HeatFile(View):
    """A heat map that shows the start of the texts and notes how much it leaves out.

    Attributes:
        stream: Where the heat map goes.
        vocabulary: The characters of the model.
        notice: Called with one line if the heat map does not show the whole text.
    """

    stream: ByteWriter
    vocabulary: Vocabulary
    notice: Callable[[str], None]

    def __post_init__(self) -> None:
        """Begin the file."""
        self._shown = self._total = 0  # characters

    def _write(self, text: str) -> None:
        """Write text."""
        self.stream.write(to_utf8(text))

    def _note(self, kind: str) -> str:
        """Return a sentence on how much a page or picture shows; empty if it shows everything."""
        if self._shown == self._total:
            return ""
        part = f"shows the first {self._shown:,} of {self._total:,} characters"
        self.notice(f"the {kind} {part}; the numbers cover all")
        return f"This {kind} {part}; the numbers cover all."
