"""The validation loss of a training against the seconds since its start.

    python benchmarks/curve.py TEXT [--time 3m] [--seed 1] [--nanogpt FOLDER] [--json]

FOLDER is a clone of nanoGPT (https://github.com/karpathy/nanoGPT). Its recipe for a processor, as
its README gives it, then trains on the same text, too, with the same last tenth for validation. Its
loss is over random windows of 64 characters.
"""

import argparse
import json
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

Points = list[tuple[float, float]]

RECIPE = (
    "config/train_shakespeare_char.py --device=cpu --compile=False --eval_iters=20"
    " --log_interval=1000 --block_size=64 --batch_size=12 --n_layer=4 --n_head=4 --n_embd=128"
    " --max_iters=2000 --lr_decay_iters=2000 --dropout=0.0"
)
VALIDATION = re.compile(r"step \d+: .*val loss ([\d.]+)")


def charrnn_points(text: Path, budget: str, seed: str) -> Points:
    """Train once with the defaults; return seconds and losses in nats per character."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *[sys.executable, "-m", "charrnn", "train", str(text), "--json", "-q"],
            *["--time", budget, "--seed", seed, "-o", f"{folder}/run", "--preview-every", "0"],
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    reports = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [
        (round(report["seconds"], 1), round(report["val_nats_per_char"], 4))
        for report in reports
        if report.get("val_nats_per_char") is not None
    ]


def nanogpt_points(text: Path, clone: Path) -> Points:
    """Train nanoGPT by its recipe for a processor; return seconds and losses."""
    content = text.read_text(encoding="utf-8")
    characters = sorted(set(content))
    ids = np.array([characters.index(character) for character in content], np.uint16)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "nanogpt"
        shutil.copytree(clone, copy)
        data = copy / "data/shakespeare_char"
        num_train = int(len(ids) * 0.9)
        ids[:num_train].tofile(data / "train.bin")
        ids[num_train:].tofile(data / "val.bin")
        (data / "meta.pkl").write_bytes(pickle.dumps({"vocab_size": len(characters)}))
        begin, points = time.perf_counter(), []
        command = [sys.executable, "-u", "train.py", *RECIPE.split()]
        with subprocess.Popen(
            command, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if found := VALIDATION.match(line):
                    points.append((round(time.perf_counter() - begin, 1), float(found[1])))
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return points


def main() -> None:
    """Print the points of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--time", default="3m")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--nanogpt", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    curves = {"charrnn": charrnn_points(arguments.text, arguments.time, arguments.seed)}
    if arguments.nanogpt is not None:
        curves["nanoGPT"] = nanogpt_points(arguments.text, arguments.nanogpt)
    if arguments.json:
        print(json.dumps({"text": arguments.text.name, "points": curves}))
        return
    for name, points in curves.items():
        for seconds, loss in points:
            print(f"{name:8} {seconds:8.1f} s {loss:8.4f} nats per character")


if __name__ == "__main__":
    main()
