"""Memory that training takes, relative to the minimum.

    python benchmarks/memory.py TEXT [--steps 40] [--json]

``held`` is the minimum: for all networks of a run, the weights, the optimizer's moments, the weight
average, and what one window keeps for its backward pass. ``peak`` is the largest resident size of
``charrnn train``, less that of a process in which torch takes one step with a minimal network,
since torch loads many kernels at its first step. ``ratio`` is peak / held; ``without_average`` is
the same without the average in the minimum.

A subprocess computes ``held``, because the peak of a process starts at that of its parent.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

import charrnn
from charrnn.training.devices.backend import prepare_backend
from charrnn.training.nn.loss import cross_entropy
from charrnn.training.nn.network import TrainableNetwork
from charrnn.training.run.state import STATE_NAME, read_state

TORCH_ALONE = """
import torch
from torch.optim.adamw import adamw

layers = torch.nn.Embedding(2, 8), torch.nn.LSTM(8, 8), torch.nn.Linear(8, 2)
weights = [weight for layer in layers for weight in layer.parameters()]
ids = torch.zeros(8, 8, dtype=torch.int64)
with torch.autocast("cpu", torch.bfloat16):
    logits = layers[2](layers[1](layers[0](ids))[0])
torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), ids.flatten()).backward()
moments = [[torch.zeros_like(weight) for weight in weights] for _ in range(2)]
steps = [torch.zeros(()) for _ in weights]
with torch.no_grad():
    adamw(
        weights, [weight.grad for weight in weights], *moments, [], steps, fused=True,
        amsgrad=False, beta1=0.9, beta2=0.99, lr=0.001, weight_decay=0.1, eps=1e-8, maximize=False,
    )
"""

RUNS = {
    "default": "",
    "one network": "--num-networks 1",
    "lstm 2 x 512, B 64": "--num-networks 1 --num-layers 2 --hidden-size 512 --batch-size 64",
    "the same, no n-grams": "--num-networks 1 --num-layers 2 --hidden-size 512 --batch-size 64 "
    "--ngrams 1",
    "gru 2 x 512, B 64": "--num-networks 1 --cell gru --num-layers 2 --hidden-size 512 "
    "--batch-size 64 --ngrams 1",
    "mingru 4 x 256, B 16": "--num-networks 1 --cell mingru --hidden-size 256 --batch-size 16",
}


def peak_bytes(command: list[str]) -> int:
    """Run a command; return its largest resident size in bytes."""
    with subprocess.Popen(command) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{shlex.join(command)}: exit {process.returncode}")
    return usage.ru_maxrss * 1024


def held_bytes(run: Path) -> tuple[int, int]:
    """Return the bytes that the networks of a run need, and the share of the average in them."""
    checkpoint = charrnn.load(run).checkpoint
    config, recipe = checkpoint.config, checkpoint.about["recipe"]
    backend = prepare_backend(recipe["device"], recipe["precision"], recipe["threads"])
    storages: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    network = TrainableNetwork(
        config.one_network, dropout=recipe["dropout"], generator=torch.Generator()
    )
    ids = torch.zeros((recipe["batch_size"], recipe["seq_length"]), dtype=torch.int64)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), backend.autocast():
        logits, _ = network(ids, network.initial_state(recipe["batch_size"]))
        cross_entropy(logits.transpose(0, 1).flatten(0, 1), ids.T.flatten())
    for parameter in network.parameters():
        storages.pop(parameter.untyped_storage().data_ptr(), None)
    sizes = dict.fromkeys(["network", "optimizer", "average"], 0)
    for name, array in read_state(run / STATE_NAME).arrays.items():
        for kind in sizes:  # for example networks.0.optimizer.momentum.layers.0.weight_hh
            sizes[kind] += array.nbytes if f".{kind}." in f".{name}" else 0
    return sum(sizes.values()) + config.num_networks * sum(storages.values()), sizes["average"]


def main() -> None:
    """Print a row per configuration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch_alone = peak_bytes([sys.executable, "-c", TORCH_ALONE])
    rows = []
    for name, options in RUNS.items():
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            train = [sys.executable, "-m", "charrnn", "train", arguments.text, "-q", "-o", str(run)]
            steps = ["--steps", str(arguments.steps), "--save-every", "0"]
            peak = peak_bytes([*train, *steps, *shlex.split(options)]) - torch_alone
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                held, average = pool.submit(held_bytes, run).result()
        without_average = peak / (held - average)
        rows.append(
            {
                "run": name,
                "held": held,
                "peak": peak,
                "ratio": peak / held,
                "without_average": without_average,
            }
        )
        if not arguments.json:
            print(
                f"{name:24} held {held / 1e6:7.1f} MB  peak {peak / 1e6:7.1f} MB  "
                f"ratio {peak / held:.2f}  without average {without_average:.2f}",
                flush=True,
            )
    if arguments.json:
        print(json.dumps({"torch_alone": torch_alone, "rows": rows}))


if __name__ == "__main__":
    main()
