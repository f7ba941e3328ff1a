"""``charrnn eval``: how surprising a text is, as a table and as JSON."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

KEYS = {
    "schema",
    "nats_per_char",
    "nats_per_char_without_memory",
    "bits_per_char",
    "bits_per_byte",
    "perplexity",
    "accuracy",
    "chars",
    "bytes",
    "unknown",
    "novelty",
}
YARDSTICKS = {"uniform", "order 0", "order 2", "xz"}


@pytest.fixture
def measure(invoke: Callable) -> Callable[..., dict[str, Any]]:
    """Run ``charrnn eval --json`` inside this process and return its object."""

    def run(*args: object) -> dict[str, Any]:
        finished = invoke("eval", "--json", *map(str, args))
        assert finished.code == 0, finished.stderr
        (line,) = finished.text.splitlines()
        return json.loads(line)

    return run


def validation_text(directory: Path) -> str:
    """Return the validation part of a run's corpus, read without the program."""
    about = json.loads((directory / "corpus.json").read_bytes())
    ids = np.load(directory / "corpus.npy")[about["num_train"] :]
    return "".join(about["vocabulary"]["characters"][i] for i in ids)


def test_json_has_its_keys(trained, measure: Callable) -> None:
    """The object has exactly these keys, with finite numbers."""
    values = measure("-m", trained.directory)
    baselines = values.pop("yardsticks")
    assert values.keys() == KEYS
    assert values["schema"] == 1
    assert all(math.isfinite(values[name]) for name in KEYS - {"novelty"})
    assert {yardstick["name"] for yardstick in baselines} == YARDSTICKS
    assert all(math.isfinite(yardstick["bits_per_char"]) for yardstick in baselines)


def test_numbers_fit_each_other(trained, measure: Callable) -> None:
    """Nats, bits, bytes and perplexity express one loss."""
    values = measure("-m", trained.directory)
    nats = values["nats_per_char"]
    assert values["bits_per_char"] == pytest.approx(nats / math.log(2))
    assert values["perplexity"] == pytest.approx(math.exp(nats))
    assert values["bits_per_byte"] * values["bytes"] == pytest.approx(
        values["bits_per_char"] * values["chars"]
    )
    assert 0 <= values["accuracy"] <= 1


def test_table_says_what_the_json_says(trained, invoke: Callable, measure: Callable) -> None:
    """The table shows the numbers of the JSON, rounded."""
    values = measure("-m", trained.directory)
    finished = invoke("eval", "-m", str(trained.directory))
    assert finished.code == 0
    lines = [re.split(r"  +", line) for line in finished.text.splitlines()]
    rows = {name: value for name, value, *_ in lines}
    shown = [float(value.replace(",", "")) for value in rows.values()]
    names = ["nats_per_char", "nats_per_char_without_memory"]
    names += ["bits_per_char", "bits_per_byte", "perplexity", "accuracy"]
    wanted = [values[name] for name in [*names, "chars", "bytes", "unknown"]]
    wanted += [yardstick["bits_per_char"] for yardstick in values["yardsticks"]]
    copied = ["copied_share", "longest_copied"]
    wanted += [values["novelty"][name] for name in copied]
    assert shown == pytest.approx(wanted, abs=6e-4)
    assert list(rows)[:2] == ["nats per character", "without memory"]


def test_default_text_is_the_validation_part(
    trained, measure: Callable, tmp_path: Path, text: str
) -> None:
    """Without files, eval scores the validation part of the training text."""
    part = validation_text(trained.directory)
    assert text.endswith(part)
    assert len(part) == pytest.approx(len(text) / 10, abs=1)
    (tmp_path / "part.txt").write_text(part, encoding="utf-8")
    values = measure("-m", trained.directory)
    by_itself = measure("-m", trained.directory, "part.txt")
    assert by_itself.pop("yardsticks") != values.pop("yardsticks")
    assert values == by_itself
    assert values["chars"] == len(part) - 1
    assert values["bytes"] == len(part[1:].encode())


def test_training_and_evaluation_agree(trained, measure: Callable) -> None:
    """Training reports the validation loss that eval measures, but that the gate does not learn."""
    lines = (trained.directory / "metrics.jsonl").read_text().splitlines()
    reported = json.loads(lines[-1])["val_nats_per_char"]
    measured = measure("-m", trained.directory)["nats_per_char"]
    assert reported - 0.01 < measured < reported


def test_without_memory_the_networks_are_alone(trained, measure: Callable) -> None:
    """``--no-memory`` gives the loss that is reported beside the one with memory."""
    values = measure("-m", trained.directory)
    alone = measure("-m", trained.directory, "--no-memory")
    without = values["nats_per_char_without_memory"]
    assert alone["nats_per_char"] == alone["nats_per_char_without_memory"]
    assert alone["nats_per_char"] == pytest.approx(without, rel=1e-6)
    assert abs(values["nats_per_char"] - without) > 1e-3


