"""The heat map of a text as an HTML page that needs no other file."""

import html
import math

from charrnn.evaluation.evaluate import EvaluationRun
from charrnn.evaluation.surprise import Passage
from charrnn.render.heat import (
    LEVEL_NAMES,
    LINE_END,
    HeatFile,
    heat_levels,
    named,
    shown_character,
)
from charrnn.render.page import page_head
from charrnn.render.rows import Alternatives, best_at, char_text
from charrnn.text.escaping import escape_controls
from charrnn.units import nats_to_bits

MAX_CHARS = 100_000  # characters on a page, about 20 MB; browsers are slow beyond it
NUM_BEST = 5  # alternatives in a tooltip


_STYLE = """\
body { display: flex; flex-direction: column; }
footer { order: -1; border-bottom: 1px solid var(--line); padding-bottom: 1rem; }
pre b:hover { outline: 2px solid #06c; position: relative; }
pre b:hover::after { content: attr(data-t); position: absolute; left: 0; top: 1.6em; z-index: 1;
  white-space: pre; background: Canvas; color: CanvasText; border: 1px solid var(--line);
  border-radius: 4px; padding: .3em .6em; pointer-events: none; }
"""


class Page(HeatFile):
    """Writes a page of at most ``MAX_CHARS`` characters while a text is read.

    Memory is constant.
    """

    num_best = NUM_BEST

    def __post_init__(self) -> None:
        """Write the head of the page."""
        super().__post_init__()
        self._is_open = False
        self._write(f"{page_head('charrnn: surprise', _STYLE)}<main>\n")

    def begin(self, name: str) -> None:
        """Begin a text; a full page leaves it out."""
        self._is_open = self._shown < MAX_CHARS
        if self._is_open:
            self._write(f"<h2>{html.escape(escape_controls(name))}</h2>\n<pre>\n")

    def take(self, passage: Passage) -> None:
        """Write a passage, as far as there is room."""
        text = passage.text[: MAX_CHARS - self._shown]
        self._shown += len(text)
        self._total += len(passage.text)
        if self._shown == MAX_CHARS:
            self.num_best = 0  # the next texts are not shown
        bits = nats_to_bits(passage.surprise.nats).tolist()
        levels = heat_levels(passage.surprise).tolist()
        parts = []
        for place, character in enumerate(text):
            is_end = character == "\n"
            if is_end:
                seen = LINE_END if levels[place] else " "
            else:
                seen = html.escape(shown_character(self.vocabulary, character))
            if not math.isnan(bits[place]):
                best = best_at(self.vocabulary, passage.surprise, place)
                tip = self._tip(character, bits[place], best)
                seen = f'<b class=h{levels[place]} data-t="{tip}">{seen}</b>'
            parts.append(seen + ("\n" if is_end else ""))
        self._write("".join(parts))

    def _tip(self, character: str, bits: float, best: Alternatives) -> str:
        """Return a tooltip: the surprise, then what the model expected."""
        lines = [f"{named(char_text(self.vocabulary, character))}  {bits:.2f} bits"]
        lines += [f"{named(other)}  {prob:.1%}" for other, prob in best]
        return "&#10;".join(map(html.escape, lines))

    def end_text(self) -> None:
        """End a text."""
        if self._is_open:
            self._write("</pre>\n")

    def end(self, run: EvaluationRun) -> None:
        """Write the scale and the numbers, which the style puts at the top."""
        note = self._note("page")
        note = note and f"<p>{note}</p>\n"
        steps = "".join(f"<b class=h{heat}>{name}</b>" for heat, name in enumerate(LEVEL_NAMES))
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td class=n>{html.escape(value)}</td>"
            f"<td>{html.escape(note)}</td></tr>\n"
            for name, value, note in run.summary.rows()
        )
        self._write(
            "</main>\n<footer>\n<h1>How surprising each character is</h1>\n"
            f'<p class="scale">bits: {steps}</p>\n{note}<table>\n{rows}</table>\n'
            "</footer>\n</body>\n</html>\n"
        )
