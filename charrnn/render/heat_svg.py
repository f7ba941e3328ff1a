"""The heat map of a text as an SVG picture."""

import itertools

from charrnn.evaluation.evaluate import EvaluationRun
from charrnn.evaluation.surprise import Passage
from charrnn.render.heat import (
    COLORS,
    LEVEL_NAMES,
    LINE_END,
    HeatFile,
    heat_levels,
    shown_character,
)
from charrnn.text.escaping import cell_widths, escape_controls

COLUMNS = 100
MAX_ROWS = 1000  # taller pictures exceed what viewers can show
CELL_WIDTH, ROW_HEIGHT, MARGIN = 8, 18, 16
BASELINE = 13  # from the top of a row
"""Pixels."""
FONT = "ui-monospace, Menlo, Consolas, monospace"
TAB_CELLS = 8


class Picture(HeatFile):
    """Draws the first ``MAX_ROWS`` rows of a text, ``COLUMNS`` cells wide.

    The drawing is held in memory until the end, because its height comes first in the file.
    """

    def __post_init__(self) -> None:
        """Begin a picture."""
        super().__post_init__()
        self._drawn: list[str] = []
        self._row = self._column = 0
        self._cells: list[tuple[int, int, str, int]] = []  # begin, end, character, heat level

    def begin(self, name: str) -> None:
        """Begin a text; a full picture leaves it out."""
        if self._row < MAX_ROWS:
            self._line(f'font-weight="bold">{_escape(name)}')

    def take(self, passage: Passage) -> None:
        """Draw a passage, as far as there is room."""
        self._total += len(passage.text)
        if self._row >= MAX_ROWS:
            return
        levels = heat_levels(passage.surprise).tolist()
        widths = cell_widths(passage.text)
        for character, heat, width in zip(passage.text, levels, widths, strict=True):
            if self._row >= MAX_ROWS:
                return
            self._shown += 1
            if character == "\n":
                if heat:
                    self._put(LINE_END, heat, 1)
                self._end_row(always=True)
            elif character == "\t":
                self._put(" " * (TAB_CELLS - self._column % TAB_CELLS), heat, 1)
            else:
                seen = shown_character(self.vocabulary, character)
                self._put(seen, heat, width if seen == character else 1)

    def end_text(self) -> None:
        """End a text."""
        self._end_row()
        self._row += self._row < MAX_ROWS

    def end(self, run: EvaluationRun) -> None:
        """Write the picture, with the scale and the numbers at the top."""
        if note := self._note("picture"):
            self._line(f'fill="#666">{note}')
        head = [f'<text y="{BASELINE}" font-weight="bold">How surprising each character is</text>']
        head.append(f'<text y="{2 * ROW_HEIGHT + BASELINE}">bits</text>')
        for heat, name in enumerate(LEVEL_NAMES):
            x = (6 + 4 * heat) * CELL_WIDTH
            head.append(
                f'<rect x="{x}" y="{2 * ROW_HEIGHT}" width="{4 * CELL_WIDTH}" '
                f'height="{ROW_HEIGHT}" fill="{COLORS[heat][0]}" stroke="#ddd"/>'
                f'<text x="{x + CELL_WIDTH}" y="{2 * ROW_HEIGHT + BASELINE}" '
                f'fill="{COLORS[heat][1]}">{name}</text>'
            )
        rows = run.summary.rows()
        for number, (name, value, note) in enumerate(rows):
            y = (number + 4) * ROW_HEIGHT + BASELINE
            head.append(
                f'<text y="{y}">{_escape(name)}</text>'
                f'<text x="{38 * CELL_WIDTH}" y="{y}" text-anchor="end">{value}</text>'
                f'<text x="{40 * CELL_WIDTH}" y="{y}" fill="#666">{_escape(note)}</text>'
            )
        top = (len(rows) + 5) * ROW_HEIGHT
        width = COLUMNS * CELL_WIDTH + 2 * MARGIN
        height = top + self._row * ROW_HEIGHT + 2 * MARGIN
        self._write(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="{FONT}" font-size="13">\n'
            '<rect width="100%" height="100%" fill="#fff"/>\n'
            f'<g transform="translate({MARGIN} {MARGIN})" fill="#222">\n'
        )
        for line in [*head, f'<g transform="translate(0 {top})">', *self._drawn]:
            self._write(f"{line}\n")
        self._write("</g>\n</g>\n</svg>\n")

    def _line(self, text: str) -> None:
        """Draw a row of text, with its attributes."""
        self._drawn.append(f'<text y="{self._row * ROW_HEIGHT + BASELINE}" {text}</text>')
        self._row += 1

    def _put(self, seen: str, heat: int, width: int) -> None:
        """Draw the shown form of a character, ``width`` cells for each sign; wrap a full row."""
        if self._column + len(seen) * width > COLUMNS:
            self._end_row()
        for sign in seen:
            self._cells.append((self._column, self._column + width, sign, heat))
            self._column += width

    def _end_row(self, *, always: bool = False) -> None:
        """Draw the current row, unless it is empty, and start the next."""
        if not (self._cells or always):
            return
        y = self._row * ROW_HEIGHT
        for heat, run in itertools.groupby(self._cells, key=lambda cell: cell[-1]):
            cells = list(run)
            background, foreground = COLORS[heat]
            begin, end = cells[0][0] * CELL_WIDTH, cells[-1][1] * CELL_WIDTH
            if heat:
                self._drawn.append(
                    f'<rect x="{begin}" y="{y}" width="{end - begin}" '
                    f'height="{ROW_HEIGHT}" fill="{background}"/>'
                )
            # Each character has its own x, so that any font aligns with the colours.
            inked = [(column * CELL_WIDTH, sign) for column, _, sign, _ in cells if sign != " "]
            if inked:
                xs = " ".join(str(x) for x, _ in inked)
                text = _escape("".join(sign for _, sign in inked))
                color = f' fill="{foreground}"' if foreground != COLORS[0][1] else ""
                self._drawn.append(f'<text x="{xs}" y="{y + BASELINE}"{color}>{text}</text>')
        self._row += 1
        self._cells, self._column = [], 0


def _escape(text: str) -> str:
    """Return text escaped for XML, without characters that XML forbids."""
    text = escape_controls(text.replace("\n", "\\n").replace("\t", " "))
    text = text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
