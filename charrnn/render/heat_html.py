"""The heat map of a text as an HTML page that needs no other file."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from typing import Protocol

from charrnn.evaluation.evaluate import EvaluationRun
from charrnn.evaluation.surprise import Passage
from charrnn.render.heat_scale import (
    COLORS,
    LINE_END,
    heat_levels,
    level_names,
    shown_character,
    shown_part,
)
from charrnn.render.row_builders import best_at
from charrnn.render.rows import visible_in
from charrnn.text.escaping import escape_controls
from charrnn.text.utf8 import to_utf8
from charrnn.text.vocabulary import Vocabulary
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


class ByteWriter(Protocol):
    """A file or standard output."""

    def write(self, data: bytes, /) -> object:
        """Write bytes."""


class Page:
    """Writes a page while a text is read, in constant memory.

    The page shows at most ``MAX_CHARS`` characters and says so.
    """

    num_best = NUM_BEST
    per_file = True

    def __init__(
        self, stream: ByteWriter, vocabulary: Vocabulary, notice: Callable[[str], None]
    ) -> None:
        """Write the head of the page.

        Args:
            stream: Where the page goes.
            vocabulary: The characters of the model.
            notice: Called with one line if the page does not show the whole text.
        """
        self._stream = stream
        self._vocabulary = vocabulary
        self._notice = notice
        self._shown = self._total = 0
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
        """Write a passage."""
        text = passage.text[: MAX_CHARS - self._shown]
        self._shown += len(text)
        self._total += len(passage.text)
        surprise = passage.surprise
        bits = nats_to_bits(surprise.nats).tolist()
        heat = heat_levels(surprise).tolist()
        parts = []
        for place, character in enumerate(text):
            is_end = character == "\n"
            if is_end:
                seen = LINE_END if heat[place] else " "
            else:
                seen = html.escape(shown_character(self._vocabulary, character))
            if not math.isnan(bits[place]):
                best = best_at(self._vocabulary, surprise, place)
                seen = (
                    f"<b class=h{heat[place]} {self._tip(character, bits[place], best)}>{seen}</b>"
                )
            parts.append(seen + ("\n" if is_end else ""))
        self._write("".join(parts))

    def _tip(self, character: str, bits: float, best: tuple[tuple[str, float], ...]) -> str:
        """Return a tooltip: the surprise, then what the model expected."""
        lines = [f"{self._named(character)}  {bits:.2f} bits"]
        lines += [f"{self._named(other)}  {prob:.1%}" for other, prob in best]
        return 'data-t="' + "&#10;".join(map(html.escape, lines)) + '"'

    def end_text(self) -> None:
        """End a text."""
        if self._is_open:
            self._write("</pre>\n")

    def end(self, run: EvaluationRun) -> None:
        """Write the scale and the numbers, which the style puts at the top."""
        note = shown_part(self._shown, self._total)
        if note:
            self._notice(f"the page {note}")
            note = f"<p>This page {note}.</p>\n"
        steps = "".join(f"<b class=h{heat}>{name}</b>" for heat, name in enumerate(level_names()))
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>\n"
            for row in run.summary.rows()
        )
        self._write(
            "</main>\n<footer>\n<h1>How surprising each character is</h1>\n"
            f'<p class="scale">bits: {steps}</p>\n{note}<table>\n{rows}</table>\n'
            "</footer>\n</body>\n</html>\n"
        )

    def _named(self, text: str) -> str:
        """Return an alternative for a tooltip, with signs for white space."""
        return "".join(_SIGNS.get(c) or visible_in(self._vocabulary, c) for c in text)

    def _write(self, text: str) -> None:
        """Write text."""
        self._stream.write(to_utf8(text))
