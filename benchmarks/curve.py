"""The validation loss of a training against the seconds since its start.

python benchmarks/curve.py TEXT [--time 3m] [--seed 1] [--json]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Train once; print seconds and losses in nats per character."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--time", default="3m")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *[sys.executable, "-m", "charrnn", "train", str(arguments.text), "--json", "-q"],
            *["--time", arguments.time, "--seed", arguments.seed, "-o", f"{folder}/run"],
            *["--preview-every", "0"],
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    reports = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    points = [
        (round(report["seconds"], 1), round(report["val_nats_per_char"], 4))
        for report in reports
        if report.get("val_nats_per_char") is not None
    ]
    if arguments.json:
        print(json.dumps({"text": arguments.text.name, "points": points}))
        return
    for seconds, loss in points:
        print(f"{seconds:8.1f} s {loss:8.4f} nats per character")


if __name__ == "__main__":
    main()
