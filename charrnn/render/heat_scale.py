"""The colour scale of heat maps: from surprise in bits to a level and its colours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from charrnn.evaluation.surprise import Surprise
from charrnn.render.rows import visible_in
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
LINE_END = "\u21b5"  # marks a surprising line end


def heat_levels(surprise: Surprise, hottest: int = HOTTEST) -> npt.NDArray[np.int64]:
    """Return the level of each character, shape (N,): whole bits, 0 to ``hottest``.

    A character that was not predicted has level 0.
    """
    bits = nats_to_bits(np.nan_to_num(surprise.nats))
    whole: npt.NDArray[np.int64] = np.clip(np.floor(bits), 0, hottest).astype(np.int64)
    return whole


def level_names() -> list[str]:
    """Return the legend of the scale, a name for each level."""
    return [str(level) for level in range(HOTTEST)] + [f"{HOTTEST}+"]


def shown_character(vocabulary: Vocabulary, character: str) -> str:
    """Return a character as a heat map shows it: tabs stay, other controls are escaped."""
    return character if character == "\t" else visible_in(vocabulary, character)


def shown_part(shown: int, total: int) -> str:
    """Return a notice of how much of a text is shown; empty if it is the whole text."""
    if shown == total:
        return ""
    return f"shows the first {shown:,} of {total:,} characters; the numbers cover all"
