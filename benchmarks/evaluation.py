"""Time of a cold ``charrnn eval``, relative to torch.

The other side imports torch, loads the same model and takes one forward pass with loss over the
same text, at its best number of parallel streams. Each run is a new process; runs alternate. Equal
losses show that both compute the same.

The model must be one network, ``--num-networks 1``. The memory is left out, but for a row of its
own.

python benchmarks/evaluation.py TEXT -m runs/tinyshakespeare [--rounds 5] [--json]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

FORWARD = """
import sys
import torch
from torch.nn.functional import cross_entropy
from charrnn.model.checkpoint import read_checkpoint
from charrnn.model.find import find_model
from charrnn.corpus.streams import measuring_streams
from charrnn.training.nn.network import TrainableNetwork

checkpoint = read_checkpoint(find_model(sys.argv[1]))
sizes = checkpoint.config
assert sizes.num_networks == 1, "give a model of one network"
network = TrainableNetwork(checkpoint.config, dropout=0.0, generator=torch.Generator())
network.load_arrays(checkpoint.arrays)
ids = checkpoint.vocabulary.encode(open(sys.argv[2], encoding="utf-8").read(), "skip")
streams = measuring_streams(ids, int(sys.argv[4]), int(sys.argv[3]))
state, nats = network.initial_state(streams.num_streams), 0.0
with torch.inference_mode():
    for window in streams:
        if window.is_start[0]:
            for array in (array for layer in state for array in layer):
                array[0] = 0
        logits, state = network(torch.from_numpy(window.inputs), state)
        nats += float(
            cross_entropy(
                logits.flatten(0, 1), torch.from_numpy(window.targets).flatten(), reduction="sum"
            )
        )
print(nats / (len(ids) - 1))
"""
STREAMS = [(32, 64), (64, 64), (128, 64)]  # B and T


def run(command: list[str]) -> tuple[float, str]:
    """Run a command; return its wall-clock seconds and its output."""
    begin = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - begin, done.stdout


def main() -> None:
    """Time the commands alternately; print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", help="UTF-8 file")
    parser.add_argument("-m", "--model", required=True, help="model file or run directory")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    python = sys.executable
    commands = {
        "import torch": [python, "-c", "import torch"],
    }
    evaluate = [python, "-m", "charrnn", "eval", arguments.text, "-m", arguments.model]
    evaluate += ["--json", "-q"]
    commands["charrnn eval"] = [*evaluate, "--no-memory"]
    commands["with memory"] = evaluate
    for count, steps in STREAMS:
        inputs = [arguments.model, arguments.text, str(count), str(steps)]
        commands[f"torch, {count} streams"] = [python, "-c", FORWARD, *inputs]
    times: dict[str, list[float]] = {name: [] for name in commands}
    losses: dict[str, float] = {}
    for number in range(arguments.rounds + 1):
        for name, command in commands.items():
            seconds, output = run(command)
            if number:  # the first round warms the disk cache
                times[name].append(seconds)
            if name.startswith("torch"):
                losses[name] = float(output)
            elif name != "import torch":
                losses[name] = json.loads(output)["nats_per_char"]
    medians = {name: statistics.median(values) for name, values in times.items()}
    torch = min(seconds for name, seconds in medians.items() if name.startswith("torch"))
    ratio = medians["charrnn eval"] / torch
    if arguments.json:
        found = {"median_seconds": medians, "nats_per_char": losses, "ratio": ratio}
        found["memory_ratio"] = medians["with memory"] / medians["charrnn eval"]
        print(json.dumps(found))
        return
    for name, seconds in medians.items():
        loss = f"  {losses[name]:.4f} nats per character" if name in losses else ""
        print(f"{name:20}{seconds:8.3f} s{loss}")
    print(f"{'eval / best of torch':20}{ratio:8.3f}")
    print(f"{'with memory / without':20}{medians['with memory'] / medians['charrnn eval']:8.3f}")


if __name__ == "__main__":
    main()
