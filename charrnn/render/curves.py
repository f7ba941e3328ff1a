"""Learning curves: a small one for the terminal, and a picture of both losses."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charrnn.units import nats_to_bits

METRICS_NAME = "metrics.jsonl"
MAX_METRICS_BYTES = 1 << 26
COLUMNS, ROWS = 60, 8  # of the small one

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a Braille character
_BLANK = 0x2800


@dataclass(frozen=True)
class Point:
    """What a run reported.

    Attributes:
        step: Optimizer updates done.
        train: The mean loss since the report before, in bits per character; None if not told.
        val: The loss of the validation text; None if it was not measured.
    """

    step: float
    train: float | None
    val: float | None


def number(value: object) -> float | None:
    """Return a finite number that a file may hold, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # a whole number beyond all others
        return None


def to_points(reports: object) -> list[Point]:
    """Return the points of reports as they stand in a file; what is no report is left out."""
    points = []
    for report in reports if isinstance(reports, list) else []:
        step = number(report.get("step")) if isinstance(report, dict) else None
        if step is not None:
            losses = [_bits(report.get(f"{name}_nats_per_char")) for name in ("train", "val")]
            points.append(Point(step, *losses))
    return points


def read_points(directory: Path) -> list[Point]:
    """Return what a run reported, from its directory; nothing if that is not there."""
    path = directory / METRICS_NAME
    try:
        if not path.is_file() or path.stat().st_size > MAX_METRICS_BYTES:
            return []
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    return to_points([_parse(line) for line in lines])


def _parse(line: bytes) -> Any:
    """Return a line of JSON, or None for one that was cut short."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _bits(nats: object) -> float | None:
    """Return a loss in bits."""
    value = number(nats)
    return None if value is None else nats_to_bits(value)


def small_curve(points: Sequence[Point]) -> list[str]:
    """Return the validation loss over the steps as lines of text; nothing for less than two.

    Where nothing was validated it is the training loss.
    """
    name, curve = "validation", [(p.step, p.val) for p in points if p.val is not None]
    if len(curve) < 2:
        name, curve = "training", [(p.step, p.train) for p in points if p.train is not None]
    if len(curve) < 2:
        return []
    steps, losses = [step for step, _ in curve], [loss for _, loss in curve]
    low, high = min(losses), max(losses)
    width, height = 2 * COLUMNS, 4 * ROWS
    cells = [[0] * COLUMNS for _ in range(ROWS)]
    before = None
    for x in range(width):
        step = steps[0] + (steps[-1] - steps[0]) * x / (width - 1)
        share = (_at(steps, losses, step) - low) / ((high - low) or 1)
        y = round((1 - share) * (height - 1))
        before = y if before is None else before
        for dot in range(min(y, before), max(y, before) + 1):  # so that steep parts have no gaps
            cells[dot // 4][x // 2] |= _DOTS[dot % 4][x % 2]
        before = y
    rows = ["".join(chr(_BLANK + cell) for cell in row) for row in cells]
    labels = [f"{high:7.3f}", *[" " * 7] * (ROWS - 2), f"{low:7.3f}"]
    lines = [f"{label} \u2524{row}" for label, row in zip(labels, rows, strict=True)]
    first, last = f"{steps[0]:,.0f}", f"step {steps[-1]:,.0f}"
    gap = COLUMNS - len(first) - len(last)
    return [f"bits per character, {name}", *lines, f"{'':9}{first}{'':{max(gap, 1)}}{last}"]


def _at(steps: Sequence[float], losses: Sequence[float], step: float) -> float:
    """Return a loss between two reports, on the line between theirs."""
    for i in range(1, len(steps)):
        if step <= steps[i]:
            length = steps[i] - steps[i - 1]
            share = (step - steps[i - 1]) / length if length else 1.0
            return losses[i - 1] + share * (losses[i] - losses[i - 1])
    return losses[-1]


WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 40, 48
_COLOURS = {"training": "#8a8a8a", "validation": "#c2410c"}


def curve_picture(points: Sequence[Point], title: str) -> str:
    """Return the training and validation loss over the steps as SVG.

    Args:
        points: At least one of them with a loss.
        title: What stands above, safe for XML.
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

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" font-size="12" '
        'fill="#333">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-weight="bold">{title}</text>',
        f'<text x="{LEFT}" y="{TOP - 4}" fill="#666">bits per character</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end" fill="#666">step</text>',
    ]
    for tick in y_ticks:
        drawn.append(
            f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}" stroke="#e5e5e5"/>'
            f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    for tick in x_ticks:
        drawn.append(
            f'<path d="M{x(tick):.1f} {HEIGHT - BOTTOM}v4" stroke="#999"/><text x="{x(tick):.1f}" '
            f'y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:,.0f}</text>'
        )
    for place, (name, curve) in enumerate(curves.items()):
        if not curve:
            continue
        path = "L".join(f"{x(step):.1f} {y(loss):.1f}" for step, loss in curve)
        colour = _COLOURS[name]
        drawn.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        drawn.extend(
            f'<circle cx="{x(step):.1f}" cy="{y(loss):.1f}" r="2.5" fill="{colour}"/>'
            for step, loss in curve
            if name == "validation" or len(curve) == 1
        )
        best = min(loss for _, loss in curve)
        drawn.append(
            f'<text x="{WIDTH - RIGHT}" y="{TOP + 14 + 16 * place}" text-anchor="end" '
            f'fill="{colour}">{name}, lowest {best:.4f}</text>'
        )
    return "\n".join([*drawn, "</svg>\n"])


def ticks(low: float, high: float) -> list[float]:
    """Return four to eleven round numbers about an interval, evenly spaced."""
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 4))
    for factor in (1, 2, 5, 10):
        if span / (step * factor) <= 8:
            step *= factor
            break
    first = math.floor(low / step)
    return [round(step * i, 12) for i in range(first, math.ceil(high / step) + 1)]
