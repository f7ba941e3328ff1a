"""Units that follow something, as text and as JSON."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from charrnn.insight.following import Following, Search
from charrnn.insight.text import Text
from charrnn.render.heat import HOTTEST, named
from charrnn.render.look.pen import Pen, scaled_levels
from charrnn.render.svg_text import Drawing
from charrnn.text.escaping import printable
from charrnn.text.vocabulary import Vocabulary

STRETCH_CHARS = 280


def units_lines(found: Search, pen: Pen) -> Iterator[str]:
    """Yield the lines on units that follow something."""
    num = len(found.tried)
    yield f"Units that follow something: {num} features looked for, {len(found.found)} found"
    if found.left_out:
        yield f"  too rare in this text: {', '.join(found.left_out)}"
    if not found.found:
        yield "  None found: no unit beats chance, shuffled weights and the last three characters."
    for each in found.found:
        yield ""
        yield from _unit(each, found, pen)


def _unit(each: Following, found: Search, pen: Pen) -> Iterator[str]:
    """Yield the lines on one unit."""
    yield title_of(each)
    yield from _figures(each)
    begin, end = stretch_of(each, pen.text.shown)
    yield from pen.scaled(_values(each, found, begin, end), begin)


def title_of(each: Following) -> str:
    """Return what a unit follows, as words."""
    way = "high" if each.sign > 0 else "low"
    name = printable(each.feature.name)
    what = f"with {name}" if each.feature.is_number else name
    return f"unit {each.unit} is {way} {what}"


def _figures(each: Following) -> Iterator[str]:
    """Yield how well a unit follows, and what breaks without it."""
    score = f"rank correlation {each.score:.3f}" if each.auc is None else f"AUC {each.auc:.3f}"

    def against(value: float) -> str:
        return f"{value if each.feature.is_number else (1 + value) / 2:.3f}"

    yield (
        f"  {score}; shifted text {against(each.chance)}, shuffled weights "
        f"{against(each.untrained)}, last three characters {against(each.last_three)}"
    )
    broken = ", ".join(f'"{named(text)}" {share:.0%}' for text, share in each.broken)
    there = "where it is long" if each.feature.is_number else "there"
    yield (
        f"  held at its mean {each.mean:+.2f}: {each.where:+.4f} nats per character {there}, "
        f"{each.elsewhere:+.4f} elsewhere; most at {broken}"
    )


def _values(each: Following, found: Search, begin: int, end: int) -> Any:
    """Return the values of a unit over a stretch, high where the feature holds."""
    return found.units[each.unit.layer][begin:end, each.unit.number] * np.float16(each.sign)


def units_picture(found: Search, text: Text, vocabulary: Vocabulary) -> str:
    """Return a stretch of the text for each unit, coloured by its values, as SVG."""
    drawing = Drawing(vocabulary)
    for each in found.found:
        drawing.line(title_of(each), 'font-weight="bold"')
        for line in _figures(each):
            drawing.line(line.strip(), 'fill="#666" font-size="11"')
        begin, end = stretch_of(each, text.shown)
        levels = scaled_levels(_values(each, found, begin, end), HOTTEST)
        drawing.text(text.shown[begin:end], levels)
        drawing.end_text()
    if not found.found:
        drawing.line("no unit was found that follows something")
    return "\n".join(drawing.svg()) + "\n"


def stretch_of(each: Following, text: str) -> tuple[int, int]:
    """Return a stretch of the second half of the text in which a feature changes the most.

    It begins with a line, if lines are not too long.
    """
    values = each.feature.values
    half, num = len(values) // 2, len(values)
    begins = range(half, max(num - 2 * STRETCH_CHARS, half) + 1, STRETCH_CHARS // 2)
    begin = max(begins, key=lambda at: float(np.var(values[at : at + STRETCH_CHARS])))
    line = text.find("\n", begin - 1, begin + STRETCH_CHARS // 2) + 1
    begin = line or begin
    return begin, min(begin + STRETCH_CHARS, num)


def units_json(found: Search) -> dict[str, Any]:
    """Return what was found as an object."""
    return {
        "tried": found.tried,
        "left_out": found.left_out,
        "found": [
            {
                "unit": str(each.unit),
                "feature": each.feature.name,
                "is_number": each.feature.is_number,
                "sign": each.sign,
                "score": each.score,
                "auc": each.auc,
                "shifted": each.chance,
                "shuffled_weights": each.untrained,
                "last_three": each.last_three,
                "mean": each.mean,
                "ablated_where": each.where,
                "ablated_elsewhere": each.elsewhere,
                "broken": [[text, share] for text, share in each.broken],
            }
            for each in found.found
        ],
    }
