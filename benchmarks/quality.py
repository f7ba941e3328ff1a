"""Loss after a given time: ``charrnn train`` on a text, then ``charrnn eval``.

    python benchmarks/quality.py TEXT [--time 60s] [--seeds 3] [--json] [--options="--cell lstm"]

``--options`` are passed to ``charrnn train``. Each seed is a whole run in a new directory.
``nats_per_char`` is the loss on the last 10 % of the text, with carried state;
``cold_nats_per_char`` is over windows of 256 characters without prior context, as in nanoGPT.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import charrnn
from charrnn.corpus.store import open_corpus

WINDOW = 256


def cold_loss(run: Path) -> float:
    """Return the loss over windows that start from a fresh state; each character counts once."""
    model = charrnn.load(run)
    ids = open_corpus(run).val
    num_windows = (len(ids) - 1) // WINDOW
    total = 0.0
    for first in range(0, num_windows, 64):
        places = np.arange(first, min(first + 64, num_windows))[:, None] * WINDOW
        places = places + np.arange(WINDOW)
        state = model.network.initial_state(len(places))
        logits, _ = model.network.forward(ids[places], state)
        logits = logits.astype(np.float64)
        logits -= logits.max(axis=-1, keepdims=True)
        normalizer = np.log(np.exp(logits).sum(axis=-1))
        chosen = np.take_along_axis(logits, ids[places + 1].astype(np.intp)[..., None], axis=-1)
        total += float((normalizer - chosen[..., 0]).sum())
    return total / (num_windows * WINDOW)


def measure(text: str, budget: str, seed: int, options: list[str]) -> dict[str, float]:
    """Train and evaluate once."""
    program = [sys.executable, "-m", "charrnn"]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        begin = time.perf_counter()
        how = ["-o", str(run), "--time", budget, "--seed", str(seed), "-q", *options]
        subprocess.run([*program, "train", text, *how], check=True)
        seconds = time.perf_counter() - begin
        answer = subprocess.run(
            [*program, "eval", "-m", str(run), "--json", "-q"], check=True, capture_output=True
        )
        loss = json.loads(answer.stdout)["nats_per_char"]
        reports = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        last = json.loads(reports[-1])
        return {
            "seed": seed,
            "nats_per_char": loss,
            "cold_nats_per_char": cold_loss(run),
            "train_nats_per_char": last["train_nats_per_char"],
            "epochs": last["epoch"],
            "seconds": seconds,
        }


def main() -> None:
    """Print a line per seed, then the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text")
    parser.add_argument("--time", default="60s")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--options", default="", type=shlex.split)
    arguments = parser.parse_args()
    rows = []
    for seed in range(1, arguments.seeds + 1):
        rows.append(measure(arguments.text, arguments.time, seed, arguments.options))
        if not arguments.json:
            print("  ".join(f"{name} {value:.4f}" for name, value in rows[-1].items()), flush=True)
    medians = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    if arguments.json:
        print(json.dumps({"text": Path(arguments.text).name, "rows": rows, "median": medians}))
    else:
        print(f"median of {len(rows)}: {medians['nats_per_char']:.4f} nats per character")


if __name__ == "__main__":
    main()
