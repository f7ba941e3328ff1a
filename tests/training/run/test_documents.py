"""Training on documents, held against reading each by itself in NumPy."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from charrnn.corpus.options import CorpusOptions
from charrnn.evaluation.score import score
from charrnn.library import load
from charrnn.memory.memory import Memory
from charrnn.model.cells.registry import CELLS
from charrnn.model.checkpoint import Checkpoint
from charrnn.model.predictor import Predictor
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.api import train
from charrnn.training.devices.backend import Backend
from charrnn.training.learn.trainer import Trainer
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings
from charrnn.training.recipe.warm_start import transfer
from charrnn.training.run.budget import Budget

CPU = Backend(torch.device("cpu"), "float32")
END = 7
MEMORY = Memory(Vocabulary("abcdefg", separator="\n"), None)


def text_of(lengths: list[int]) -> np.ndarray:
    """Return a text of documents of the given lengths over seven characters."""
    rng = np.random.default_rng(3)
    parts = [np.append(rng.integers(0, END, length), END) for length in lengths]
    return np.concatenate([[END], *parts]).astype(np.uint8)


# So many that the longest, of four windows, is read in one go.
LENGTHS = [3, 9, 1, 25, 12, 0, 7, 7, 31, 4, 4, 16, 8, 2, 5] * 5
TEXT = text_of(LENGTHS)
VAL = text_of([4, 2, 19, 6])


def make_trainer(*, steps: int = 8, **settings: object) -> Trainer:
    """Return a tiny trainer on documents."""
    sizes = {"hidden_size": 8, "embedding_size": 5, "batch_size": 4, "seq_length": 10}
    small = {**sizes, "dropout": 0.0, "ngrams": 1, "num_networks": 1, **settings}
    recipe = resolve(Settings(steps=steps, **small), num_chars=len(TEXT), vocab_size=8)  # type: ignore[arg-type]
    return Trainer(recipe, CPU, TEXT, VAL, Budget(None, steps, 0.0), memory=MEMORY)


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "batch_size"), [*[(cell, 4) for cell in CELLS], ("gru", 1)])
def test_an_epoch_is_each_document_from_a_fresh_state(cell: str, batch_size: int) -> None:
    """The losses of an epoch are those that the NumPy engine finds for each document alone."""
    trainer = make_trainer(cell=cell, learning_rate=0.0, num_layers=2, batch_size=batch_size)
    network = Predictor(trainer.recipe.model, trainer.learners[0].network.to_arrays())
    ends = np.flatnonzero(TEXT == END)
    alone = sum(
        score(network, TEXT[begin : end + 1]).nats for begin, end in itertools.pairwise(ends)
    )
    for _ in range(2):  # the second epoch has another order
        num_chars = sum(trainer.advance(0.5) for _ in range(trainer.streams.num_windows))
        assert sum(trainer.take_nats()) == pytest.approx(alone, rel=1e-5)
        assert num_chars == len(TEXT) - 1
    assert trainer.epoch == 2


@pytest.mark.parametrize("cell", CELLS)
def test_validation_is_what_the_model_file_scores(cell: str) -> None:
    """The loss that training reports is the one that the NumPy engine finds with those weights."""
    trainer = make_trainer(cell=cell, num_layers=2)
    for _ in range(10):
        trainer.advance(0.5)
    network = Predictor(trainer.recipe.model, trainer.to_arrays())
    exact = score(network, VAL, end_id=END, memory=MEMORY).nats_per_char
    assert trainer.validate(1000) == pytest.approx(exact, rel=3e-4)
    assert trainer.validate(15) == pytest.approx(
        score(network, VAL[:16], end_id=END, memory=MEMORY).nats_per_char, rel=3e-4
    )


def test_each_prediction_counts_alike() -> None:
    """The updates of an epoch of plain descent are, for small steps, the gradient of its loss."""
    rate = 1e-4
    trainer = make_trainer(optimizer="sgd", learning_rate=rate, clip=0, cell="gru", seq_length=40)
    before = trainer.learners[0].network.to_arrays()["output.bias"]
    for _ in range(trainer.streams.num_windows):
        trainer.learners[0].optimizer.state.clear()  # no momentum
        trainer.advance(0.02)
    moved = trainer.learners[0].network.to_arrays()["output.bias"] - before
    network = Predictor(trainer.recipe.model, trainer.learners[0].network.to_arrays())
    expected = np.zeros(8)
    ends = np.flatnonzero(TEXT == END)
    for begin, end in itertools.pairwise(ends):
        logits, _ = network.forward(TEXT[None, begin:end], network.initial_state(1))
        shares = np.exp(logits[0].astype(np.float64))
        shares /= shares.sum(axis=-1, keepdims=True)
        expected -= shares.sum(axis=0)
        np.add.at(expected, TEXT[begin + 1 : end + 1], 1.0)
    expected *= rate / trainer.streams.usual_chars
    np.testing.assert_allclose(moved, expected, rtol=0.02, atol=1e-7)


def test_a_short_document_is_read_by_many_streams() -> None:
    """A step has about as many characters for names as for a text in one piece."""
    for num_documents, expected in [(0, 16), (100_000, 102), (1_000, 16), (1, 16)]:
        recipe = resolve(
            Settings(), num_chars=1_000_000, vocab_size=60, num_documents=num_documents
        )
        assert recipe.batch_size == expected
        assert recipe.seq_length == 64
    few = resolve(Settings(), num_chars=300, vocab_size=60, num_documents=30)
    assert few.batch_size == 7  # four batches
    given = resolve(Settings(batch_size=5), num_chars=300, vocab_size=60, num_documents=30)
    assert given.batch_size == 5


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_what_documents_have_in_common_is_learned(cell: str, tmp_path: Path) -> None:
    """Of documents that never vary, and have nothing to do with their order, each is certain."""
    source = tmp_path / "text.txt"
    source.write_text("abcabd\n" * 400, encoding="utf-8")
    settings = Settings(steps=120, cell=cell, hidden_size=24, embedding_size=24, batch_size=8)
    options = CorpusOptions(separator="\n")
    result = train([str(source)], out=tmp_path / "run", options=options, settings=settings)
    model = load(result.directory)
    assert model.vocabulary.separator == "\n"
    assert model.score("abcabd\n" * 3).nats_per_char < 0.05
    assert {model.sample(seed=seed, temperature=0.8) for seed in range(5)} == {"abcabd"}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model_bit_for_bit(tmp_path: Path) -> None:
    """The same seed and number of steps give equal weights; another seed gives others."""
    source = tmp_path / "text.txt"
    source.write_text("\n".join(f"the {n} boats of {n * n}" for n in range(60)), encoding="utf-8")
    weights = []
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        settings = Settings(steps=20, hidden_size=12, dropout=0.2, seed=seed, device="cpu")
        options = CorpusOptions(separator="\n")
        result = train([str(source)], out=tmp_path / name, settings=settings, options=options)
        data = result.model.read_bytes()
        weights.append(data[8 + int.from_bytes(data[:8], "little") :])
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "mingru"])
@pytest.mark.parametrize("steps", [4, 13])  # within an epoch of nine, and in the second
def test_a_stopped_run_goes_on_within_its_epoch(cell: str, steps: int) -> None:
    """A run resumes bit for bit from its arrays and its step alone, in the same order."""
    whole = make_trainer(cell=cell, dropout=0.2, seq_length=16)
    for _ in range(steps):
        whole.advance(0.5)
    arrays = {name: array.copy() for name, array in whole.state_arrays().items()}
    again = make_trainer(cell=cell, dropout=0.2, seq_length=16)
    again.load_state_arrays(arrays, step=whole.step, chars=whole.chars)
    for _ in range(2 * whole.streams.num_windows):
        assert again.advance(0.5) == whole.advance(0.5)
    assert again.take_nats() == whole.take_nats()[steps:]
    for name, array in whole.learners[0].network.to_arrays().items():
        np.testing.assert_array_equal(again.learners[0].network.to_arrays()[name], array)


def test_a_new_run_knows_what_an_end_is(make_checkpoint: Callable[..., Checkpoint]) -> None:
    """Of the weights of another model of documents, those of the end symbol go with it."""
    source = make_checkpoint(characters="abc", has_unknown=True, separator="\n")
    target = make_checkpoint(characters="bcd", separator="·", seed=1)
    arrays = transfer(
        source, target.config, target.vocabulary, target.arrays, target.vocabulary.encode("bc")
    )
    before, after = source.vocabulary.end_id, target.vocabulary.end_id
    for name in ("embedding.weight", "output.weight", "output.bias"):
        np.testing.assert_array_equal(arrays[name][after], source.arrays[name][before])
    np.testing.assert_array_equal(
        arrays["embedding.weight"][2], target.arrays["embedding.weight"][2]
    )
