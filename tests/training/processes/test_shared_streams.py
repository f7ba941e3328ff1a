"""Two processes that share the streams, as two threads, against one that adds two half-batches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from charrnn.corpus.streams import Window
from charrnn.memory.memory import Memory
from charrnn.model.cells.registry import CELLS
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.devices.backend import Backend
from charrnn.training.learn.trainer import Trainer
from charrnn.training.processes.peers import Alone, Arrays
from charrnn.training.processes.share import Share, share_of
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.budget import Budget

CPU = Backend(torch.device("cpu"), "float32")


class Desk:
    """Where two threads meet: each leaves something and takes what both left."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._left: list[Any] = [None] * size
        self._barrier = threading.Barrier(size, timeout=20)

    def meet(self, rank: int, thing: Any) -> list[Any]:
        self._left[rank] = thing
        self._barrier.wait()
        found = list(self._left)
        self._barrier.wait()
        return found


class Thread(Alone):
    """A process that is a thread; every thread makes all calls by itself."""

    def __init__(self, rank: int, desk: Desk) -> None:
        self.rank = rank
        self.size = desk.size
        self._desk = desk

    def add(self, tensor: Tensor) -> None:
        tensors = self._desk.meet(self.rank, tensor.clone())
        tensor.zero_()
        for each in tensors:
            tensor += each

    def collect(self, arrays: Arrays) -> list[Arrays]:
        found = self._desk.meet(self.rank, {name: each.copy() for name, each in arrays.items()})
        return [] if self.rank else found

    def spread(self, arrays: Arrays) -> Arrays:
        first: Arrays = self._desk.meet(self.rank, arrays)[0]
        return first


def make_trainer(cell: str, peers: Alone | None = None, **more: Any) -> Trainer:
    """Return a tiny trainer with all that a step can have: documents, dropout, n-grams."""
    sizes = {"hidden_size": 6, "embedding_size": 6, "batch_size": 5, "seq_length": 8, "ngrams": 3}
    settings = Settings(
        **{
            "steps": 9, "cell": cell, "dropout": 0.3, "num_networks": 1, "parallel": "data",
            **sizes, **more,
        }
    )  # fmt: skip
    vocabulary = Vocabulary("abcdef", separator="\n")
    ids = (np.random.default_rng(1).integers(0, 3, 900).cumsum() % 6).astype(np.uint8)
    ids[::25] = ids[-1] = vocabulary.end_id or 0
    recipe = resolve(settings, num_chars=600, vocab_size=vocabulary.size, num_documents=24)
    budget, memory = Budget(None, 9, 0.0), Memory(vocabulary, None)
    return Trainer(recipe, CPU, ids[:600], ids[600:], budget, memory=memory, peers=peers)


