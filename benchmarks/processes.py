"""Two processes against two threads: characters a second and the loss, over three seeds.

    python benchmarks/processes.py TEXT [--steps 100] [--seeds 3] [--json]

Both train two networks for the same number of steps, on one thread each. ``ensemble`` gives each
process a network, ``data`` half of the streams. The speed is the median of the reports of a run,
without the time of the start and of validations, which read a fiftieth of the text. The last row
has the gradients of one network: what ``data`` sums in a step.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from charrnn.model.checkpoint import read_checkpoint

TORCHRUN = [
    sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
    "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0",
]  # fmt: skip


def run(text: str, steps: int, seed: int, parallel: str) -> dict[str, Any]:
    """Train; return the speed, the loss, and the bytes of one network's gradients."""
    program = TORCHRUN if parallel != "threads" else [sys.executable]
    options = ["--parallel", parallel] if parallel != "threads" else ["--threads", "2"]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *program, "-m", "charrnn", "train", text, "--steps", str(steps), "--num-networks", "2",
            "--seed", str(seed), "--val", "0.02", "--preview-every", "0", "--json", "-q",
            "-o", f"{folder}/run", *options,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
        model = read_checkpoint(f"{folder}/run/model.safetensors")
    reports = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    # The report that follows a validation includes the time of the validation.
    plain = [
        now["chars_per_second"]
        for before, now in itertools.pairwise(reports)
        if before["val_nats_per_char"] is None and now["val_nats_per_char"] is None
    ]
    dense = [a for n, a in model.arrays.items() if n.startswith("networks.0") and "ngrams" not in n]
    return {
        "speed": statistics.median(plain),
        "loss": reports[-1]["val_nats_per_char"],
        "bytes": sum(array.size for array in dense) * 4,
    }


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.steps < 100:
        parser.error("--steps: with fewer than 100, every report holds a validation")
    found: dict[str, list[dict[str, Any]]] = {"threads": [], "ensemble": [], "data": []}
    for seed in range(1, arguments.seeds + 1):
        for parallel, runs in found.items():
            runs.append(run(arguments.text, arguments.steps, seed, parallel))
    usual = found["threads"]
    rows = {}
    for parallel, runs in found.items():
        pairs = list(zip(runs, usual, strict=True))
        rows[parallel] = {
            "chars_per_second": round(statistics.median(each["speed"] for each in runs)),
            "ratio": round(statistics.median(a["speed"] / b["speed"] for a, b in pairs), 3),
            "loss": [round(each["loss"], 4) for each in runs],
            "largest_difference": round(max(abs(a["loss"] - b["loss"]) for a, b in pairs), 5),
        }
    if arguments.json:
        print(json.dumps({**rows, "gradient_bytes": usual[0]["bytes"]}))
        return
    for parallel, row in rows.items():
        print(f"{parallel:9}", "  ".join(f"{name} {value}" for name, value in row.items()))
    print(f"gradients of a network: {usual[0]['bytes']:,} bytes")


if __name__ == "__main__":
    main()
