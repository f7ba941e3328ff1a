"""How far back a model looks, as text and as SVG."""

from collections.abc import Iterator, Sequence

import numpy as np

from charrnn.insight.reach import ONE_PER_CENT, Curve, Reach
from charrnn.insight.reading import GateUse
from charrnn.render.charts import Axes, Line, numbered, picture, small_chart, ticks
from charrnn.render.look.overview import life_words

_COLORS = ("#c2410c", "#8a8a8a", "#5b8c5a", "#2563a8")


def reach_lines(found: Reach, gates: Sequence[GateUse]) -> Iterator[str]:
    """Yield the lines on how far back a model looks."""
    curves = found.curves()
    yield "How far back it looks: nats per character lost if it knows only the last n characters"
    yield "".join([f"{'n':>6}", *(f"{name:>21}" for name in curves)])
    for row, length in enumerate(found.networks.lengths):
        yield f"{length:6,}" + "".join(f"{curve.nats[row]:21.4f}" for curve in curves.values())
    yield ""
    for name, curve in curves.items():
        yield f"{name}: {reach_words(curve, found.num_steps)}"
    for layer, use in enumerate(gates):
        if use.shut:
            yield f"layer {layer}: half of what a unit holds is left after {life_words(use)}"
    yield ""
    title = f"nats lost, networks; one per cent of perplexity is {ONE_PER_CENT:.4f}"
    lengths = found.networks.lengths
    yield from small_chart(_points(found.networks), title, "n = 1", f"n = {lengths[-1]:,}")


def reach_words(curve: Curve, num_steps: int) -> str:
    """Return the reach of a curve with its interval, as words."""
    row = len(curve.lengths) - 1 if curve.reach is None else curve.lengths.index(curve.reach)
    span = f"{curve.low[row]:+.4f} to {curve.high[row]:+.4f} nats there, 95 % interval"
    if curve.reach is None:
        return f"more than {num_steps:,} characters ({span})"
    return f"{curve.reach:,} characters; beyond, less than one per cent is lost ({span})"


def reach_picture(found: Reach) -> str:
    """Return the curves as SVG."""
    curves = found.curves()
    lines = [
        Line(_points(curve), color, f"{name}: {curve.reach or f'more than {found.num_steps:,}'}")
        for (name, curve), color in zip(curves.items(), _COLORS, strict=False)
    ]
    lengths = found.networks.lengths
    x_ticks = [(float(np.log2(n)), f"{n:,}") for n in lengths if n & (n - 1) == 0]
    highest = max(max(curve.nats) for curve in curves.values())
    lowest = min(0.0, *(round(min(curve.nats), 2) for curve in curves.values()))
    axes = Axes(
        x_ticks, numbered(ticks(lowest, highest)), "characters it may look back", "nats lost"
    )
    return picture(lines, axes, "charrnn: how far back the model looks")


def _points(curve: Curve) -> list[tuple[float, float]]:
    """Return the points of a curve; x is the logarithm of n."""
    return [(float(np.log2(n)), nats) for n, nats in zip(curve.lengths, curve.nats, strict=True)]
