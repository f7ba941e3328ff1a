"""Coloured text as SVG: rows of characters on coloured grounds."""

import itertools
from collections.abc import Iterator, Sequence

from charrnn.render.heat import COLORS, LINE_END, shown_character
from charrnn.text.escaping import cell_widths, escape_controls
from charrnn.text.vocabulary import Vocabulary

COLUMNS = 100
MAX_ROWS = 1000  # taller pictures exceed what viewers can show
CELL_WIDTH, ROW_HEIGHT, MARGIN = 8, 18, 16
BASELINE = 13  # from the top of a row
"""Pixels."""
FONT = "ui-monospace, Menlo, Consolas, monospace"
TAB_CELLS = 8


class Drawing:
    """Up to ``MAX_ROWS`` rows of text, ``COLUMNS`` cells wide.

    It is held in memory until the end, because the height comes first in the file.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Begin a drawing, given the characters of the model."""
        self._vocabulary = vocabulary
        self._drawn: list[str] = []
        self._row = self._column = 0
        self._cells: list[tuple[int, int, str, int]] = []  # begin, end, character, level

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another row."""
        return self._row >= MAX_ROWS

    def line(self, text: str, attributes: str = "") -> None:
        """Draw a row of text with attributes of SVG."""
        y = self._row * ROW_HEIGHT + BASELINE
        self._drawn.append(f'<text y="{y}" {attributes}>{escape(text)}</text>')
        self._row += 1

    def text(self, text: str, levels: Sequence[int]) -> int:
        """Draw characters in the colours of their levels; return for how many there was room."""
        widths = cell_widths(text)
        for place, (character, level, width) in enumerate(zip(text, levels, widths, strict=True)):
            if self.is_full:
                return place
            if character == "\n":
                if level:
                    self._put(LINE_END, level, 1)
                self._end_row(always=True)
            elif character == "\t":
                self._put(" " * (TAB_CELLS - self._column % TAB_CELLS), level, 1)
            else:
                seen = shown_character(self._vocabulary, character)
                self._put(seen, level, width if seen == character else 1)
        return len(text)

    def end_text(self) -> None:
        """End a text, with an empty row."""
        self._end_row()
        self._row += not self.is_full

    def svg(self, head: Sequence[str] = (), head_rows: int = 0) -> Iterator[str]:
        """Yield the lines of the picture, below a head of SVG of some rows."""
        width = COLUMNS * CELL_WIDTH + 2 * MARGIN
        height = (head_rows + self._row) * ROW_HEIGHT + 2 * MARGIN
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="{FONT}" font-size="13">'
        )
        yield '<rect width="100%" height="100%" fill="#fff"/>'
        yield f'<g transform="translate({MARGIN} {MARGIN})" fill="#222">'
        yield from head
        yield f'<g transform="translate(0 {head_rows * ROW_HEIGHT})">'
        yield from self._drawn
        yield "</g>\n</g>\n</svg>"

    def _put(self, seen: str, level: int, width: int) -> None:
        """Draw the shown form of a character, ``width`` cells for each sign; wrap a full row."""
        if self._column + len(seen) * width > COLUMNS:
            self._end_row()
        for sign in seen:
            self._cells.append((self._column, self._column + width, sign, level))
            self._column += width

    def _end_row(self, *, always: bool = False) -> None:
        """Draw the current row, unless it is empty, and start the next."""
        if not (self._cells or always):
            return
        y = self._row * ROW_HEIGHT
        for level, run in itertools.groupby(self._cells, key=lambda cell: cell[-1]):
            cells = list(run)
            background, foreground = COLORS[level]
            begin, end = cells[0][0] * CELL_WIDTH, cells[-1][1] * CELL_WIDTH
            if level:
                self._drawn.append(
                    f'<rect x="{begin}" y="{y}" width="{end - begin}" '
                    f'height="{ROW_HEIGHT}" fill="{background}"/>'
                )
            # Each character has its own x, so that any font aligns with the colours.
            inked = [(column * CELL_WIDTH, sign) for column, _, sign, _ in cells if sign != " "]
            if inked:
                xs = " ".join(str(x) for x, _ in inked)
                text = escape("".join(sign for _, sign in inked))
                color = f' fill="{foreground}"' if foreground != COLORS[0][1] else ""
                self._drawn.append(f'<text x="{xs}" y="{y + BASELINE}"{color}>{text}</text>')
        self._row += 1
        self._cells, self._column = [], 0


def escape(text: str) -> str:
    """Return text escaped for XML, without characters that XML forbids."""
    text = escape_controls(text.replace("\n", "\\n").replace("\t", " "))
    text = text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
