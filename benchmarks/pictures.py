"""Pictures of the documents, made from ``results/*.json``, as SVG.

python benchmarks/pictures.py loss|processes
"""

import math
import sys
from collections.abc import Callable

from scaling import GPU, NUMBERS, WAYS
from tables import NANOGPT, results

from charrnn.render.charts import Axes, Line, numbered, picture

HIGHEST = 2.4  # loss in the picture
COLORS = ("#c0392b", "#2c6fbb", "#2e8b57", "#555555")


def loss() -> str:
    """Return the loss against the time of training."""
    (found,) = results("curve")
    curves = {
        name: [(seconds, loss) for seconds, loss in points if loss <= HIGHEST]
        for name, points in found["points"].items()
    }
    end = max(seconds for points in curves.values() for seconds, _ in points)
    ppmd = results("compression")[0]["ppmd"]
    lines = [
        Line(curves["charrnn"], COLORS[0], "charrnn on two cores", has_marks=True),
        Line(curves["nanoGPT"], COLORS[1], "nanoGPT on the same cores", has_marks=True),
        Line([(180, NANOGPT[1])], COLORS[2], "nanoGPT on an A100"),
        Line([(0, ppmd), (end, ppmd)], COLORS[3], "PPMd, a compressor"),
    ]
    seconds = [(60.0 * number, f"{60 * number}") for number in range(4)]
    losses = numbered([1.2, 1.4, 1.6, 1.8, 2.0, 2.2, HIGHEST])
    axes = Axes(seconds, losses, "seconds", "nats per character")
    return picture(lines, axes, "Validation loss on tinyshakespeare")


def processes() -> str:
    """Return the speed against the number of GPUs, by arithmetic."""
    lines = [
        Line([(math.log2(n), math.log2(GPU.speedup(way, n))) for n in NUMBERS], color, way)
        for way, color in zip(WAYS, COLORS, strict=True)
    ]
    numbers = [(math.log2(n), f"{n}") for n in NUMBERS]
    speeds = [(-4.0, "1/16"), (-2.0, "1/4"), *numbers[::2]]
    axes = Axes(numbers, speeds, "GPUs", "speed, relative to one GPU")
    return picture(lines, axes, "Speed against the number of GPUs, by arithmetic")


PICTURES: dict[str, Callable[[], str]] = {"loss": loss, "processes": processes}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PICTURES:
        sys.exit(__doc__)
    print(PICTURES[sys.argv[1]](), end="")
