"""Line charts: small ones for the terminal, in Braille characters, and SVG pictures."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Curve = Sequence[tuple[float, float]]
"""Points (x, y) by rising x."""
Ticks = Sequence[tuple[float, str]]
"""Places on an axis and what is written there."""

COLUMNS, ROWS = 60, 8  # of the small chart
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a Braille character
_BLANK = 0x2800

WIDTH, HEIGHT = 720, 420  # of the picture
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 40, 48
_LINE_HEIGHT = 16


def small_chart(curve: Curve, title: str, first: str, last: str) -> list[str]:
    """Return a curve of two or more points as lines of text.

    Below the chart stand labels for its first and its last x.
    """
    xs, ys = zip(*curve, strict=True)
    low, high = min(ys), max(ys)
    with np.errstate(all="ignore"):  # a damaged file may hold huge or unsorted values
        seen = np.interp(np.linspace(xs[0], xs[-1], 2 * COLUMNS), xs, ys)
        depths = np.nan_to_num(np.clip((high - seen) / ((high - low) or 1), 0, 1))
    dots = np.rint(depths * (4 * ROWS - 1)).astype(int).tolist()  # from the top
    cells = [[0] * COLUMNS for _ in range(ROWS)]
    for x, (before, now) in enumerate(zip([dots[0], *dots], dots, strict=False)):
        for y in range(min(now, before), max(now, before) + 1):  # steep parts have no gaps
            cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
    rows = ["".join(chr(_BLANK + cell) for cell in row) for row in cells]
    labels = [f"{high:7.3f}", *[" " * 7] * (ROWS - 2), f"{low:7.3f}"]
    lines = [f"{label} \u2524{row}" for label, row in zip(labels, rows, strict=True)]
    gap = COLUMNS - len(first) - len(last)
    return [title, *lines, f"{'':9}{first}{'':{max(gap, 1)}}{last}"]


@dataclass(frozen=True)
class Line:
    """A line of a picture.

    Attributes:
        curve: Its points.
        color: Its colour in SVG.
        label: What it is, safe for XML.
        has_marks: Whether each point is marked; a single one always is.
    """

    curve: Curve
    color: str
    label: str
    has_marks: bool = False


@dataclass(frozen=True)
class Axes:
    """The axes of a picture.

    Attributes:
        x_ticks: What is written along the x axis, which ends at the last of these or later.
        y_ticks: What is written along the y axis; the places span the curves.
        x_label: What x is.
        y_label: What y is.
    """

    x_ticks: Ticks
    y_ticks: Ticks
    x_label: str
    y_label: str


def picture(lines: Sequence[Line], axes: Axes, title: str) -> str:
    """Return lines as SVG; titles and labels are safe for XML."""
    points = [point for line in lines for point in line.curve]
    low, high = (
        min(axes.y_ticks[0][0], *(y for _, y in points)),
        max(axes.y_ticks[-1][0], *(y for _, y in points)),
    )
    first, last = axes.x_ticks[0][0], max(axes.x_ticks[-1][0], *(x for x, _ in points))

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - first) / ((last - first) or 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / ((high - low) or 1)

    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" font-size="12" '
        'fill="#333">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-weight="bold">{title}</text>',
        f'<text x="{LEFT}" y="{TOP - 4}" fill="#666">{axes.y_label}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end" fill="#666">'
        f"{axes.x_label}</text>",
    ]
    marks = [
        f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}" stroke="#e5e5e5"/>'
        f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{label}</text>'
        for tick, label in axes.y_ticks
    ]
    marks += [
        f'<path d="M{x(tick):.1f} {HEIGHT - BOTTOM}v4" stroke="#999"/><text x="{x(tick):.1f}" '
        f'y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>'
        for tick, label in axes.x_ticks
    ]
    drawn = [_draw(line, x, y) for line in lines]
    return "\n".join([*head, *marks, *drawn, *_labels(lines), "</svg>\n"])


def _draw(line: Line, x: Callable[[float], float], y: Callable[[float], float]) -> str:
    """Return a line."""
    places = [(f"{x(at):.1f}", f"{y(value):.1f}") for at, value in line.curve]
    path = "L".join(map(" ".join, places))
    drawn = [f'<path d="M{path}" fill="none" stroke="{line.color}" stroke-width="1.5"/>']
    if line.has_marks or len(places) == 1:
        drawn += [f'<circle cx="{cx}" cy="{cy}" r="2.5" fill="{line.color}"/>' for cx, cy in places]
    return "\n".join(drawn)


def _labels(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the labels of lines, at the top: on the left if most of the lines rise."""
    is_rising = sum(line.curve[-1][1] - line.curve[0][1] for line in lines) > 0
    x, anchor = (LEFT + 8, "start") if is_rising else (WIDTH - RIGHT, "end")
    for place, line in enumerate(lines):
        yield (
            f'<text x="{x}" y="{TOP + 14 + _LINE_HEIGHT * place}" text-anchor="{anchor}" '
            f'fill="{line.color}">{line.label}</text>'
        )


def numbered(places: Sequence[float]) -> Ticks:
    """Return places on an axis with their numbers."""
    return [(place, f"{place:g}") for place in places]


def ticks(low: float, high: float) -> list[float]:
    """Return four to eleven evenly spaced round numbers that span an interval."""
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 8)
    first = math.floor(low / step)
    return [round(step * i, 12) for i in range(first, math.ceil(high / step) + 1)]
