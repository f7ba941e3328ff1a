"""``charrnn train``: a run directory out of a text, and manners on the way."""

from __future__ import annotations

import json
import math
import re
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn.corpus.decode import Decoding
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import open_corpus
from charrnn.library import load
from charrnn.model.checkpoint import read_checkpoint
from charrnn.training.api import train
from charrnn.training.recipe.settings import OPTIMIZERS, Settings

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


def metrics_of(directory: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's metrics; NaN and Infinity are no JSON."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    lines = (directory / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


def check_reports(reports: list[dict[str, Any]]) -> None:
    """Assert that reports are finite, that their steps rise, and that the last one is the end."""
    assert reports
    steps = [report["step"] for report in reports]
    assert steps == sorted(set(steps))
    for report in reports:
        assert report["schema"] == 1
        numbers = [value for value in report.values() if value is not None]
        assert all(math.isfinite(number) for number in numbers)
        assert 0 <= report["progress"] <= 1
        assert report["train_bits_per_char"] == pytest.approx(
            report["train_nats_per_char"] / math.log(2), abs=1e-5
        )


def test_run_directory_is_whole(trained) -> None:
    """A run leaves the model, its state, metrics and corpus, and no lock or temporary file."""
    names = {path.name for path in trained.directory.iterdir()}
    assert names == {
        *("model.safetensors", "state.safetensors", "metrics.jsonl"),
        *("corpus.npy", "corpus.json"),
    }


def test_metrics_are_json_lines(trained) -> None:
    """The metrics are one object a line, of finite numbers, in the order of the steps."""
    reports = metrics_of(trained.directory)
    check_reports(reports)
    assert [report["step"] for report in reports] == [1, 2, 3]
    assert reports[-1]["progress"] == 1
    assert reports[-1]["val_nats_per_char"] is not None


def test_nothing_is_said_on_standard_output(trained) -> None:
    """Standard output stays empty without --json."""
    assert trained.finished.stdout == b""


def test_training_says_what_it_does(trained, text: str) -> None:
    """Lines on standard error tell the text, the model, the progress, and where the model is."""
    lines = trained.finished.error_lines
    num_val = len(text) - int(len(text) * 0.9)
    assert lines[:2] == [
        "charrnn: reading 'harbour.txt'",
        f"charrnn: {len(text):,} characters, {len(set(text))} distinct; {num_val} of them validate",
    ]
    assert re.fullmatch(
        r"charrnn: training lstm 1 x 8, [\d,]+ parameters, for 3 steps on \w+, float32.*", lines[2]
    )
    assert any(line.startswith("charrnn: to repeat: charrnn train --steps=3 ") for line in lines)
    (best,) = [line for line in lines if line.startswith("charrnn: best")]
    model, following = lines[-2:]
    assert re.match(r"charrnn: best validation at step \d: \d\.\d+ nats, \d\.\d+ bits", best)
    assert model == "charrnn: the model is 'runs/harbour/model.safetensors'"
    assert following == "charrnn: next: charrnn sample -m runs/harbour"
    assert any(line.startswith("  | ") for line in lines), "no preview was shown"


def test_model_file_names_no_folder_of_the_machine(trained) -> None:
    """The model file can be shared: of where it was made the name of the text alone is in it."""
    data = (trained.directory / "model.safetensors").read_bytes()
    assert trained.corpus.name.encode() in data
    assert str(trained.corpus.parent).encode() not in data
    assert trained.corpus.parent.name.encode() not in data


def test_model_holds_what_was_reported(trained) -> None:
    """The model file carries the report of its own validation and the vocabulary of the text."""
    checkpoint = read_checkpoint(trained.directory / "model.safetensors")
    best = [report for report in metrics_of(trained.directory) if report["is_best"]][-1]
    assert checkpoint.about["report"] == best
    assert checkpoint.vocabulary.characters == "".join(
        sorted(set(trained.corpus.read_text(encoding="utf-8")))
    )
    assert abs(checkpoint.trained_at - trained.corpus.stat().st_mtime) < 600


def test_runs_are_numbered(invoke: Callable, corpus: str, tiny: list[str], tmp_path) -> None:
    """A second run on a text gets a directory of its own; the first is untouched."""
    args = ["train", "-q", corpus, "--steps", "1", *tiny]
    assert invoke(*args).code == 0
    first = (tmp_path / "runs" / "sea" / "model.safetensors").read_bytes()
    assert invoke(*args).code == 0
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"sea", "sea-2"}
    assert (tmp_path / "runs" / "sea" / "model.safetensors").read_bytes() == first


