"""``charrnn info``: the description of a model and of its training run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest


def test_info_describes_the_run(trained, invoke: Callable) -> None:
    """The card and the JSON hold sizes, characters, training and history."""
    finished = invoke("info", str(trained.directory))
    assert finished.code == 0
    assert "lstm 1 x 8" in finished.text
    assert "step 3" in finished.text
    assert "characters of the training text" in finished.text
    assert "Möwe"[1] in finished.text
    assert "bits per character, validation" in finished.text
    values = json.loads(invoke("info", str(trained.directory), "--json").text)
    assert values["schema"] == 1
    assert values["config"]["hidden_size"] == 8
    assert values["memory"]["characters"] > 1000
    assert values["bytes"] == (trained.directory / "model.safetensors").stat().st_size
    assert values["parameters"] * 4 < values["bytes"]


def test_a_model_file_keeps_the_history_of_its_run(trained, invoke: Callable, tmp_path) -> None:
    """The model file holds the validations of the metrics log, up to its own step."""
    shutil.copy(trained.directory / "model.safetensors", tmp_path / "alone.safetensors")
    values = json.loads(invoke("info", "alone.safetensors", "--json").text)
    lines = (trained.directory / "metrics.jsonl").read_text().splitlines()
    reports = [json.loads(line) for line in lines]
    names = {"step", "seconds", "epoch", "train_nats_per_char", "val_nats_per_char"}
    validated = [r for r in reports if r["val_nats_per_char"] is not None]
    history = values["about"]["history"]
    best = values["about"]["report"]["step"]
    assert [{n: p[n] for n in names} for p in history] == [
        {n: r[n] for n in names} for r in validated if r["step"] <= best
    ]


def test_learning_curves_are_drawn(trained, invoke: Callable, tmp_path: Path) -> None:
    """The picture is valid XML with both curves; ``-`` writes it to stdout."""
    finished = invoke("info", str(trained.directory), "--plot", "curves.svg")
    assert finished.code == 0
    texts = [e.text or "" for e in ElementTree.parse(tmp_path / "curves.svg").iter()]
    assert any(text.startswith("validation, lowest") for text in texts)
    assert any(text.startswith("training, lowest") for text in texts)
    assert "curves.svg" in finished.error_lines[0]
    finished = invoke("info", str(trained.directory), "--plot", "-")
    assert finished.stdout == (tmp_path / "curves.svg").read_bytes()
    assert finished.error_lines == []


def test_a_model_without_a_history_has_no_curves(cycle_model: Path, invoke: Callable) -> None:
    """The error is one line, and no file appears."""
    assert invoke("info", str(cycle_model)).code == 0
    finished = invoke("info", str(cycle_model), "--plot", "curves.svg")
    assert finished.code == 1
    assert "no training history" in finished.error_lines[0]
    assert not Path("curves.svg").exists()


@pytest.mark.parametrize("target", [".", "missing/curves.svg"])
def test_a_picture_needs_a_place(cycle_model: Path, invoke: Callable, target: str) -> None:
    """A bad path is refused before anything is read."""
    assert invoke("info", str(cycle_model), "--plot", target).code == 2


def test_info_on_a_terminal_is_harmless(on_terminal: Callable, write_uniform: Callable, tmp_path):
    """Control characters of the vocabulary are escaped."""
    model = write_uniform(tmp_path / "model", "\n\x1b\x07ab", command=["\x1b]0;x\x07"])
    finished = on_terminal("info", str(model))
    assert finished.code == 0
    assert b"\x1b" not in finished.stdout
    assert b"\\x07" in finished.stdout


def test_the_characters_are_one_line_in_a_pipe(invoke: Callable, write_uniform: Callable, tmp_path):
    """Line ends of the vocabulary are escaped, so that it stays one row."""
    model = write_uniform(tmp_path / "model", "\n\x1bab")
    finished = invoke("info", str(model))
    assert "4 characters: \\n\\x1bab\n" in finished.text


def test_a_model_is_named_as_everywhere(cycle_model: Path, invoke: Callable) -> None:
    """``-m`` names the model as in the other commands; naming it twice is refused."""
    by_option = invoke("info", "-m", str(cycle_model), "--json")
    assert json.loads(by_option.text) == json.loads(invoke("info", str(cycle_model), "--json").text)
    finished = invoke("info", str(cycle_model), "-m", str(cycle_model))
    assert finished.code == 2
    assert "--model" in finished.error_lines[0]
    assert invoke("info", str(cycle_model), "--json", "--plot", "-").code == 2


def test_surrogates_in_a_file_do_no_harm(invoke: Callable, write_uniform: Callable, tmp_path):
    """Lone surrogates in a file and in its name are escaped; the JSON is valid."""
    name = os.fsdecode(b"model\xff")
    model = write_uniform(tmp_path / name, "\nab", command=["x", "\ud800"], extra="\udfff")
    shown = invoke("info", str(model))
    assert shown.code == 0
    assert "\\ud800" in shown.text
    assert "model\\udcff" in shown.text
    values = json.loads(invoke("info", "--json", str(model)).text)
    assert values["model"].endswith(name)
    assert values["about"]["extra"] == "\udfff"
