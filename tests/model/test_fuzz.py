"""The fuzzer of the reader of model files: a short run, and that it sees what it should see."""

from __future__ import annotations

import dataclasses
import runpy
from pathlib import Path
from unittest import mock

import pytest

from charrnn.model.checkpoint import read_checkpoint
from charrnn.storage import tensorfile

INPUTS = 2000


@pytest.fixture(scope="module")
def fuzz():
    """The function of the script beside this file."""
    return runpy.run_path(str(Path(__file__).parent / "fuzz_model_file.py"))["fuzz"]


def test_no_input_breaks_the_reader(fuzz):
    """Every input is refused with one line, or is a whole model; both happen."""
    done, outcomes, findings = fuzz(read_checkpoint, INPUTS, seed=20_000_000)
    assert (done, findings) == (INPUTS, [])
    assert outcomes["read"] > INPUTS / 20
    assert len(outcomes) > 20


def test_the_fuzzer_sees_an_exception(fuzz):
    """A reader that lets other exceptions through is found out."""

    def careless(path):
        assert b"\xff" not in path.read_bytes()
        return read_checkpoint(path)

    assert any("AssertionError" in line for line in fuzz(careless, 200, seed=1)[2])


def test_the_fuzzer_sees_damage_that_goes_unnoticed(fuzz):
    """A reader that does not look at the checksum is found out."""
    read_arrays = tensorfile.TensorFile.read_arrays

    def trusting(self):
        any_sum = {**self.strings, "sha256": mock.ANY}
        return read_arrays(dataclasses.replace(self, strings=any_sum))

    with mock.patch.object(tensorfile.TensorFile, "read_arrays", trusting):
        findings = fuzz(read_checkpoint, 1000, seed=1)[2]
    assert any("damage went unnoticed" in line for line in findings)