def test_existing_run_is_refused(trained, invoke: Callable) -> None:
    """A run is never overwritten: -o of one is refused, with the ways out, and nothing changes."""
    before = {path: path.read_bytes() for path in trained.directory.iterdir()}
    finished = invoke("train", str(trained.corpus), "-o", str(trained.directory))
    assert finished.code == 1
    (line,) = finished.error_lines
    assert "holds a run already; go on with it by --resume, give -o another directory" in line
    assert {path: path.read_bytes() for path in trained.directory.iterdir()} == before


def test_standard_input_is_a_corpus(
    corpus: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The corpus - is standard input, and its run is named after it."""
    monkeypatch.chdir(tmp_path)
    with Path(corpus).open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        result = train(["-"], settings=SMALL)
    assert result.directory == Path("runs/stdin")
    assert len(open_corpus(result.directory).ids) == len(text)


def test_json_is_lines_and_nothing_else(invoke: Callable, corpus: str, tiny: list[str]) -> None:
    """With --json each report is a line of JSON on standard output, as in the metrics."""
    finished = invoke("train", corpus, "-o", "run", "--json", "--steps", "3", *tiny)
    assert finished.code == 0
    reports = [json.loads(line) for line in finished.text.splitlines()]
    check_reports(reports)
    assert reports == metrics_of(Path("run"))
    assert "{" not in finished.stderr


def test_folder_is_a_corpus(tmp_path: Path) -> None:
    """Of a folder the files that fit the pattern are read, in the order of their names."""
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "b.py").write_text("b = 2\n" * 50)
    (tmp_path / "src" / "a.txt").write_text("left out")
    (tmp_path / "src" / "deep" / "a.py").write_text("a = 1\n" * 50)
    options = CorpusOptions(glob=("*.py",), val="0")
    result = train([str(tmp_path / "src")], out=tmp_path / "run", settings=SMALL, options=options)
    corpus = open_corpus(result.directory)
    text = corpus.vocabulary.decode(corpus.ids)
    assert text == "b = 2\n" * 50 + "a = 1\n" * 50


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"cell": "rnn"},
        {"cell": "rnn", "nonlinearity": "relu"},
        {"cell": "gru"},
        {"cell": "lstm"},
        {"cell": "mingru", "block": "residual", "ngrams": 3},
        {"cell": "lstm", "block": "residual"},
        {"cell": "lstm", "num_layers": 2, "dropout": 0.2},
        {"cell": "gru", "num_layers": 2, "dropout": 0.2},
        *({"optimizer": optimizer} for optimizer in OPTIMIZERS),
    ],
    ids=lambda changes: " ".join(map(str, changes.values())),
)
def test_every_model_learns(changes: dict[str, Any], corpus: str, tmp_path: Path) -> None:
    """Whatever the cell and optimizer, some steps beat a uniform guess, and the model writes."""
    rate = 0.1 if changes.get("optimizer") == "sgd" else 0.02
    settings = replace(SMALL, steps=40, learning_rate=rate, **changes)
    result = train([corpus], out=tmp_path / "run", settings=settings)
    model = load(result.model)
    assert result.best.val_nats_per_char < 0.95 * math.log(model.vocabulary.size)
    assert len(model.sample(length=30, seed=1)) == 30
    for name, value in changes.items():
        held = {**model.checkpoint.config.to_json(), **model.checkpoint.about["recipe"]}
        assert held[name] == value


def test_bytes_of_any_kind_are_a_corpus(invoke: Callable, tmp_path: Path, tiny: list[str]) -> None:
    """With --bytes random bytes train, and the model writes exactly as many bytes as asked."""
    data = np.random.default_rng(0).bytes(3000)
    (tmp_path / "noise.bin").write_bytes(data)
    args = ["train", "-q", "noise.bin", "--bytes", "--steps", "2", *tiny]
    assert invoke(*args).code == 0
    corpus = open_corpus(tmp_path / "runs" / "noise")
    assert corpus.vocabulary.to_bytes(corpus.vocabulary.decode(corpus.ids)) == data
    assert len(invoke("sample", "-q", "-n", "99").stdout) == 99


def test_rare_characters_become_unknown(tmp_path: Path) -> None:
    """With --min-count rare characters are one symbol, which is learned and never written."""
    (tmp_path / "rare.txt").write_text("the sea " * 80 + "xyzzy quick", encoding="utf-8")
    options = CorpusOptions(min_count=3, val="0")
    settings = replace(SMALL, cell="rnn")
    result = train(
        [str(tmp_path / "rare.txt")], out=tmp_path / "r", settings=settings, options=options
    )
    model = load(result.model)
    assert model.vocabulary.characters == " aehst"
    assert model.vocabulary.has_unknown
    assert set(model.sample(length=500, temperature=9, seed=1)) == set(" aehst")


def test_another_file_may_validate(corpus: str, tmp_path: Path) -> None:
    """With --val FILE all of the text trains and the file validates."""
    (tmp_path / "val.txt").write_text("Boote im Hafen.\n" * 4, encoding="utf-8")
    options = CorpusOptions(val=str(tmp_path / "val.txt"))
    result = train([corpus], out=tmp_path / "run", settings=SMALL, options=options)
    held = open_corpus(result.directory)
    assert held.vocabulary.decode(held.val) == "Boote im Hafen.\n" * 4
    assert held.num_train == len(Path(corpus).read_text(encoding="utf-8"))
    assert result.best.val_nats_per_char is not None


def test_nothing_need_validate(invoke: Callable, corpus: str, tiny: list[str]) -> None:
    """With --val 0 all of the text trains, and the model is the last one."""
    finished = invoke("train", corpus, "-o", "run", "--val", "0", "--steps", "3", *tiny)
    assert finished.code == 0
    assert "best validation" not in finished.stderr
    reports = metrics_of(Path("run"))
    assert all(report["val_nats_per_char"] is None for report in reports)
    assert read_checkpoint(Path("run/model.safetensors")).about["report"]["step"] == 3
    missing = invoke("eval", "-q", "-m", "run")
    assert missing.code == 1
    assert "was trained without a validation text; give a file" in missing.stderr


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
    reports = metrics_of(tmp_path / "run")
    assert reports[-1]["step"] == step
    assert reports[-1]["progress"] == 1


@pytest.mark.slow
def test_time_ends_the_run(corpus: str, tmp_path: Path) -> None:
    """A time that is used up ends the run, before the steps and within the time."""
    began = time.monotonic()
    train([corpus], out=tmp_path / "run", settings=replace(SMALL, steps=10**9, time=1.2))
    assert time.monotonic() - began < 2.5
    reports = metrics_of(tmp_path / "run")
    check_reports(reports)
    assert 1 <= reports[-1]["step"] < 10**9


def test_time_that_is_over_still_leaves_a_model(corpus: str, tmp_path: Path) -> None:
    """A time too short for anything is worth one step."""
    settings = replace(SMALL, steps=None, time=1e-6)
    assert train([corpus], out=tmp_path / "run", settings=settings).best.step == 1


@pytest.mark.slow
def test_time_is_that_of_the_watch(charrnn: Callable, corpus: str, tmp_path: Path) -> None:
    """With --time 5s the program is back within 5 s and a tolerance for a busy machine."""
    began = time.monotonic()
    finished = charrnn("train", corpus, "--time", "5s", cwd=tmp_path)
    seconds = time.monotonic() - began
    assert finished.code == 0
    assert 3 < seconds < 8


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


@pytest.mark.parametrize("rate", ["1e6", "1e3", "30"])
@pytest.mark.parametrize("steps", ["1", "2", "50", "400"])
def test_loss_that_is_not_finite_is_one_line(
    steps: str, rate: str, invoke: Callable, corpus: str, tiny: list[str]
) -> None:
    """A run that diverges, wherever it does, is no crash: a model is left, or a line of advice."""
    args = ["train", "-q", corpus, "-o", "run", "--steps", steps, "--lr", rate, *tiny, *DIVERGING]
    finished = invoke(*args)
    if finished.code == 0:
        assert len(load("run").sample(length=5)) == 5
        return
    assert finished.code == 1
    (line,) = finished.error_lines
    assert line.startswith("charrnn: error: the loss is not finite after ")
    assert re.search(r"; try --lr [\d.e+]+, or --clip 0\.5", line)


def test_divergence_is_told(invoke: Callable, corpus: str, tiny: list[str]) -> None:
    """A learning rate far too high ends the run with exit code 1 and advice in one line."""
    args = ["train", "-q", corpus, "--steps", "300", "--lr", "1e6", *tiny, *DIVERGING]
    finished = invoke(*args)
    assert (finished.code, finished.stdout) == (1, b"")
    (line,) = finished.error_lines
    assert line.startswith("charrnn: error: the loss is not finite after ")
    assert "try --lr 2.5e+05" in line


def test_quiet_says_nothing(invoke: Callable, corpus: str, tiny: list[str]) -> None:
    """With -q and without --json both outputs stay empty."""
    args = ["train", "-q", corpus, "--steps", "2", "--preview-every", "0.001s", *tiny]
    finished = invoke(*args)
    assert (finished.code, finished.stdout, finished.stderr) == (0, b"", "")


@pytest.mark.parametrize("name", ["my book.txt", "it's.txt", "[x] $HOME.txt"])
def test_next_command_can_be_copied(
    name: str, invoke: Callable, corpus: str, tiny: list[str], tmp_path: Path
) -> None:
    """The command that is told at the end works as a line of shell, whatever the name."""
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
