"""Truncated backpropagation through time, held against slower ways to say the same."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from charrnn.errors import TrainingError
from charrnn.evaluation.score import score
from charrnn.memory.memory import Memory
from charrnn.model.cells.registry import CELLS
from charrnn.model.predictor import Predictor
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.api import train
from charrnn.training.devices.backend import Backend
from charrnn.training.learn.trainer import Trainer
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.budget import Budget
from charrnn.training.run.files import RunFiles
from charrnn.training.run.loop import run_training
from charrnn.training.run.monitor import Report, Silent
from charrnn.training.run.progress import LoopState

CPU = Backend(torch.device("cpu"), "float32")
MEMORY = Memory(Vocabulary("abcdefg"), None)
TEXT = np.random.default_rng(3).integers(0, 7, 500).cumsum() % 7


class KeptFiles(RunFiles):
    """The files of a run, in memory."""

    def __init__(self) -> None:
        self.kept: list[tuple[Mapping[str, Any], Report]] = []

    def keep(self, arrays: Mapping[str, Any], report: Report) -> None:
        self.kept.append((arrays, report))

    def log(self, report: Report) -> None:
        """Write nothing."""

    def save_state(self, loop_state: LoopState) -> None:
        """Write nothing."""

    @property
    def is_state_due(self) -> bool:
        """Never."""
        return False


def make_trainer(
    *, steps: int = 8, val: int = 60, backend: Backend = CPU, **settings: object
) -> Trainer:
    """Return a tiny trainer on a text of 7 characters."""
    sizes = {"hidden_size": 8, "embedding_size": 5, "batch_size": 4, "seq_length": 10}
    small = {**sizes, "dropout": 0.0, "num_networks": 1, **settings}
    recipe = resolve(Settings(steps=steps, **small), num_chars=440, vocab_size=7)  # type: ignore[arg-type]
    ids = TEXT.astype(np.uint8)
    budget = Budget(None, steps, 0.0)
    return Trainer(recipe, backend, ids[: 500 - val], ids[500 - val :], budget, memory=MEMORY)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_step_is_that_of_torch_written_out(cell: str) -> None:
    """One step of SGD equals one on torch's own modules, loss, clipping and update alike."""
    trainer = make_trainer(
        cell=cell, ngrams=1, optimizer="sgd", learning_rate=0.5, clip=0.1, num_layers=2
    )
    arrays = trainer.learners[0].network.to_arrays()
    module = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell](5, 8, 2, batch_first=True)
    embedding, output = nn.Embedding(7, 5), nn.Linear(8, 7)
    with torch.no_grad():
        embedding.weight.copy_(torch.from_numpy(arrays["embedding.weight"]))
        output.weight.copy_(torch.from_numpy(arrays["output.weight"]))
        output.bias.copy_(torch.from_numpy(arrays["output.bias"]))
        for layer in range(2):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                value = torch.from_numpy(arrays[f"layers.{layer}.{name}"])
                getattr(module, f"{name}_l{layer}").copy_(value)
    window = trainer.streams.window(0)
    hidden, _ = module(embedding(torch.from_numpy(window.inputs)))
    loss = nn.functional.cross_entropy(
        output(hidden).flatten(0, 1), torch.from_numpy(window.targets).flatten()
    )
    loss.backward()
    parameters = [*embedding.parameters(), *module.parameters(), *output.parameters()]
    norm = nn.utils.clip_grad_norm_(parameters, 0.1)
    assert norm > 0.1  # so that clipping does something here
    rate = 0.5 * 0.05  # the first step is in the warm-up
    expected = output.weight.detach() - rate * output.weight.grad
    recurrent = module.weight_hh_l0.detach() - rate * module.weight_hh_l0.grad
    num_chars = trainer.advance(0.0)
    assert trainer.take_nats()[0] / num_chars == pytest.approx(float(loss.detach()), rel=1e-5)
    after = trainer.learners[0].network.to_arrays()
    # float32 sums of a few dozen terms in another order
    np.testing.assert_allclose(after["output.weight"], expected.numpy(), atol=1e-6)
    np.testing.assert_allclose(after["layers.0.weight_hh"], recurrent.numpy(), atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_state_is_carried_between_windows_and_reset_where_streams_wrap(cell: str) -> None:
    """The losses of an epoch are those of reading each stream in one piece from a zero state."""
    trainer = make_trainer(cell=cell, learning_rate=0.0)  # no learning: the weights stay
    streams = trainer.streams
    one_piece = streams.__class__(streams.ids, streams.batch_size, streams.stream_length)
    (learner,) = trainer.learners
    losses, _ = learner._losses(
        learner.network, one_piece.window(0), learner.network.initial_state(streams.num_streams)
    )
    whole = losses.sum()
    for _ in range(2):  # the second epoch starts from zero again
        num_chars = sum(trainer.advance(0.5) for _ in range(streams.num_windows))
        assert sum(trainer.take_nats()) == pytest.approx(float(whole.detach()), rel=1e-5)
        assert num_chars == len(streams.ids) - 1


def test_gradients_do_not_reach_back_before_the_window() -> None:
    """The state that a window hands on is cut off from its gradients."""
    trainer = make_trainer(cell="lstm")
    trainer.advance(0.5)
    assert all(not array.requires_grad for layer in trainer.learners[0].state for array in layer)


def test_a_step_leaves_no_gradients_but_those_that_tables_wait_for() -> None:
    """What waits is kept once for all tables; after the fourth step nothing does."""
    trainer = make_trainer(cell="gru", ngrams=3, dropout=0.5)
    (learner,) = trainer.learners
    for step in range(1, 9):
        trainer.advance(0.5)
        assert all(parameter.grad is None for parameter in learner.network.parameters())
        pending = [table.pending for table in learner.network.tables]
        assert len(pending) == 2
        for pairs in zip(*[each or [] for each in pending], strict=True):
            assert len({grad.data_ptr() for _, grad in pairs}) == 1
        assert all(len(each or []) == step % 4 for each in pending)


@pytest.mark.parametrize("cell", CELLS)
def test_validation_leaves_training_as_it_was(cell: str) -> None:
    """Training with validations in between gives the weights of training without, bit for bit."""
    results = []
    for validates in (False, True):
        trainer = make_trainer(cell=cell, dropout=0.3)
        for _ in range(15):
            trainer.advance(0.5)
            if validates:
                trainer.validate(1000)
        results.append(trainer.learners[0].network.to_arrays())
    for name, array in results[0].items():
        np.testing.assert_array_equal(array, results[1][name])


@pytest.mark.parametrize("num_networks", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_validation_is_what_the_model_file_scores(cell: str, num_networks: int) -> None:
    """The loss that training reports is the one that the NumPy engine finds with those weights."""
    trainer = make_trainer(cell=cell, num_layers=2, val=60, num_networks=num_networks)
    for _ in range(10):
        trainer.advance(0.5)
    network = Predictor(trainer.recipe.model, trainer.to_arrays())
    exact = score(network, trainer.val, exact=True, memory=MEMORY).nats_per_char
    assert trainer.validate(1000) == pytest.approx(exact, rel=3e-4)


def test_the_average_is_that_of_the_last_steps() -> None:
    """Weights that stand still are their own average; older ones than its reach fade from it."""
    trainer = make_trainer(cell="gru", learning_rate=0.1)
    for _ in range(40):
        trainer.advance(0.5)
    old = trainer.learners[0].average.to_arrays()["output.bias"]
    with torch.no_grad():
        trainer.learners[0].network.output.bias.fill_(100.0)
    trainer.recipe = dataclasses.replace(trainer.recipe, learning_rate=0.0)
    for _ in range(40):  # as many steps again: ten times the reach of the average at their start
        trainer.advance(0.5)
    new = trainer.learners[0].average.to_arrays()["output.bias"]
    assert np.abs(old).max() < 10
    np.testing.assert_allclose(new, 100, rtol=0.01)


def test_networks_that_learn_side_by_side_know_nothing_of_one_another() -> None:
    """The first of three learns bit for bit what it learns alone; each has weights of its own."""
    alone = make_trainer(dropout=0.3)
    batched_matmul = make_trainer(dropout=0.3, num_networks=3)
    losses = []
    for trainer in (alone, batched_matmul):
        for _ in range(12):
            trainer.advance(0.5)
        losses.append(trainer.take_nats())
    assert [len(each) for each in losses] == [12, 12]
    first, *others = [learner.network.to_arrays() for learner in batched_matmul.learners]
    for name, array in alone.learners[0].network.to_arrays().items():
        np.testing.assert_array_equal(array, first[name])
        if not name.startswith("bias"):
            assert all((array != other[name]).any() for other in others)
    assert losses[0] != losses[1]  # what is reported is the mean of the three


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_the_shortest_run_keeps_what_it_learned(steps: int) -> None:
    """After the first few steps what is kept is the network as it is, not as it began."""
    trainer = make_trainer(steps=steps)
    first = trainer.learners[0].average.to_arrays()
    files = KeptFiles()
    run_training(trainer, Silent(), files)
    now = trainer.learners[0].network.to_arrays()
    for name, array in trainer.learners[0].average.to_arrays().items():
        np.testing.assert_array_equal(array, now[name])
    assert any((now[name] != first[name]).any() for name in now)
    assert files.kept


class Recording(Silent):
    """A monitor that records everything and stops the run after some reports."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.reports: list[Report] = []
        self.stop_after = stop_after

    def report(self, report: Report) -> None:
        """Keep a report."""
        self.reports.append(report)

    def stop_signal(self) -> int | None:
        """Ask for an end after some reports."""
        return 2 if len(self.reports) == self.stop_after else None


def test_the_best_validation_is_kept() -> None:
    """What was kept last is the lowest validation loss, and the weights that have it."""
    trainer = make_trainer(steps=60, learning_rate=0.3)  # too high: the loss goes up and down
    files = KeptFiles()
    monitor = Recording()
    best, _ = run_training(trainer, monitor, files)
    losses = [r.val_nats_per_char for r in monitor.reports if r.val_nats_per_char is not None]
    assert len(losses) >= 5
    arrays, report = files.kept[-1]
    assert report is best
    assert report.val_nats_per_char == min(losses)
    network = Predictor(trainer.recipe.model, arrays)
    exact = score(network, trainer.val, exact=True, memory=MEMORY).nats_per_char
    assert report.val_nats_per_char == pytest.approx(exact, rel=3e-4)


def test_a_signal_ends_the_run_with_a_model() -> None:
    """A run that is asked to end validates, keeps, and says which signal it was."""
    trainer = make_trainer(steps=100_000)
    files = KeptFiles()
    # a limit of steps far away: without the signal this would not end
    budget_steps = trainer.budget.steps
    assert budget_steps == 100_000
    monitor = Recording(stop_after=0)
    _, stop_signal = run_training(trainer, monitor, files)
    assert stop_signal == 2
    assert len(files.kept) == 1
    assert trainer.step == 1


def test_a_loss_that_is_not_finite_ends_with_advice() -> None:
    """Training stops at the first loss that is not finite, and the error says what to try."""
    trainer = make_trainer(steps=50)
    with torch.no_grad():
        trainer.learners[0].network.output.bias[0] = math.nan
    with pytest.raises(TrainingError, match=r"not finite after 1 steps.*`learning_rate`"):
        run_training(trainer, Silent(), KeptFiles())


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model_bit_for_bit(tmp_path: Path) -> None:
    """The same seed and number of steps give equal weights; another seed gives others."""
    text = tmp_path / "text.txt"
    text.write_text("so the sea sang " * 60, encoding="utf-8")
    weights = []
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        settings = Settings(steps=12, hidden_size=12, dropout=0.2, seed=seed, device="cpu")
        result = train([str(text)], out=tmp_path / name, settings=settings)
        data = result.model.read_bytes()
        length = int.from_bytes(data[:8], "little")
        weights.append(data[8 + length :])
    assert weights[0] == weights[1] != weights[2]
