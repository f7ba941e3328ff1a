"""The model file: reading returns what was written."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import torch

from charrnn.memory.index import build_index
from charrnn.model.checkpoint import FORMAT, MODEL_NAME, read_checkpoint, write_checkpoint
from charrnn.storage.tensorfile import open_tensor_file, write_tensor_file
from charrnn.training.nn.network import TrainableNetwork


@pytest.mark.parametrize("num_layers", [1, 3])
def test_a_model_comes_back_as_it_was(make_checkpoint, any_kind, num_layers, tmp_path, is_equal):
    """Sizes, characters, description and every bit of the weights survive a round trip."""
    checkpoint = make_checkpoint(**any_kind, num_layers=num_layers, trained_at=12.5)
    write_checkpoint(tmp_path / MODEL_NAME, checkpoint)
    found = read_checkpoint(tmp_path / MODEL_NAME)
    assert is_equal(found, checkpoint)
    assert found.trained_at == 12.5


def test_every_character_comes_back(good, tmp_path, is_equal):
    """Control characters, quotes, the replacement character and emoji survive a round trip."""
    write_checkpoint(tmp_path / MODEL_NAME, good)
    assert is_equal(read_checkpoint(tmp_path / MODEL_NAME), good)


def test_extreme_weights_come_back(make_checkpoint, tmp_path, is_equal):
    """The largest, the smallest and the negative zero of float32 are kept bit for bit."""
    checkpoint = make_checkpoint()
    limits = np.finfo(np.float32)
    values = [limits.max, -limits.max, limits.smallest_subnormal, -0.0]
    checkpoint.arrays["output.bias"][:4] = values
    write_checkpoint(tmp_path / MODEL_NAME, checkpoint)
    assert is_equal(read_checkpoint(tmp_path / MODEL_NAME), checkpoint)


def test_the_file_is_one_of_safetensors(good, tmp_path):
    """The safetensors library reads float32 weights and the format from the header."""
    path = tmp_path / MODEL_NAME
    write_checkpoint(path, good)
    arrays = safetensors.numpy.load_file(path)
    assert arrays.keys() == good.arrays.keys()
    for name, array in arrays.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, good.arrays[name])
    with safetensors.safe_open(path, framework="numpy") as file:
        assert file.metadata()["format"] == "charrnn 1"


def test_the_same_model_gives_the_same_bytes(good, tmp_path):
    """A file depends on its content alone, so hashes can be compared."""
    digests = set()
    for _ in range(20):
        write_checkpoint(tmp_path / MODEL_NAME, good)
        digests.add(hashlib.sha256((tmp_path / MODEL_NAME).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_float64_weights_are_stored_as_float32(make_checkpoint, tmp_path):
    """A model in double precision is rounded once, to the nearest float32."""
    checkpoint = make_checkpoint(dtype=np.float64)
    write_checkpoint(tmp_path / MODEL_NAME, checkpoint)
    for name, array in read_checkpoint(tmp_path / MODEL_NAME).arrays.items():
        np.testing.assert_array_equal(array, checkpoint.arrays[name].astype(np.float32))


def test_what_is_read_can_be_trained_on(good, tmp_path):
    """Torch accepts the weights as read."""
    write_checkpoint(tmp_path / MODEL_NAME, good)
    found = read_checkpoint(tmp_path / MODEL_NAME)
    trainable = TrainableNetwork(found.config, dropout=0.0, generator=torch.Generator())
    trainable.load_arrays(dict(found.arrays))
    for name, array in trainable.to_arrays().items():
        np.testing.assert_array_equal(array, good.arrays[name])


def test_a_link_leads_to_its_model(good, tmp_path, is_equal):
    """A symbolic link to a model file works like the file."""
    write_checkpoint(tmp_path / MODEL_NAME, good)
    (tmp_path / "link").symlink_to(MODEL_NAME)
    assert is_equal(read_checkpoint(tmp_path / "link"), good)


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({}, 0.0),
        ({"trained_at": 7}, 7.0),
        ({"trained_at": 7.5}, 7.5),
        ({"trained_at": "yesterday"}, 0.0),
        ({"trained_at": None}, 0.0),
        ({"trained_at": 10**400}, 0.0),  # no float is so large
    ],
    ids=["nothing", "int", "float", "text", "null", "huge"],
)
def test_trained_at_is_a_time_or_zero(make_checkpoint, about, expected):
    """The time of training is a number whatever the file claims."""
    assert make_checkpoint(**about).trained_at == expected


@pytest.fixture
def indexed(good):
    """The model with the index of a text."""
    ids = np.random.default_rng(0).integers(0, good.vocabulary.size, 5000)
    return dataclasses.replace(good, index=build_index(ids, good.vocabulary.size))


def test_an_index_comes_back_as_it_was(indexed, good, tmp_path, is_equal):
    """A model file keeps the index of the text bit for bit, in a byte for each character."""
    write_checkpoint(tmp_path / MODEL_NAME, indexed)
    found = read_checkpoint(tmp_path / MODEL_NAME)
    assert is_equal(found, indexed)
    assert "index" not in found.arrays
    assert safetensors.numpy.load_file(tmp_path / MODEL_NAME)["index"].dtype == np.uint8
    size = (tmp_path / MODEL_NAME).stat().st_size
    write_checkpoint(tmp_path / MODEL_NAME, good)
    assert size - (tmp_path / MODEL_NAME).stat().st_size < 5000 + 200


def test_the_sketch_of_an_older_file_is_ignored(good, tmp_path, is_equal):
    """A file with a sketch of the text, as older versions wrote, is a model without an index."""
    path = tmp_path / MODEL_NAME
    write_checkpoint(path, good)
    with open_tensor_file(path, FORMAT) as file:
        strings = {name: json.dumps(file.json(name)) for name in ("config", "vocabulary", "about")}
        arrays = {**file.read_arrays(), "sketch": np.arange(50, dtype=np.uint8)}
    write_tensor_file(path, FORMAT, strings, arrays)
    assert is_equal(read_checkpoint(path), good)
