"""Measure how fast this machine trains.

Sizes: B streams, T time steps.
"""

import time

import torch

from charrnn.model.config import ModelConfig
from charrnn.training.devices.backend import Backend
from charrnn.training.nn.network import TrainableNetwork
from charrnn.training.recipe.defaults import Throughput, macs_per_char

STREAMS, STEPS = 16, 64
PROBES, PROBE_SECONDS, PAUSE_SECONDS = 3, 0.1, 0.05
SHARE = 0.85  # of a step that is forward and backward; the rest is the optimizer and overhead
PROBE = ModelConfig(vocab_size=64, cell="lstm", embedding_size=128, hidden_size=256, num_layers=1)


def measure_throughput(backend: Backend) -> Throughput:
    """Time training steps of a small network in three short probes, half a second in all.

    The fastest step counts, because other processes slow down the rest.

    Args:
        backend: Where to train; its number of threads is restored. A GPU counts as one thread.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        fastest = min(_step_seconds(backend))
    finally:
        torch.set_num_threads(threads)
    chars_per_second = SHARE * STREAMS * STEPS / fastest
    is_cpu = backend.device.type == "cpu"
    return Throughput(chars_per_second * macs_per_char(PROBE), threads if is_cpu else 1)


def _step_seconds(backend: Backend) -> list[float]:
    """Return the seconds that steps took, without the first ones, which prepare kernels."""
    network = TrainableNetwork(PROBE, dropout=0.0, generator=torch.Generator())
    network.to(backend.device)
    ids = torch.zeros((STREAMS, STEPS), dtype=torch.int64, device=backend.device)
    state = network.initial_state(STREAMS)
    taken: list[float] = []
    for _ in range(PROBES):
        began = time.monotonic()
        while len(taken) < 4 or time.monotonic() - began < PROBE_SECONDS:
            before = time.monotonic()
            with backend.autocast():
                logits, _ = network(ids, state)
            loss = logits.float().logsumexp(-1).sum()
            loss.backward()
            float(loss.detach())  # waits for a GPU
            taken.append(time.monotonic() - before)
        time.sleep(PAUSE_SECONDS)
    return taken[2:]
