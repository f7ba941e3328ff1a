"""Learning curves: small ones for the terminal, in Braille characters, and SVG pictures."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from charrnn.render.history import Curve, Point, curve_of

COLUMNS, ROWS = 60, 8  # of the small curve
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a Braille character
_BLANK = 0x2800

WIDTH, HEIGHT = 720, 420  # of the picture
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 40, 48
_COLORS = {"training": "#8a8a8a", "validation": "#c2410c"}


def small_curve(points: Sequence[Point]) -> list[str]:
    """Return the validation loss over the steps as lines of text; none for fewer than two points.

    Without validation losses, draw the training loss.
    """
    name, curve = "validation", curve_of(points, "val")
    if len(curve) < 2:
        name, curve = "training", curve_of(points, "train")
    if len(curve) < 2:
        return []
    steps, losses = zip(*curve, strict=True)
    low, high = min(losses), max(losses)
    with np.errstate(all="ignore"):  # a damaged file may hold huge or unsorted steps
        seen = np.interp(np.linspace(steps[0], steps[-1], 2 * COLUMNS), steps, losses)
        depths = np.nan_to_num(np.clip((high - seen) / ((high - low) or 1), 0, 1))
    dots = np.rint(depths * (4 * ROWS - 1)).astype(int).tolist()  # from the top
    cells = [[0] * COLUMNS for _ in range(ROWS)]
    for x, (before, now) in enumerate(zip([dots[0], *dots], dots, strict=False)):
        for y in range(min(now, before), max(now, before) + 1):  # steep parts have no gaps
            cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
    rows = ["".join(chr(_BLANK + cell) for cell in row) for row in cells]
    labels = [f"{high:7.3f}", *[" " * 7] * (ROWS - 2), f"{low:7.3f}"]
    lines = [f"{label} \u2524{row}" for label, row in zip(labels, rows, strict=True)]
    first, last = f"{steps[0]:,.0f}", f"step {steps[-1]:,.0f}"
    gap = COLUMNS - len(first) - len(last)
    return [f"bits per character, {name}", *lines, f"{'':9}{first}{'':{max(gap, 1)}}{last}"]


def curve_picture(points: Sequence[Point], title: str) -> str:
    """Return training and validation loss over the steps as SVG, with a title that is safe for XML.

    At least one point has a loss.
    """
    curves = {"training": curve_of(points, "train"), "validation": curve_of(points, "val")}
    losses = [loss for curve in curves.values() for _, loss in curve]
    last = max(point.step for point in points) or 1.0
    y_ticks, x_ticks = ticks(min(losses), max(losses)), ticks(0.0, last)
    low, high = min(y_ticks[0], *losses), max(y_ticks[-1], *losses)

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / max(last, x_ticks[-1])

    def y(loss: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - loss) / ((high - low) or 1)

    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" font-size="12" '
        'fill="#333">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-weight="bold">{title}</text>',
        f'<text x="{LEFT}" y="{TOP - 4}" fill="#666">bits per character</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end" fill="#666">step</text>',
    ]
    axes = [
        f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}" stroke="#e5e5e5"/>'
        f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in y_ticks
    ]
    axes += [
        f'<path d="M{x(tick):.1f} {HEIGHT - BOTTOM}v4" stroke="#999"/><text x="{x(tick):.1f}" '
        f'y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:,.0f}</text>'
        for tick in x_ticks
    ]
    drawn = [
        _draw(name, curve, x, y, TOP + 14 + 16 * place)
        for place, (name, curve) in enumerate(curves.items())
        if curve
    ]
    return "\n".join([*head, *axes, *drawn, "</svg>\n"])


def _draw(
    name: str, curve: Curve, x: Callable[[float], float], y: Callable[[float], float], label_y: int
) -> str:
    """Return a curve with its label; validations and a single point are marked."""
    color = _COLORS[name]
    places = [(f"{x(step):.1f}", f"{y(loss):.1f}") for step, loss in curve]
    path = "L".join(map(" ".join, places))
    lines = [f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="1.5"/>']
    if name == "validation" or len(curve) == 1:
        lines += [f'<circle cx="{cx}" cy="{cy}" r="2.5" fill="{color}"/>' for cx, cy in places]
    best = min(loss for _, loss in curve)
    lines.append(
        f'<text x="{WIDTH - RIGHT}" y="{label_y}" text-anchor="end" fill="{color}">'
        f"{name}, lowest {best:.4f}</text>"
    )
    return "\n".join(lines)


def ticks(low: float, high: float) -> list[float]:
    """Return four to eleven evenly spaced round numbers that span an interval."""
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 8)
    first = math.floor(low / step)
    return [round(step * i, 12) for i in range(first, math.ceil(high / step) + 1)]
