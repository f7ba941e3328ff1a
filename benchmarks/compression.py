"""Loss with a memory, without it, and of the compressor PPMd, on the last tenth of texts.

    python benchmarks/compression.py TEXT... [--time 60s] [--seeds 3] [--json] [--options=""]

Each seed is a run of ``charrnn train`` and a ``charrnn eval`` of the last 10 % of the text. The
losses are medians over the seeds, in nats per character. That of PPMd, variant I, is the size that
the last tenth adds to the first nine, at the best order: [size(all) - size(first nine)] * 8 ln 2 /
characters. It needs ``pyppmd``.
"""

import argparse
import json
import math
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pyppmd

ORDERS = range(2, 17)
MEMORY = 1 << 28  # bytes


def compressed(text: str, order: int) -> int:
    """Return the size of a text in bytes."""
    return len(pyppmd.compress(text.encode(), max_order=order, mem_size=MEMORY))


def ppmd(text: str) -> tuple[float, int]:
    """Return the loss of PPMd on the last tenth, and the order that is best."""
    first = text[: len(text) - len(text) // 10]
    added = {order: compressed(text, order) - compressed(first, order) for order in ORDERS}
    order = min(added, key=added.__getitem__)
    return added[order] * 8 * math.log(2) / (len(text) - len(first)), order


def run(path: Path, budget: str, seed: int, options: list[str]) -> dict[str, float]:
    """Train and evaluate once."""
    program = [sys.executable, "-m", "charrnn"]
    with tempfile.TemporaryDirectory() as folder:
        how = ["-o", f"{folder}/run", "--time", budget, "--seed", str(seed), "-q", *options]
        subprocess.run([*program, "train", str(path), *how], check=True)
        command = [*program, "eval", "-m", f"{folder}/run", "--json", "-q"]
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {
        "with": found["nats_per_char"],
        "without": found["nats_per_char_without_memory"],
    }


def main() -> None:
    """Print a row for each text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--time", default="60s")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--options", default="", type=shlex.split)
    arguments = parser.parse_args()
    for path in arguments.texts:
        text = path.read_text(encoding="utf-8")
        loss, order = ppmd(text)
        seeds = range(1, arguments.seeds + 1)
        rows = [run(path, arguments.time, seed, arguments.options) for seed in seeds]
        median = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        if arguments.json:
            size = {"characters": len(text), "distinct": len(set(text))}
            found = {"seeds": rows, "median": median, "ppmd": loss, "order": order}
            line = json.dumps({"text": path.name, **size, **found})
        else:
            seen = " ".join(f"{row['with']:.4f}" for row in rows)
            line = (
                f"{path.name:24} with memory {median['with']:.4f} ({seen})  without "
                f"{median['without']:.4f}  PPMd {loss:.4f} (order {order})"
            )
        print(line, flush=True)


if __name__ == "__main__":
    main()
