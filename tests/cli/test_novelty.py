"""``sample --novelty`` and the rows of ``eval`` that report copying."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import charrnn as package
from charrnn.errors import CheckpointError
from charrnn.memory.index import build_index
from charrnn.model.checkpoint import read_checkpoint, write_checkpoint

CYCLE = "abcdé\n"


@pytest.fixture
def indexed(cycle_model: Path) -> Callable[[str], Path]:
    """Give the model that says "abcdé" the index of a text; return its file."""

    def write(text: str) -> Path:
        checkpoint = read_checkpoint(cycle_model)
        vocabulary = checkpoint.vocabulary
        index = build_index(vocabulary.look_up(text), vocabulary.size)
        write_checkpoint(cycle_model, dataclasses.replace(checkpoint, index=index))
        return cycle_model

    return write


def test_a_copied_sample_is_reported(indexed: Callable, invoke: Callable) -> None:
    """Verbatim copying is reported on stderr; stdout has the exact text."""
    model = str(indexed(CYCLE * 1000))
    finished = invoke("sample", "-m", model, "-n", "600", "--temp", "0", "--novelty")
    assert (finished.code, finished.text) == (0, CYCLE * 100)
    line = "charrnn: copied: 100.0% of the 20-grams (581 of 581), longest passage 600 characters"
    assert finished.error_lines[-1] == line


def test_a_new_sample_is_reported(indexed: Callable, invoke: Callable) -> None:
    """A new text is reported as not copied, also with -q."""
    other = "".join(np.random.default_rng(0).choice(list(CYCLE), 6000))
    args = ["sample", "-m", str(indexed(other)), "-n", "600", "--temp", "0", "--novelty", "-q"]
    (line,) = invoke(*args).error_lines
    assert line.startswith("charrnn: copied: 0.0% of the 20-grams (0 of 581), longest passage ")


def test_the_former_name_of_the_option_works(indexed: Callable, invoke: Callable) -> None:
    """``--novel`` is ``--novelty``, and the help does not show it."""
    args = ["sample", "-q", "-m", str(indexed(CYCLE * 1000)), "-n", "60", "-t", "0"]
    assert invoke(*args, "--novel") == invoke(*args, "--novelty")
    assert "--novel " not in invoke("sample", "--help").text


def test_bytes_that_are_not_text_are_compared_as_bytes(
    write_cycle: Callable, invoke: Callable, tmp_path: Path
) -> None:
    """A copy of bytes that are not UTF-8 is found, with --json as well."""
    cycle = "\n\xff\xfe\xfda"
    path = write_cycle(tmp_path / "bytes.safetensors", cycle, is_bytes=True)
    checkpoint = read_checkpoint(path)
    index = build_index(checkpoint.vocabulary.look_up(cycle * 1000), checkpoint.vocabulary.size)
    write_checkpoint(path, dataclasses.replace(checkpoint, index=index))
    args = ["sample", "-q", "-m", str(path), "-n", "600", "--novelty"]
    assert json.loads(invoke(*args, "--json").stdout)["novelty"]["copied_share"] == 1
    assert "100.0%" in invoke(*args).stderr


def test_without_the_option_nothing_is_reported(indexed: Callable, invoke: Callable) -> None:
    """Copying is reported only with --novelty."""
    model = str(indexed(CYCLE * 1000))
    finished = invoke("sample", "-m", model, "-n", "60", "-q")
    assert finished.stderr == ""


@pytest.mark.parametrize("option", ["--novelty", "--max-copy=9"])
def test_a_model_without_an_index_cannot_tell(
    cycle_model: Path, invoke: Callable, option: str
) -> None:
    """A model without an index is an error of one line before any text."""
    finished = invoke("sample", "-q", "-m", str(cycle_model), option)
    assert (finished.code, finished.stdout) == (1, b"")
    (line,) = finished.error_lines
    assert line.startswith("charrnn: error: this model does not remember its training text")


def test_a_limit_on_copying_holds(indexed: Callable, invoke: Callable) -> None:
    """With --max-copy, the report of --novelty is within the limit."""
    args = ["sample", "-q", "-m", str(indexed(CYCLE * 1000)), "-n", "300", "-t", "0", "--novelty"]
    assert "longest passage 300 characters" in invoke(*args).stderr
    assert "longest passage 7 characters" in invoke(*args, "--max-copy", "7").stderr


def test_eval_tells_what_is_copied(indexed: Callable, invoke: Callable, tmp_path: Path) -> None:
    """The rows of the table are the numbers of the JSON."""
    (tmp_path / "text").write_text(CYCLE * 50, encoding="utf-8")
    args = ["eval", "-q", "-m", str(indexed(CYCLE * 1000)), str(tmp_path / "text")]
    values = json.loads(invoke(*args, "--json").stdout)["novelty"]
    assert values["copied_share"] == 1
    assert values["grams_checked"] == len(CYCLE) * 50 - 19
    rows = dict(re.findall(r"^(.*?) {2,}(.*)$", invoke(*args).text, re.MULTILINE))
    assert rows["copied 20-grams"] == "1.0000"
    assert rows["longest copied"].split()[0] == str(values["longest_copied"])


def test_eval_without_an_index_leaves_it_out(
    cycle_model: Path, invoke: Callable, tmp_path: Path
) -> None:
    """A model without an index is evaluated without novelty."""
    (tmp_path / "text").write_text(CYCLE * 50, encoding="utf-8")
    finished = invoke("eval", "--json", "-m", str(cycle_model), str(tmp_path / "text"))
    assert finished.code == 0
    assert "novelty" not in json.loads(finished.stdout)


@pytest.mark.parametrize(("memory", "num_chars"), [(None, 2700), ("1k", 1000), ("0", 0)])
def test_training_remembers_its_part_of_the_text(
    invoke: Callable, tiny: list[str], tmp_path: Path, memory: str | None, num_chars: int
) -> None:
    """The index covers the training part only, and no more characters than --memory says."""
    rng = np.random.default_rng(1)
    text = "".join(rng.choice(list("abcdefghijklmnop \n"), 3000))
    (tmp_path / "text.txt").write_text(text)
    more = [] if memory is None else [f"--memory={memory}"]
    finished = invoke("train", "text.txt", "--steps", "2", "-q", *tiny, *more)
    assert finished.code == 0, finished.stderr
    model = package.load(tmp_path / "runs" / "text")
    assert (
        f"--memory={8_000_000 if memory is None else num_chars}"
        in model.checkpoint.about["command"]
    )
    if num_chars == 0:
        assert model.checkpoint.index is None
        return
    assert model.checkpoint.index.num_rows == num_chars + 1
    assert model.novelty(text[: num_chars // 2]).longest >= num_chars // 2 - 500
    assert model.novelty(text[2700:]).copied_share == 0
    assert json.loads(invoke("eval", "--json").stdout)["novelty"]["copied_share"] == 0


def test_the_library_refuses_what_it_cannot_tell(cycle_model: Path) -> None:
    """Without an index there is an error, not a zero."""
    with pytest.raises(CheckpointError, match="memory 0"):
        package.load(cycle_model).novelty("abc")