def in_threads(size: int, work: Callable[[Alone], Any]) -> list[Any]:
    """Run something in each of several processes; return the results."""
    desk = Desk(size)
    results: list[Any] = [None] * size

    def run(rank: int) -> None:
        results[rank] = work(Thread(rank, desk))

    threads = [threading.Thread(target=run, args=[rank]) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def weights(trainer: Trainer) -> dict[str, bytes]:
    """Return the weights of the first network, and their average, as bytes."""
    (learner, *_) = trainer.learners
    arrays = {**learner.network.to_arrays(), **learner.average.to_arrays()}
    return {name: array.tobytes() for name, array in arrays.items()}


def half_batches(cell: str, steps: int) -> Trainer:
    """Train in one process that reads each window in two parts and adds their gradients."""
    trainer = make_trainer(cell)
    (learner,) = trainer.learners
    network, streams = learner.network, trainer.streams
    border = -(-streams.num_streams // 2)
    parts = [slice(0, border), slice(border, streams.num_streams)]
    states = [network.initial_state(len(range(streams.num_streams)[part])) for part in parts]
    for step in range(1, steps + 1):
        window = streams.window(step - 1)
        random = learner.generator.get_state()
        found = []
        for number, part in enumerate(parts):
            learner.generator.set_state(random)  # each part draws the mask of the whole
            network.streams = streams.num_streams, part
            piece = Window(
                window.inputs[part], window.targets[part], 0, window.is_start[part], window.places
            )
            losses, states[number] = learner._losses(network, piece, states[number])
            (losses.sum() / streams.usual_chars).backward()
            rows = [(table.pending or []).pop() for table in network.tables]
            found.append(([p.grad for p in network.parameters()], rows))
            network.zero_grad()
        (first, first_rows), (second, second_rows) = found
        for parameter, one, other in zip(network.parameters(), first, second, strict=True):
            if one is not None and other is not None:
                parameter.grad = one + other
        for table, one_row, other_row in zip(network.tables, first_rows, second_rows, strict=True):
            joined = tuple(torch.cat(pair, dim=1) for pair in zip(one_row, other_row, strict=True))
            assert table.pending is not None
            table.pending.append(joined)  # type: ignore[arg-type]
        progress = 0.5
        learner.update(step, trainer.recipe.learning_rate * (1 - progress) / 0.98)
    return trainer


@pytest.mark.parametrize("cell", CELLS)
def test_two_processes_are_one_that_adds_two_half_batches(cell: str) -> None:
    """Bit for bit, over several epochs of documents, and both have the same weights."""

    def work(peers: Alone) -> dict[str, bytes]:
        trainer = make_trainer(cell, peers)
        for _ in range(30):
            trainer.advance(0.5)
        return weights(trainer)

    first, second = in_threads(2, work)
    assert first == second == weights(half_batches(cell, 30))


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("size", "steps"), [(2, 200), (7, 24)])
def test_processes_stay_equal_and_close_to_one(cell: str, size: int, steps: int) -> None:
    """With more processes than streams too; one alone comes to the same losses."""

    def work(peers: Alone) -> tuple[dict[str, bytes], list[float], float | None]:
        trainer = make_trainer(cell, peers, num_networks=2)
        for _ in range(steps):
            trainer.advance(0.5)
        return weights(trainer), trainer.take_nats(), trainer.validate(1000)

    first, *others = in_threads(size, work)
    for other in others:
        assert other[0] == first[0]
        assert other[2] is None
    alone = work(Alone())
    np.testing.assert_allclose(first[1][:20], alone[1][:20], rtol=1e-4)
    assert first[2] == pytest.approx(alone[2], rel=0.05)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_state_is_that_of_one_process(size: int) -> None:
    """Whatever number saved it, another number goes on from it as one process does."""
    whole = make_trainer("gru")
    for _ in range(11):
        whole.advance(0.5)
    arrays = {name: array.copy() for name, array in whole.state_arrays().items()}

    def work(peers: Alone) -> dict[str, Any]:
        trainer = make_trainer("gru", peers)
        trainer.load_state_arrays({} if peers.rank else arrays, step=11, chars=5)
        assert (trainer.step, trainer.chars) == (11, 5)
        return {name: array.copy() for name, array in trainer.state_arrays().items()}

    first, *others = in_threads(size, work)
    assert all(each == {} for each in others)
    assert first.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(first[name], array)


@pytest.mark.parametrize("size", [2, 4])
def test_an_ensemble_is_what_one_process_trains(size: int) -> None:
    """Three networks in two or four processes: all that one process comes to."""

    def work(peers: Alone) -> tuple[Any, ...]:
        trainer = make_trainer("lstm", peers, num_networks=3, parallel="ensemble")
        for _ in range(12):
            trainer.advance(0.5)
        nats, loss = trainer.take_nats(), trainer.validate(1000)
        state = trainer.state_arrays()
        return nats, loss, {n: a.copy() for n, a in state.items()}, trainer.to_arrays()

    first, *others = in_threads(size, work)
    nats, loss, state, arrays = work(Alone())
    assert (first[0], first[1]) == (nats, loss)
    assert all(other[1:] == (None, {}, {}) for other in others)
    for found, expected in ((first[2], state), (first[3], arrays)):
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("num_streams", [1, 2, 5, 16])
def test_streams_are_shared_out_once(size: int, num_streams: int) -> None:
    """Each stream has one process, the leader has one, and parts differ by one at most."""
    parts = [
        range(num_streams)[share_of("data", 2, rank, size).rows(num_streams)]
        for rank in range(size)
    ]
    assert [stream for part in parts for stream in part] == list(range(num_streams))
    assert len(parts[0]) >= 1
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_networks_are_shared_out_once() -> None:
    """Each network has one process; one process alone has all, whatever it was told."""
    shares = [share_of("ensemble", 5, rank, 3) for rank in range(3)]
    assert sorted(n for share in shares for n in share.networks) == [0, 1, 2, 3, 4]
    assert share_of("data", 5, 0, 1) == share_of("auto", 5, 0, 1) == Share(range(5))
