"""Loss of the default settings, relative to a grid of hand-chosen ones.

    python benchmarks/grid.py TEXT... [--time 60s] [--seeds 1] [--only NAME...] [--json]

Each row is the loss of a whole ``charrnn train`` run with one setting: nats per character on the
last 10 % of the text, median over the seeds. ``gap`` is the loss of the defaults minus the best.
"""

import argparse
import json
import shlex
import statistics
from pathlib import Path

from quality import measure

DEFAULT = "default"
GRID = {
    DEFAULT: "",
    "one network": "--num-networks 1",
    "two networks": "--num-networks 2",
    "four networks": "--num-networks 4",
    "320 units": "--hidden-size 320",
    "384 units": "--hidden-size 384",
    "two layers": "--num-layers 2",
    "bigrams": "--ngrams 2",
    "trigrams": "--ngrams 3",
    "4-grams": "--ngrams 4",
    "less dropout": "--dropout 0.02",
    "more dropout": "--dropout 0.3",
    "lr 4e-3": "--lr 4e-3",
    "lr 1.2e-2": "--lr 1.2e-2",
    "adamw": "--optimizer adamw",
    "mingru": "--cell mingru",
    "no training text": "--memory 0",
}


def main() -> None:
    """Print a row per setting, and the gap per text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", nargs="+")
    parser.add_argument("--time", default="60s")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=list(GRID), default=list(GRID))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = []
    for text in arguments.texts:
        losses = {}
        for name in arguments.only:
            options = shlex.split(GRID[name])
            seeds = range(1, arguments.seeds + 1)
            runs = [measure(text, arguments.time, seed, options) for seed in seeds]
            losses[name] = statistics.median(run["nats_per_char"] for run in runs)
            if not arguments.json:
                print(f"{Path(text).name:20}{name:20}{losses[name]:8.4f}", flush=True)
        gap = losses.get(DEFAULT, float("nan")) - min(losses.values())
        results.append({"text": Path(text).name, "nats_per_char": losses, "gap": gap})
        if not arguments.json:
            print(f"{Path(text).name:20}{'gap':20}{gap:8.4f}", flush=True)
    if arguments.json:
        print(json.dumps({"rows": results}))


if __name__ == "__main__":
    main()