def test_uniform_model_is_surprised_by_everything(
    uniform_model: Path, measure: Callable, tmp_path: Path
) -> None:
    """A uniform model of eight characters needs 3 bits per character, without a memory."""
    (tmp_path / "some.txt").write_text("abé漢 d\na", encoding="utf-8")
    values = measure("-m", uniform_model, "some.txt", "--no-memory")
    assert values["bits_per_char"] == pytest.approx(3)
    assert values["perplexity"] == pytest.approx(8)
    assert (values["chars"], values["bytes"], values["unknown"]) == (7, 10, 0)
    assert values["bits_per_byte"] == pytest.approx(3 * 7 / 10)


def test_sure_model_is_surprised_by_nothing(
    cycle_model: Path, measure: Callable, tmp_path: Path
) -> None:
    """A model that predicts every character has accuracy 1 and loss 0, without a memory."""
    (tmp_path / "known.txt").write_text("abcdé\n" * 40, encoding="utf-8")
    values = measure("-m", cycle_model, "known.txt", "--no-memory")
    assert values["accuracy"] == 1
    assert values["nats_per_char"] == pytest.approx(0, abs=1e-6)


def test_text_from_standard_input(
    uniform_model: Path, charrnn: Callable, measure: Callable, tmp_path: Path
) -> None:
    """``-`` reads standard input."""
    (tmp_path / "some.txt").write_text("abcdé" * 9, encoding="utf-8")
    args = ["eval", "--json", "-m", str(uniform_model), "-"]
    finished = charrnn(*args, stdin=("abcdé" * 9).encode())
    assert finished.code == 0
    assert json.loads(finished.stdout) == measure("-m", uniform_model, "some.txt")


def test_several_files_are_one_text(uniform_model: Path, measure: Callable, tmp_path) -> None:
    """Files are concatenated; a folder is read in the order of names."""
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "1.md").write_text("abc")
    (folder / "2.md").write_text("dab")
    (folder / "3.txt").write_text("left out")
    (tmp_path / "all").write_text("abcdab")
    args = ["-m", uniform_model]
    whole = measure(*args, "all")
    assert whole["chars"] == 5
    assert measure(*args, folder / "1.md", folder / "2.md") == whole
    assert measure(*args, folder, "--glob", "*.md") == whole


def test_unknown_characters_are_reported(uniform_model: Path, invoke: Callable, tmp_path) -> None:
    """Unknown characters are counted, skipped, and reported in one line."""
    (tmp_path / "other.txt").write_text("abXYc", encoding="utf-8")
    args = ["eval", "--json", "-m", str(uniform_model), "other.txt"]
    finished = invoke(*args)
    values = json.loads(finished.stdout)
    assert (values["unknown"], values["chars"]) == (2, 2)
    (line,) = finished.error_lines[1:]
    assert line.startswith("charrnn: 2 characters")
    assert line.endswith("left out")
    assert invoke(*args, "-q").stderr == ""


def test_run_directory_may_be_moved(trained, measure: Callable, tmp_path: Path) -> None:
    """A run directory can be moved, and does not need the corpus file."""
    shutil.copytree(trained.directory, tmp_path / "elsewhere")
    assert measure("-m", "elsewhere") == measure("-m", trained.directory)


def test_model_without_its_corpus_needs_a_file(trained, invoke: Callable, tmp_path: Path) -> None:
    """A model file alone has no validation text; the error asks for a file."""
    shutil.copy(trained.directory / "model.safetensors", tmp_path / "alone.safetensors")
    finished = invoke("eval", "-q", "-m", "alone.safetensors")
    assert (finished.code, finished.stdout) == (1, b"")
    (line,) = finished.error_lines
    assert line.endswith("is not there; give a file to evaluate")


def test_other_encodings_can_be_read(uniform_model: Path, invoke: Callable, tmp_path: Path) -> None:
    """UTF-16 is detected in the error and read with ``--encoding``."""
    (tmp_path / "wide.txt").write_text("abécd", encoding="utf-16")
    args = ["eval", "-q", "--json", "-m", str(uniform_model), "wide.txt"]
    finished = invoke(*args)
    assert finished.code == 1
    assert "'wide.txt': not utf-8 at byte offset 0" in finished.stderr
    assert "--encoding, for example utf-16\n" in finished.stderr
    values = json.loads(invoke(*args, "--encoding", "utf-16").stdout)
    assert (values["chars"], values["unknown"]) == (4, 0)


def test_model_of_bytes_measures_any_file(
    write_uniform: Callable, measure: Callable, tmp_path: Path
) -> None:
    """A model of bytes reads any file; its characters are bytes."""
    model = write_uniform(tmp_path / "bytes", "".join(map(chr, range(256))), is_bytes=True)
    (tmp_path / "random").write_bytes(bytes(range(256)) + b"\r\n\xff")
    values = measure("-m", model, "random", "--no-memory")
    assert (values["chars"], values["bytes"], values["unknown"]) == (258, 258, 0)
    assert values["bits_per_byte"] == values["bits_per_char"] == pytest.approx(8)


def test_model_is_reported(trained, invoke: Callable) -> None:
    """The model is reported on stderr, unless ``-q``."""
    finished = invoke("eval", "-m", str(trained.directory))
    assert finished.error_lines == [
        f"charrnn: model {str(trained.directory / 'model.safetensors')!r}"
    ]
    assert invoke("eval", "-q", "-m", str(trained.directory)).stderr == ""
