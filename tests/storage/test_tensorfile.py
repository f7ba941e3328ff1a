"""Files of named arrays and strings, checked against the safetensors library."""

from __future__ import annotations

from pathlib import Path

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
    "long": RNG.integers(-9, 9, (2, 2)),
    "int": RNG.integers(-9, 9, 3).astype(np.int32),
    "bool": np.array([True, False, True]),
    "transposed": RNG.normal(size=(3, 4)).astype(np.float32).T,
    "strided": np.arange(20, dtype=np.float32)[::3],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with arrays of every type and layout."""
    path = tmp_path / "file"
    write_tensor_file(path, FORM, {"note": "caf\u00e9 \U0001f600", "more": "[1]"}, ARRAYS)
    return path


def assert_same(arrays: dict[str, np.ndarray]) -> None:
    """Compare arrays with the written ones: names, types, shapes and values."""
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, np.shape(array))
        np.testing.assert_array_equal(arrays[name], array)


def test_content_round_trips(path: Path) -> None:
    """Strings and arrays come back, scalars and empty arrays included, and are writeable."""
    with open_tensor_file(path, FORM) as file:
        assert file.json("more") == [1]
        assert file.strings["note"] == "caf\u00e9 \U0001f600"
        assert {name: spec.shape for name, spec in file.specs.items()} == {
            name: np.shape(array) for name, array in ARRAYS.items()
        }
        arrays = file.read_arrays()
    assert_same(arrays)
    assert all(array.flags.writeable for array in arrays.values())


def test_safetensors_reads_the_file(path: Path) -> None:
    """The file is valid for the library of the format."""
    assert_same(safetensors.numpy.load_file(path))
    with safetensors.safe_open(path, framework="numpy") as file:
        assert file.metadata()["format"] == FORM


@pytest.mark.parametrize("form", ["charrnn 1", "charrnn test 2"])
def test_error_names_both_formats(path: Path, form: str) -> None:
    """The message gives the format of the file and the expected one."""
    with (
        pytest.raises(ValueError, match=rf"{FORM!r}.*{form!r}"),
        open_tensor_file(path, form),
    ):
        pass


def test_equal_content_gives_equal_files(path: Path, tmp_path: Path) -> None:
    """Neither the order of the arrays nor the time of writing matters."""
    reordered = dict(reversed(ARRAYS.items()))
    strings = {"note": "caf\u00e9 \U0001f600", "more": "[1]"}
    write_tensor_file(tmp_path / "other", FORM, strings, reordered)
    assert (tmp_path / "other").read_bytes() == path.read_bytes()
