"""Learning curves as an SVG picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from charrnn.render.history import Point

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 40, 48
_COLORS = {"training": "#8a8a8a", "validation": "#c2410c"}


def curve_picture(points: Sequence[Point], title: str) -> str:
    """Return the training and validation loss over the steps as SVG.

    Args:
        points: Reports, at least one with a loss.
        title: The title, safe for XML.
    """
    curves = {
        "training": [(p.step, p.train) for p in points if p.train is not None],
        "validation": [(p.step, p.val) for p in points if p.val is not None],
    }
    losses = [loss for curve in curves.values() for _, loss in curve]
    last = max(p.step for p in points) or 1.0
    y_ticks = ticks(min(losses), max(losses))
    x_ticks = ticks(0.0, last)
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
    name: str,
    curve: Sequence[tuple[float, float]],
    x: Callable[[float], float],
    y: Callable[[float], float],
    label_y: int,
) -> str:
    """Return a curve with its label; points are marked if they are few or validations."""
    color = _COLORS[name]
    path = "L".join(f"{x(step):.1f} {y(loss):.1f}" for step, loss in curve)
    lines = [f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="1.5"/>']
    if name == "validation" or len(curve) == 1:
        lines += [
            f'<circle cx="{x(step):.1f}" cy="{y(loss):.1f}" r="2.5" fill="{color}"/>'
            for step, loss in curve
        ]
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
    for factor in (1, 2, 5, 10):
        if span / (step * factor) <= 8:
            step *= factor
            break
    first = math.floor(low / step)
    return [round(step * i, 12) for i in range(first, math.ceil(high / step) + 1)]
