"""A short run of the model-file fuzzer, and proof that it detects faults."""

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
    """The ``fuzz`` function of the script in this folder."""
    folder = Path(__file__).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        return runpy.run_path(str(folder / "fuzz_model_file.py"))["fuzz"]


def test_no_input_breaks_the_reader(fuzz):
    """Every input is refused in one line or gives a consistent model; both happen."""
    done, outcomes, findings = fuzz(read_checkpoint, INPUTS, seed=20_000_000)
    assert (done, findings) == (INPUTS, [])
    assert outcomes["read"] > INPUTS / 20
    assert len(outcomes) > 20


def test_the_fuzzer_sees_an_exception(fuzz):
    """The fuzzer reports a reader that raises anything but CheckpointError."""

    def careless(path):
        assert b"\xff" not in path.read_bytes()
        return read_checkpoint(path)

    assert any("AssertionError" in line for line in fuzz(careless, 200, seed=1)[2])


def test_the_fuzzer_sees_damage_that_goes_unnoticed(fuzz):
    """The fuzzer reports a reader that ignores the checksum."""
    read_arrays = tensorfile.TensorFile.read_arrays

    def trusting(self):
        any_sum = {**self.strings, "sha256": mock.ANY}
        return read_arrays(dataclasses.replace(self, strings=any_sum))

    with mock.patch.object(tensorfile.TensorFile, "read_arrays", trusting):
        findings = fuzz(read_checkpoint, 1000, seed=1)[2]
    assert any("damage went unnoticed" in line for line in findings)
