"""Units that follow something, as text and as JSON."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from charrnn.insight.following import Following, Search
from charrnn.render.heat import named
from charrnn.render.look.pen import Pen

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
    way = "high" if each.sign > 0 else "low"
    what = f"with {each.feature.name}" if each.feature.is_number else each.feature.name
    yield f"unit {each.unit} is {way} {what}"
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
    begin, end = stretch_of(each)
    values = found.units[each.unit.layer][begin:end, each.unit.number]
    yield from pen.scaled(values * np.float16(each.sign), begin)


def stretch_of(each: Following) -> tuple[int, int]:
    """Return a stretch of the second half of the text in which a feature changes the most."""
    values = each.feature.values
    half, num = len(values) // 2, len(values)
    begins = range(half, max(num - STRETCH_CHARS, half) + 1, STRETCH_CHARS // 2)
    begin = max(begins, key=lambda at: float(np.var(values[at : at + STRETCH_CHARS])))
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
