"""Learning curves: a small one for the terminal, and an SVG picture."""

from collections.abc import Sequence

from charrnn.render.charts import Axes, Line, numbered, picture, small_chart, ticks
from charrnn.render.history import Point, curve_of

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
    first, last = f"{curve[0][0]:,.0f}", f"step {curve[-1][0]:,.0f}"
    return small_chart(curve, f"bits per character, {name}", first, last)


def curve_picture(points: Sequence[Point], title: str) -> str:
    """Return training and validation loss over the steps as SVG, with a title that is safe for XML.

    At least one point has a loss.
    """
    curves = {"training": curve_of(points, "train"), "validation": curve_of(points, "val")}
    losses = [loss for curve in curves.values() for _, loss in curve]
    last = max(point.step for point in points) or 1.0
    lines = [
        Line(
            curve,
            _COLORS[name],
            f"{name}, lowest {min(loss for _, loss in curve):.4f}",
            has_marks=name == "validation",
        )
        for name, curve in curves.items()
        if curve
    ]
    x_ticks = [(tick, f"{tick:,.0f}") for tick in ticks(0.0, last)]
    axes = Axes(x_ticks, numbered(ticks(min(losses), max(losses))), "step", "bits per character")
    return picture(lines, axes, title)
