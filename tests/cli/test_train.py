"""``charrnn train``: a run directory out of a text, and manners on the way."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
    """Return the lines of a run's metrics; NaN and Infinity are not JSON."""

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
        f"charrnn: {len(text):,} characters, {len(set(text))} distinct; {num_val} held out for "
        "validation",
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
    assert "holds a run already; resume it with --resume, give another -o directory" in line
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
