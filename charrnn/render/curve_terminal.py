"""A small learning curve for the terminal, in Braille characters."""

from __future__ import annotations

from collections.abc import Sequence

from charrnn.render.history import Point

COLUMNS, ROWS = 60, 8

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a Braille character
_BLANK = 0x2800


def small_curve(points: Sequence[Point]) -> list[str]:
    """Return the validation loss over the steps as lines of text; none for fewer than two points.

    Without validation losses, draw the training loss.
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
        for dot in range(min(y, before), max(y, before) + 1):  # steep parts have no gaps
            cells[dot // 4][x // 2] |= _DOTS[dot % 4][x % 2]
        before = y
    rows = ["".join(chr(_BLANK + cell) for cell in row) for row in cells]
    labels = [f"{high:7.3f}", *[" " * 7] * (ROWS - 2), f"{low:7.3f}"]
    lines = [f"{label} \u2524{row}" for label, row in zip(labels, rows, strict=True)]
    first, last = f"{steps[0]:,.0f}", f"step {steps[-1]:,.0f}"
    gap = COLUMNS - len(first) - len(last)
    return [f"bits per character, {name}", *lines, f"{'':9}{first}{'':{max(gap, 1)}}{last}"]


def _at(steps: Sequence[float], losses: Sequence[float], step: float) -> float:
    """Return the loss at a step by linear interpolation."""
    for i in range(1, len(steps)):
        if step <= steps[i]:
            length = steps[i] - steps[i - 1]
            share = (step - steps[i - 1]) / length if length else 1.0
            return losses[i - 1] + share * (losses[i] - losses[i - 1])
    return losses[-1]
