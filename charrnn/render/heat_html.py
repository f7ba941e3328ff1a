"""The heat map of a text as a page for a browser, in one file that needs no other."""

from __future__ import annotations

import html
import math
from typing import IO

from charrnn.evaluation.report import Evaluation
from charrnn.evaluation.surprise import Passage
from charrnn.render.heat_terminal import COLOURS, LINE_END, heats, step_names
from charrnn.render.row_builders import best_at
from charrnn.render.rows import visible_in
from charrnn.text.escaping import escape_controls
from charrnn.text.utf8 import to_utf8
from charrnn.text.vocabulary import Vocabulary
from charrnn.units import nats_to_bits

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


class Page:
    """Writes a page while a text arrives; it is never held in memory as a whole."""

    def __init__(self, stream: IO[bytes], vocabulary: Vocabulary) -> None:
        """Write the beginning.

        Args:
            stream: Where the page goes.
            vocabulary: The characters of the model.
        """
        self._stream = stream
        self._vocabulary = vocabulary
        rules = [
            f".h{heat} {{ background: {back}; color: {front}; }}"
            for heat, (back, front) in enumerate(COLOURS)
        ]
        self._write(
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width">\n'
            f"<title>charrnn: surprise</title>\n<style>\n{_STYLE}" + "\n".join(rules) + "\n"
            "</style>\n</head>\n<body>\n<main>\n"
        )

    def begin(self, name: str) -> None:
        """Begin a text."""
        self._write(f"<h2>{html.escape(escape_controls(name))}</h2>\n<pre>\n")

    def take(self, passage: Passage) -> None:
        """Write a passage."""
        surprise = passage.surprise
        bits = nats_to_bits(surprise.nats).tolist()
        heat = heats(surprise).tolist()
        parts = []
        for place, character in enumerate(passage.text):
            is_end = character == "\n"
            if is_end:
                seen = LINE_END if heat[place] else " "
            else:
                seen = html.escape(self._seen(character))
            if not math.isnan(bits[place]):
                best = best_at(self._vocabulary, surprise, place)
                seen = (
                    f"<b class=h{heat[place]} {self._tip(character, bits[place], best)}>{seen}</b>"
                )
            parts.append(seen + ("\n" if is_end else ""))
        self._write("".join(parts))

    def _tip(self, character: str, bits: float, best: tuple[tuple[str, float], ...]) -> str:
        """Return what is shown on hover: the number, and what the model expected."""
        lines = [f"{self._named(character)}  {bits:.2f} bits"]
        lines += [f"{self._named(other)}  {prob:.1%}" for other, prob in best]
        return 'data-t="' + "&#10;".join(map(html.escape, lines)) + '"'

    def end_text(self) -> None:
        """End a text."""
        self._write("</pre>\n")

    def end(self, evaluation: Evaluation) -> None:
        """Write the scale and the numbers; a browser shows them at the top."""
        steps = "".join(f"<b class=h{heat}>{name}</b>" for heat, name in enumerate(step_names()))
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>\n"
            for row in evaluation.rows()
        )
        self._write(
            "</main>\n<footer>\n<h1>How surprising each character is</h1>\n"
            f'<p class="scale">bits: {steps}</p>\n<table>\n{rows}</table>\n'
            "</footer>\n</body>\n</html>\n"
        )

    def _seen(self, character: str) -> str:
        """Return a character as the text shows it."""
        return character if character == "\t" else visible_in(self._vocabulary, character)

    def _named(self, character: str) -> str:
        """Return a character as it stands alone: one that would be white has a sign."""
        return {" ": "\u2423", "\n": LINE_END, "\t": "\u21e5"}.get(character) or visible_in(
            self._vocabulary, character
        )

    def _write(self, text: str) -> None:
        """Write text."""
        self._stream.write(to_utf8(text))
