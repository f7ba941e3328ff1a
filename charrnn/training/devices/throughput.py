"""Measure how fast this machine trains.

Sizes: B streams, T time steps.
"""

import dataclasses
import time

import torch

from charrnn.model.config import ModelConfig
from charrnn.training.devices.backend import Backend
from charrnn.training.nn.network import TrainableNetwork
from charrnn.training.recipe.defaults import STREAMS, Throughput, macs_per_char

STEPS = 64
PROBES, PROBE_SECONDS, PAUSE_SECONDS = 3, 0.1, 0.05
SHARE = 0.85  # of a step that is forward and backward; the rest is the optimizer and overhead
PROBE = ModelConfig(vocab_size=64, cell="lstm", embedding_size=128, hidden_size=256, num_layers=1)
WIDE_PROBE = dataclasses.replace(PROBE, hidden_size=512)  # what a GPU would train
MAX_STREAMS = 512
WORTHWHILE = 1.4  # twice the streams must read so many times as many characters


def measure_throughput(backend: Backend) -> Throughput:
    """Time training steps of a small network in short probes, half a second in all on a CPU.

    The fastest step counts, because other processes slow down the rest. On a GPU the streams are
    doubled as long as it reads more characters with them.

    Args:
        backend: Where to train; its number of threads is restored. A GPU counts as one thread.
    """
    if backend.device.type != "cpu":
        return _measure_device(backend)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        fastest = _step_seconds(backend, PROBE, STREAMS)
    finally:
        torch.set_num_threads(threads)
    return Throughput(_macs_per_second(PROBE, STREAMS, fastest), threads)


def _measure_device(backend: Backend) -> Throughput:
    """Return the throughput with as many streams as make it higher."""
    best = 0.0
    streams = STREAMS
    while streams <= MAX_STREAMS:
        found = _macs_per_second(WIDE_PROBE, streams, _step_seconds(backend, WIDE_PROBE, streams))
        if found < WORTHWHILE * best:
            break
        best = found
        streams *= 2
    return Throughput(best, threads=1, streams=streams // 2)


def _macs_per_second(config: ModelConfig, streams: int, seconds: float) -> float:
    """Return the weights multiplied each second, given how long a step took."""
    return SHARE * streams * STEPS / seconds * macs_per_char(config)


def _step_seconds(backend: Backend, config: ModelConfig, streams: int) -> float:
    """Return the seconds of the fastest step, but for the first ones, which prepare kernels."""
    network = TrainableNetwork(config, dropout=0.0, generator=torch.Generator())
    network.to(backend.device)
    ids = torch.zeros((streams, STEPS), dtype=torch.int64, device=backend.device)
    state = network.initial_state(streams)
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
    return min(taken[2:])
