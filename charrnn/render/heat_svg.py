"""The heat map of a text as an SVG picture."""

from charrnn.evaluation.evaluate import EvaluationRun
from charrnn.evaluation.surprise import Passage
from charrnn.render.heat import COLORS, LEVEL_NAMES, HeatFile, heat_levels
from charrnn.render.svg_text import BASELINE, CELL_WIDTH, ROW_HEIGHT, Drawing, escape

NUMBERS = ("bits per character", "characters")  # a picture has no room for all


class Picture(HeatFile):
    """Draws the first rows of a text; see ``Drawing``."""

    def __post_init__(self) -> None:
        """Begin a picture."""
        super().__post_init__()
        self._drawing = Drawing(self.vocabulary)

    def begin(self, name: str) -> None:
        """Begin a text; a full picture leaves it out."""
        if not self._drawing.is_full:
            self._drawing.line(name, 'font-weight="bold"')

    def take(self, passage: Passage) -> None:
        """Draw a passage, as far as there is room."""
        self._total += len(passage.text)
        if not self._drawing.is_full:
            levels = heat_levels(passage.surprise).tolist()
            self._shown += self._drawing.text(passage.text, levels)

    def end_text(self) -> None:
        """End a text."""
        self._drawing.end_text()

    def end(self, run: EvaluationRun) -> None:
        """Write the picture, with the scale and the loss at the top."""
        if note := self._note("picture"):
            self._drawing.line(note, 'fill="#666"')
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
        rows = [row for row in run.summary.rows() if row[0] in NUMBERS]
        for number, (name, value, _) in enumerate(rows):
            y = (number + 4) * ROW_HEIGHT + BASELINE
            head.append(
                f'<text y="{y}">{escape(name)}</text>'
                f'<text x="{38 * CELL_WIDTH}" y="{y}" text-anchor="end">{value}</text>'
            )
        for line in self._drawing.svg(head, len(rows) + 5):
            self._write(f"{line}\n")
