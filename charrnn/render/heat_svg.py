"""The heat map of a text as an SVG picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from charrnn.evaluation.evaluate import EvaluationRun
from charrnn.evaluation.surprise import Passage
from charrnn.render.heat_html import ByteWriter
from charrnn.render.heat_scale import (
    COLORS,
    HOTTEST,
    LINE_END,
    heat_levels,
    level_names,
    shown_part,
)
from charrnn.render.rows import visible_in
from charrnn.text.escaping import escape_controls, num_cells
from charrnn.text.utf8 import to_utf8
from charrnn.text.vocabulary import Vocabulary

COLUMNS = 100
MAX_ROWS = 1000  # taller pictures exceed what viewers can show
CELL_WIDTH, ROW_HEIGHT, MARGIN = 8, 18, 16
BASELINE = 13  # from the top of a row
"""Pixels."""
FONT = "ui-monospace, Menlo, Consolas, monospace"
TAB_CELLS = 8


class Picture:
    """Draws the first ``MAX_ROWS`` rows of a text, ``COLUMNS`` cells wide.

    The drawing is held in memory until the end, because its height comes first in the file.
    """

    num_best = 0
    per_file = True

    def __init__(
        self, stream: ByteWriter, vocabulary: Vocabulary, notice: Callable[[str], None]
    ) -> None:
        """Begin a picture.

        Args:
            stream: Where the picture goes.
            vocabulary: The characters of the model.
            notice: Called with one line if the picture does not show the whole text.
        """
        self._stream = stream
        self._vocabulary = vocabulary
        self._notice = notice
        self._shown = self._total = 0
        self._drawn: list[str] = []
        self._row = 0
        self._cells: list[tuple[int, str, int]] = []  # column, shown character, heat level
        self._column = 0

    def begin(self, name: str) -> None:
        """Begin a text; a full picture leaves it out."""
        if self._row >= MAX_ROWS:
            return
        y = self._row * ROW_HEIGHT + BASELINE
        self._drawn.append(f'<text y="{y}" font-weight="bold">{_escape(name)}</text>')
        self._row += 1

    def take(self, passage: Passage) -> None:
        """Draw a passage, as far as there is room."""
        self._total += len(passage.text)
        levels = heat_levels(passage.surprise).tolist()
        for character, heat in zip(passage.text, levels, strict=True):
            if self._row >= MAX_ROWS:
                return
            self._shown += 1
            if character == "\n":
                if heat:
                    self._put(LINE_END, heat)
                self._end_row(always=True)
            elif character == "\t":
                self._put(" " * (TAB_CELLS - self._column % TAB_CELLS), heat)
            else:
                self._put(visible_in(self._vocabulary, character), heat)

    def end_text(self) -> None:
        """End a text."""
        self._end_row()
        self._row += self._row < MAX_ROWS

    def end(self, run: EvaluationRun) -> None:
        """Write the picture, with the scale and the numbers at the top."""
        note = shown_part(self._shown, self._total)
        if note:
            self._notice(f"the picture {note}")
            y = self._row * ROW_HEIGHT + BASELINE
            self._drawn.append(f'<text y="{y}" fill="#666">This picture {note}.</text>')
            self._row += 1
        head = [f'<text y="{BASELINE}" font-weight="bold">How surprising each character is</text>']
        head.append(f'<text y="{2 * ROW_HEIGHT + BASELINE}">bits</text>')
        for heat, name in enumerate(level_names()):
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
        self._stream.write(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                f'viewBox="0 0 {width} {height}" font-family="{FONT}" font-size="13">\n'
                '<rect width="100%" height="100%" fill="#fff"/>\n'
                f'<g transform="translate({MARGIN} {MARGIN})" fill="#222">\n'
            ).encode()
        )
        for line in [*head, f'<g transform="translate(0 {top})">', *self._drawn]:
            self._stream.write(to_utf8(f"{line}\n"))
        self._stream.write(b"</g>\n</g>\n</svg>\n")

    def _put(self, seen: str, heat: int) -> None:
        """Draw the shown form of a character; wrap a full row."""
        cells = sum(map(num_cells, seen))
        if self._column + cells > COLUMNS:
            self._end_row()
        for character in seen:
            self._cells.append((self._column, character, heat))
            self._column += num_cells(character)

    def _end_row(self, *, always: bool = False) -> None:
        """Draw the current row, unless it is empty, and start the next."""
        if not (self._cells or always):
            return
        y = self._row * ROW_HEIGHT
        for heat, run in itertools.groupby(self._cells, key=lambda cell: cell[2]):
            cells = list(run)
            first, (last, character, _) = cells[0][0], cells[-1]
            width = (last + num_cells(character) - first) * CELL_WIDTH
            if heat:
                self._drawn.append(
                    f'<rect x="{first * CELL_WIDTH}" y="{y}" width="{width}" '
                    f'height="{ROW_HEIGHT}" fill="{COLORS[heat][0]}"/>'
                )
            # Each character has its own x, so that any font aligns with the colours.
            inked = [(column, c) for column, c, _ in cells if c != " "]
            if inked:
                xs = " ".join(str(column * CELL_WIDTH) for column, _ in inked)
                text = _escape("".join(c for _, c in inked))
                colour = f' fill="{COLORS[heat][1]}"' if heat == HOTTEST or heat > 5 else ""
                self._drawn.append(f'<text x="{xs}" y="{y + BASELINE}"{colour}>{text}</text>')
        self._row += 1
        self._cells, self._column = [], 0


def _escape(text: str) -> str:
    """Return text escaped for XML, without characters that XML forbids."""
    text = escape_controls(text.replace("\n", "\\n").replace("\t", " "))
    text = text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
