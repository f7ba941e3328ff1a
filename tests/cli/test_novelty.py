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
from charrnn.memory.sketch import build_sketch
from charrnn.model.checkpoint import read_checkpoint, write_checkpoint

CYCLE = "abcdé\n"


@pytest.fixture
def sketched(cycle_model: Path) -> Callable[[str], Path]:
    """Give the model that says "abcdé" the sketch of a text; return its file."""

    def write(text: str) -> Path:
        checkpoint = read_checkpoint(cycle_model)
        ids = checkpoint.vocabulary.look_up(text).astype(np.uint8)
        sketch = build_sketch(ids, checkpoint.vocabulary)
        write_checkpoint(cycle_model, dataclasses.replace(checkpoint, sketch=sketch))
        return cycle_model

    return write


def test_a_copied_sample_is_told(sketched: Callable, invoke: Callable) -> None:
    """Verbatim copying is reported on stderr; stdout has the exact text."""
    model = str(sketched(CYCLE * 1000))
    finished = invoke("sample", "-m", model, "-n", "600", "--temp", "0", "--novelty")
    assert (finished.code, finished.text) == (0, CYCLE * 100)
    assert re.fullmatch(
        r"charrnn: copied: about 100% of the 20-grams \(581 of 581 checked\), "
        r"a passage of \d+( to \d+)? characters",
        finished.error_lines[-1],
    )


def test_a_new_sample_is_told(sketched: Callable, invoke: Callable) -> None:
    """A new text is reported as not copied, also with -q."""
    other = "".join(np.random.default_rng(0).choice(list(CYCLE), 6000))
    args = ["sample", "-m", str(sketched(other)), "-n", "600", "--temp", "0", "--novelty", "-q"]
    (line,) = invoke(*args).error_lines
    assert re.search(r"no passage of more than \d+ characters|too short to tell", line)


def test_the_former_name_of_the_option_works(sketched: Callable, invoke: Callable) -> None:
    """``--novel`` is ``--novelty``, and the help does not show it."""
    args = ["sample", "-q", "-m", str(sketched(CYCLE * 1000)), "-n", "60", "-t", "0"]
    assert invoke(*args, "--novel") == invoke(*args, "--novelty")
    assert "--novel " not in invoke("sample", "--help").text


def test_bytes_that_are_not_text_are_compared_as_bytes(
    write_cycle: Callable, invoke: Callable, tmp_path: Path
) -> None:
    """A copy of bytes that are not UTF-8 is found, with --json as well."""
    cycle = "\n\xff\xfe\xfda"
    path = write_cycle(tmp_path / "bytes.safetensors", cycle, is_bytes=True)
    checkpoint = read_checkpoint(path)
    ids = checkpoint.vocabulary.look_up(cycle * 1000).astype(np.uint8)
    sketch = build_sketch(ids, checkpoint.vocabulary)
    write_checkpoint(path, dataclasses.replace(checkpoint, sketch=sketch))
    args = ["sample", "-q", "-m", str(path), "-n", "600", "--novelty"]
    assert json.loads(invoke(*args, "--json").stdout)["novelty"]["copied_share"] == 1
    assert "100%" in invoke(*args).stderr


def test_without_the_option_nothing_is_told(sketched: Callable, invoke: Callable) -> None:
    """Copying is reported only with --novelty."""
    model = str(sketched(CYCLE * 1000))
    finished = invoke("sample", "-m", model, "-n", "60", "-q")
    assert finished.stderr == ""


def test_a_model_without_a_sketch_cannot_tell(cycle_model: Path, invoke: Callable) -> None:
    """A model without a sketch is an error of one line before any text."""
    finished = invoke("sample", "-m", str(cycle_model), "--novelty")
    assert (finished.code, finished.stdout) == (1, b"")
    (line,) = finished.error_lines
    assert line.startswith("charrnn: error: this model has no sketch of its training text")


def test_eval_tells_what_is_copied(sketched: Callable, invoke: Callable, tmp_path: Path) -> None:
    """The rows of the table are the numbers of the JSON."""
    (tmp_path / "text").write_text(CYCLE * 50, encoding="utf-8")
    args = ["eval", "-q", "-m", str(sketched(CYCLE * 1000)), str(tmp_path / "text")]
    values = json.loads(invoke(*args, "--json").stdout)["novelty"]
    assert values["copied_share"] == 1
    assert values["grams_checked"] == len(CYCLE) * 50 - 19
    rows = dict(re.findall(r"^(.*?) {2,}(.*)$", invoke(*args).text, re.MULTILINE))
    assert rows["copied 20-grams"] == "1.0000"
    assert rows["longest copied"] == str(values["longest_copied"])
    assert rows["longest possible"] == str(values["longest_copied_limit"])


def test_eval_without_a_sketch_leaves_it_out(
    cycle_model: Path, invoke: Callable, tmp_path: Path
) -> None:
    """A model without a sketch is evaluated without novelty."""
    (tmp_path / "text").write_text(CYCLE * 50, encoding="utf-8")
    finished = invoke("eval", "--json", "-m", str(cycle_model), str(tmp_path / "text"))
    assert finished.code == 0
    assert "novelty" not in json.loads(finished.stdout)


@pytest.mark.slow
def test_training_sketches_its_part_of_the_text(
    invoke: Callable, tiny: list[str], tmp_path: Path
) -> None:
    """The sketch covers the training part only, within a tenth of its bytes."""
    rng = np.random.default_rng(1)
    text = "".join(rng.choice(list("abcdefghijklmnop \n"), 30_000))
    (tmp_path / "text.txt").write_text(text)
    finished = invoke("train", "text.txt", "--steps", "2", "-q", *tiny)
    assert finished.code == 0, finished.stderr
    model = package.load(tmp_path / "runs" / "text")
    assert 2000 < len(model.checkpoint.sketch.to_array()) <= 2700
    assert model.novelty(text[:27_000]).copied_share == 1
    assert model.novelty(text[:27_000]).longest > 26_900
    assert model.novelty(text[27_000:]).copied_share < 0.05
    assert model.novelty(text[27_000:]).longest == 0
    values = json.loads(invoke("eval", "--json").stdout)["novelty"]
    assert values["copied_share"] < 0.05


def test_the_library_refuses_what_it_cannot_tell(cycle_model: Path) -> None:
    """Without a sketch there is an error, not a zero."""
    with pytest.raises(CheckpointError, match="no sketch"):
        package.load(cycle_model).novelty("abc")
