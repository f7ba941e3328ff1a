"""The heat map of a text as a picture, SVG."""

from __future__ import annotations

import itertools
from typing import IO

from charrnn.evaluation.report import Evaluation
from charrnn.evaluation.surprise import Passage
from charrnn.render.heat_terminal import COLOURS, HOTTEST, LINE_END, heats, step_names
from charrnn.render.rows import visible_in
from charrnn.text.escaping import escape_controls, num_cells
from charrnn.text.utf8 import to_utf8
from charrnn.text.vocabulary import Vocabulary

COLUMNS = 100
CELL_WIDTH, ROW_HEIGHT, MARGIN = 8, 18, 16
BASELINE = 13  # from the top of a row
"""Pixels."""
FONT = "ui-monospace, Menlo, Consolas, monospace"
TAB_CELLS = 8


class Picture:
    """Draws a text in rows of ``COLUMNS`` cells."""

    def __init__(self, stream: IO[bytes], vocabulary: Vocabulary) -> None:
        """Begin a picture.

        Args:
            stream: Where it goes, at the end: its height is at the top of the file.
            vocabulary: The characters of the model.
        """
        self._stream = stream
        self._vocabulary = vocabulary
        self._drawn: list[str] = []
        self._row = 0
        self._cells: list[tuple[int, str, int]] = []  # column, what is shown, heat
        self._column = 0

    def begin(self, name: str) -> None:
        """Begin a text."""
        y = self._row * ROW_HEIGHT + BASELINE
        self._drawn.append(f'<text y="{y}" font-weight="bold">{_escape(name)}</text>')
        self._row += 1

    def take(self, passage: Passage) -> None:
        """Draw a passage."""
        for character, heat in zip(passage.text, heats(passage.surprise).tolist(), strict=True):
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
        self._row += 1

    def end(self, evaluation: Evaluation) -> None:
        """Write the picture, with the scale and the numbers at its top."""
        head = [f'<text y="{BASELINE}" font-weight="bold">How surprising each character is</text>']
        head.append(f'<text y="{2 * ROW_HEIGHT + BASELINE}">bits</text>')
        for heat, name in enumerate(step_names()):
            x = (6 + 4 * heat) * CELL_WIDTH
            head.append(
                f'<rect x="{x}" y="{2 * ROW_HEIGHT}" width="{4 * CELL_WIDTH}" '
                f'height="{ROW_HEIGHT}" fill="{COLOURS[heat][0]}" stroke="#ddd"/>'
                f'<text x="{x + CELL_WIDTH}" y="{2 * ROW_HEIGHT + BASELINE}" '
                f'fill="{COLOURS[heat][1]}">{name}</text>'
            )
        rows = evaluation.rows()
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
        """Draw what a character is shown as; where the row is full, in the next."""
        cells = sum(map(num_cells, seen))
        if self._column + cells > COLUMNS:
            self._end_row()
        for character in seen:
            self._cells.append((self._column, character, heat))
            self._column += num_cells(character)

    def _end_row(self, *, always: bool = False) -> None:
        """Draw the row that was begun, if there is one, and begin the next."""
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
                    f'height="{ROW_HEIGHT}" fill="{COLOURS[heat][0]}"/>'
                )
            # Each character has its own place, so that any font fits the colours.
            inked = [(column, c) for column, c, _ in cells if c != " "]
            if inked:
                xs = " ".join(str(column * CELL_WIDTH) for column, _ in inked)
                text = _escape("".join(c for _, c in inked))
                colour = f' fill="{COLOURS[heat][1]}"' if heat == HOTTEST or heat > 5 else ""
                self._drawn.append(f'<text x="{xs}" y="{y + BASELINE}"{colour}>{text}</text>')
        self._row += 1
        self._cells, self._column = [], 0


def _escape(text: str) -> str:
    """Return text that XML can hold, as text."""
    text = escape_controls(text.replace("\n", "\\n").replace("\t", " "))
    text = text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
