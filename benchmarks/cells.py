"""Training speed of the recurrent layers, relative to torch's own layers.

    python benchmarks/cells.py [--quick] [--rounds 7] [--json]

Each row times embedding, recurrent layers, output layer and backward pass over one window.
``ratio`` is our speed over that of ``reference``: torch's layer, at the faster of the two
precisions, for the classical cells; our lstm with an equal number of weights for mingru.
``gemm_share`` is the arithmetic rate of the layers' matrix products, as a share of the rate of one
large product in the same precision.
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from charrnn.model.cells.registry import cell_spec
from charrnn.model.config import ModelConfig
from charrnn.training.devices.backend import Backend, prepare_backend
from charrnn.training.nn.network import TrainableNetwork

VOCAB_SIZE, SEQ_LENGTH = 65, 64

Pass = Callable[[], None]


def gemm_rate(backend: Backend) -> float:
    """Return the operations per second of one large matrix product."""
    dtype = torch.bfloat16 if backend.precision == "bfloat16" else torch.float32
    size = 2048
    left, right = torch.ones(size, size, dtype=dtype), torch.ones(size, size, dtype=dtype)
    times = []
    for _ in range(7):
        begin = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - begin)
    return 2 * size**3 / statistics.median(times)


def our_pass(
    cell: str, hidden_size: int, num_layers: int, batch_size: int, backend: Backend
) -> tuple[Pass, int]:
    """Return a forward and backward pass of our layers, and their number of weights."""
    config = ModelConfig(
        vocab_size=VOCAB_SIZE,
        cell=cell,
        block=cell_spec(cell).block,
        embedding_size=hidden_size,
        hidden_size=hidden_size,
        num_layers=num_layers,
    )
    network = TrainableNetwork(config, dropout=0.0, generator=torch.Generator().manual_seed(1))
    network.to(backend.device)
    ids = torch.zeros(batch_size, SEQ_LENGTH, dtype=torch.int64, device=backend.device)
    state = network.initial_state(batch_size)
    gradient = torch.ones(batch_size, SEQ_LENGTH, VOCAB_SIZE, device=backend.device)

    def run() -> None:
        with backend.autocast():
            logits, _ = network(ids, state)
        logits.float().backward(gradient)
        network.zero_grad()

    return run, sum(p.numel() for p in network.layers.parameters())


def torch_pass(
    cell: str, hidden_size: int, num_layers: int, batch_size: int, backend: Backend
) -> Pass:
    """Return a forward and backward pass of torch's layers."""
    kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell]
    device = backend.device
    embedding = nn.Embedding(VOCAB_SIZE, hidden_size).to(device)
    layers = kind(hidden_size, hidden_size, num_layers, batch_first=True).to(device)
    output = nn.Linear(hidden_size, VOCAB_SIZE).to(device)
    ids = torch.zeros(batch_size, SEQ_LENGTH, dtype=torch.int64, device=device)
    gradient = torch.ones(batch_size, SEQ_LENGTH, VOCAB_SIZE, device=device)

    def run() -> None:
        with backend.autocast():
            hidden, _ = layers(embedding(ids))
            logits = output(hidden)
        logits.float().backward(gradient)
        for module in (embedding, layers, output):
            module.zero_grad()

    return run


def compare(passes: list[Pass], rounds: int) -> list[float]:
    """Time the passes alternately; return the median seconds of each."""
    times: list[list[float]] = [[] for _ in passes]
    for number in range(rounds + 1):
        for run, seconds in zip(passes, times, strict=True):
            begin = time.perf_counter()
            for _ in range(3):
                run()
            if number:
                seconds.append((time.perf_counter() - begin) / 3)
    return [statistics.median(seconds) for seconds in times]


def main() -> None:
    """Print a row per cell and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only H 256 and B 16")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    backend = prepare_backend("cpu", "auto", None)
    precise = Backend(backend.device, "float32")
    rate = gemm_rate(backend)
    rows = []
    sizes = [256] if arguments.quick else [256, 512]
    batches = [16] if arguments.quick else [16, 64]
    for hidden_size, batch_size, num_layers in itertools.product(sizes, batches, [1, 2]):
        shape = (hidden_size, num_layers, batch_size)
        for cell in ("rnn", "gru", "lstm", "mingru"):
            if cell == "mingru":
                # An lstm layer has 8 H H weights, a mingru layer 4 H H.
                ours, num_weights = our_pass(cell, hidden_size, 2 * num_layers, batch_size, backend)
                reference = "charrnn lstm, equal parameters"
                others = [our_pass("lstm", *shape, backend)[0]]
            else:
                ours, num_weights = our_pass(cell, *shape, backend)
                reference = {"rnn": "nn.RNN", "gru": "nn.GRU", "lstm": "nn.LSTM"}[cell]
                others = [torch_pass(cell, *shape, each) for each in (backend, precise)]
            ours_seconds, *other_seconds = compare([ours, *others], arguments.rounds)
            num_chars = batch_size * SEQ_LENGTH
            rows.append(
                {
                    "cell": cell,
                    "hidden_size": hidden_size,
                    "num_layers": num_layers * (2 if cell == "mingru" else 1),
                    "batch_size": batch_size,
                    "seq_length": SEQ_LENGTH,
                    "chars_per_second": num_chars / ours_seconds,
                    "reference": reference,
                    "ratio": min(other_seconds) / ours_seconds,
                    "gemm_share": 6 * num_weights * num_chars / ours_seconds / rate,
                }
            )
            if not arguments.json:
                row = rows[-1]
                sizes_text = f"{cell:7}{row['num_layers']:2} x {hidden_size}  B {batch_size:2}"
                speed_text = f"{row['chars_per_second']:11,.0f} chars/s  {row['gemm_share']:4.0%}"
                print(f"{sizes_text}{speed_text}  {row['ratio']:.2f} x {reference}", flush=True)
    if arguments.json:
        print(json.dumps({"precision": backend.precision, "gemm_rate": rate, "rows": rows}))


if __name__ == "__main__":
    main()
