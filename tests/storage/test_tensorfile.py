"""A file of named arrays and strings, held against the library of its format."""

from __future__ import annotations

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from charrnn.storage.tensorfile import open_tensor_file, write_tensor_file

FORM = "charrnn test 1"
RNG = np.random.default_rng(0)
ARRAYS = {
    "float": RNG.normal(size=(3, 4)).astype(np.float32),
    "double": RNG.normal(size=5),
    "scalar": np.float32(7),
    "empty": np.zeros((0, 3), np.float32),
    "bytes": RNG.integers(0, 256, 7).astype(np.uint8),
    "whole": RNG.integers(-9, 9, (2, 2)),
    "short": RNG.integers(-9, 9, 3).astype(np.int32),
    "truth": np.array([True, False, True]),
    "turned": RNG.normal(size=(3, 4)).astype(np.float32).T,
    "some": np.arange(20, dtype=np.float32)[::3],
}


@pytest.fixture
def path(tmp_path):
    """A file of arrays of every type and shape."""
    path = tmp_path / "file"
    write_tensor_file(path, FORM, {"note": "caf\u00e9 \U0001f600", "more": "[1]"}, ARRAYS)
    return path


def assert_same(found):
    """Hold arrays against those that were written: type, shape and values."""
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, np.shape(array))
        np.testing.assert_array_equal(found[name], array)


def test_what_is_written_is_read(path):
    """Arrays come back with their types and shapes, scalars and empty ones too."""
    with open_tensor_file(path, FORM) as file:
        assert file.json("more") == [1]
        assert file.strings["note"] == "caf\u00e9 \U0001f600"
        assert {name: spec.shape for name, spec in file.specs.items()} == {
            name: np.shape(array) for name, array in ARRAYS.items()
        }
        assert_same(file.read_arrays())


def test_the_library_of_the_format_reads_it(path):
    """It is a safetensors file to others."""
    assert_same(safetensors.numpy.load_file(path))
    with safetensors.safe_open(path, framework="numpy") as file:
        assert file.metadata()["format"] == FORM


def test_what_is_read_can_be_written_to(path):
    """The arrays are the reader's own."""
    with open_tensor_file(path, FORM) as file:
        arrays = file.read_arrays()
    arrays["float"][0, 0] = 1
    assert all(array.flags.writeable for array in arrays.values())


def test_another_kind_of_file_is_named(path):
    """The message says what the file is and what it should be."""
    with (
        pytest.raises(ValueError, match="'charrnn test 1', this program reads 'charrnn 1'"),
        open_tensor_file(path, "charrnn 1"),
    ):
        pass
