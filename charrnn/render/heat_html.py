"""The heat map of a text as an HTML page that needs no other file."""

import html
import math

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
from charrnn.render.rows import Alternatives, best_at, char_text
from charrnn.text.escaping import escape_controls, visible
from charrnn.units import nats_to_bits

MAX_CHARS = 100_000  # characters on a page, about 20 MB; browsers are slow beyond it
NUM_BEST = 5  # alternatives in a tooltip

_SIGNS = {" ": "\u2423", "\n": LINE_END, "\t": "\u21e5"}

_STYLE = """\
:root { color-scheme: light; }
body { display: flex; flex-direction: column; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  font-family: system-ui, sans-serif; background: #fff; color: #222; }
footer { order: -1; border-bottom: 1px solid #ccc; padding-bottom: 1rem; }
h2 { font-size: 1rem; margin: 1.5rem 0 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5; tab-size: 8;
  font-family: ui-monospace, Menlo, Consolas, monospace; }
table { border-spacing: 1rem 0; margin-left: -1rem; }
td:nth-child(2) { text-align: right; font-variant-numeric: tabular-nums; }
b { font-weight: normal; }
b:hover { outline: 2px solid #06c; position: relative; }
b:hover::after { content: attr(data-t); position: absolute; left: 0; top: 1.6em; z-index: 1;
  white-space: pre; background: #fffef5; color: #222; border: 1px solid #999; border-radius: 4px;
  padding: .3em .6em; box-shadow: 0 2px 6px #0003; pointer-events: none; }
.scale b { display: inline-block; padding: .2em .8em; border: 1px solid #ddd; }
.scale b:hover { outline: none; }
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
        rules = [
            f".h{heat} {{ background: {back}; color: {front}; }}"
            for heat, (back, front) in enumerate(COLORS)
        ]
        self._write(
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width">\n'
            f"<title>charrnn: surprise</title>\n<style>\n{_STYLE}" + "\n".join(rules) + "\n"
            "</style>\n</head>\n<body>\n<main>\n"
        )

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
        lines = [f"{_named(char_text(self.vocabulary, character))}  {bits:.2f} bits"]
        lines += [f"{_named(other)}  {prob:.1%}" for other, prob in best]
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
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>\n"
            for row in run.summary.rows()
        )
        self._write(
            "</main>\n<footer>\n<h1>How surprising each character is</h1>\n"
            f'<p class="scale">bits: {steps}</p>\n{note}<table>\n{rows}</table>\n'
            "</footer>\n</body>\n</html>\n"
        )


def _named(text: str) -> str:
    """Return characters for a tooltip, with signs for white space."""
    return "".join(_SIGNS.get(c) or visible(c) for c in text)
