"""``charrnn train``: short texts, limits, seeds, divergence and the words at the end."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charrnn.corpus.decode import Decoding
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import open_corpus
from charrnn.library import load
from charrnn.model.checkpoint import read_checkpoint
from charrnn.training.api import train
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.metrics import read_metrics

SMALL = Settings(
    steps=3,
    cell="lstm",
    hidden_size=8,
    embedding_size=8,
    batch_size=4,
    seq_length=16,
    precision="float32",
    threads=1,
)


@pytest.fixture
def corpus(tmp_path: Path, text: str) -> str:
    """A text of 2,040 characters."""
    path = tmp_path / "sea.txt"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize("length", [30, 200])
def test_a_short_text_trains(length: int, invoke: Callable, text: str, tmp_path: Path) -> None:
    """A few lines are enough for a model, without any option of size."""
    (tmp_path / "short.txt").write_text(text[:length], encoding="utf-8")
    assert invoke("train", "-q", "short.txt", "--steps", "2", "--threads", "1").code == 0
    assert len(invoke("sample", "-q").text) == 500


@pytest.mark.parametrize(
    ("limits", "step"),
    [
        ({"steps": 5, "epochs": 100.0, "time": 1000.0}, 5),
        ({"steps": 1000, "epochs": 0.5, "time": 1000.0}, 14),
        ({"steps": None, "epochs": 1.0}, 29),
        ({"steps": None, "epochs": 0.0001}, 1),
        ({"steps": 1}, 1),
    ],
    ids=["steps", "epochs", "one epoch", "no epoch", "one step"],
)
def test_first_limit_ends_the_run(
    limits: dict[str, float | None], step: int, corpus: str, tmp_path: Path
) -> None:
    """Of steps, epochs and time the limit that is reached first ends the run.

    An epoch is 1,835 predictions in 4 streams of 16 time steps: 29 windows.
    """
    settings = replace(SMALL, **limits)
    train([corpus], out=tmp_path / "run", settings=settings)
    reports = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert reports[-1]["step"] == step
    assert reports[-1]["progress"] == 1


@pytest.mark.slow
def test_time_ends_the_run(corpus: str, tmp_path: Path) -> None:
    """A time that is used up ends the run, before the steps and within the time."""
    began = time.monotonic()
    train([corpus], out=tmp_path / "run", settings=replace(SMALL, steps=10**9, time=1.2))
    assert time.monotonic() - began < 2.5
    reports = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert 1 <= reports[-1]["step"] < 10**9


@pytest.mark.slow
def test_time_that_is_over_still_leaves_a_model(corpus: str, tmp_path: Path) -> None:
    """A time too short for anything is worth one step."""
    settings = replace(SMALL, steps=None, time=1e-6)
    assert train([corpus], out=tmp_path / "run", settings=settings).best.step == 1


@pytest.mark.slow
def test_time_is_that_of_the_watch(charrnn: Callable, corpus: str, tmp_path: Path) -> None:
    """--time counts the start of the program too; a run of one step tells how busy the machine is.

    That run does all that a run does before its first step and after its last one.
    """

    def seconds(*options: str) -> float:
        began = time.monotonic()
        assert charrnn("train", corpus, *options, cwd=tmp_path).code == 0
        return time.monotonic() - began

    alone = seconds("--steps", "1", "-o", "one")
    assert 3 < seconds("--time", "5s", "-o", "timed") < 5 + 2 * alone


@pytest.mark.slow
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_same_seed_is_same_model(dropout: float, corpus: str, tmp_path: Path) -> None:
    """With a number of steps the seed fixes every weight; another seed changes them."""
    settings = replace(SMALL, steps=10, dropout=dropout)
    weights = []
    for name, seed in [("one", 5), ("same", 5), ("other", 6)]:
        result = train([corpus], out=tmp_path / name, settings=replace(settings, seed=seed))
        weights.append(read_checkpoint(result.model).arrays)
    one, same, other = weights
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not any(np.array_equal(one[name], other[name]) for name in one if "weight_hh" in name)


DIVERGING = ["--cell", "rnn", "--nonlinearity", "relu", "--optimizer", "sgd", "--clip", "0"]


@pytest.mark.slow
@pytest.mark.parametrize("rate", ["1e6", "1e3", "30"])
@pytest.mark.parametrize("steps", ["1", "2", "50", "400"])
def test_loss_that_is_not_finite_is_one_line(
    steps: str, rate: str, invoke: Callable, corpus: str, tiny: list[str]
) -> None:
    """A diverging run never crashes: it leaves a model or one line of advice."""
    args = ["train", "-q", corpus, "-o", "run", "--steps", steps, "--lr", rate, *tiny, *DIVERGING]
    finished = invoke(*args)
    if finished.code == 0:
        assert len(load("run").sample(length=5)) == 5
        return
    assert finished.code == 1
    (line,) = finished.error_lines
    assert line.startswith("charrnn: error: the loss is not finite after ")
    assert re.search(r"; try --learning-rate [\d.e+]+, --clip 0\.5", line)


@pytest.mark.slow
def test_divergence_is_reported(invoke: Callable, corpus: str, tiny: list[str]) -> None:
    """A learning rate far too high ends the run with exit code 1 and advice in one line."""
    args = ["train", "-q", corpus, "--steps", "300", "--lr", "1e6", *tiny, *DIVERGING]
    finished = invoke(*args)
    assert (finished.code, finished.stdout) == (1, b"")
    (line,) = finished.error_lines
    assert line.startswith("charrnn: error: the loss is not finite after ")
    assert "try --learning-rate 2.5e+05" in line


def test_quiet_says_nothing(invoke: Callable, corpus: str, tiny: list[str]) -> None:
    """With -q and without --json both outputs stay empty."""
    args = ["train", "-q", corpus, "--steps", "2", "--preview-every", "0.001s", *tiny]
    finished = invoke(*args)
    assert (finished.code, finished.stdout, finished.stderr) == (0, b"", "")


@pytest.mark.parametrize("name", ["my book.txt", "it's.txt", "[x] $HOME.txt"])
def test_next_command_can_be_copied(
    name: str, invoke: Callable, corpus: str, tiny: list[str], tmp_path: Path
) -> None:
    """The command printed at the end works in a shell, whatever the directory's name."""
    Path(corpus).rename(tmp_path / name)
    finished = invoke("train", name, "--steps", "1", *tiny)
    told = finished.error_lines[-1].partition("next: charrnn ")[2]
    sampled = invoke(*shlex.split(told), "-n", "5")
    assert (sampled.code, len(sampled.text)) == (0, 5)


def test_encoding_is_that_of_the_corpus(tmp_path: Path, text: str) -> None:
    """A text in UTF-16, with a byte order mark and CRLF, is the text that its author meant."""
    (tmp_path / "wide.txt").write_bytes(text.replace("\n", "\r\n").encode("utf-16"))
    options = CorpusOptions(decoding=Decoding("utf-16"), val="0")
    result = train(
        [str(tmp_path / "wide.txt")], out=tmp_path / "r", settings=SMALL, options=options
    )
    corpus = open_corpus(result.directory)
    assert corpus.vocabulary.decode(corpus.ids) == text
