"""Misleading model files with a right checksum: each is refused with one line."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from charrnn.memory.index import build_index
from charrnn.model.checkpoint import MODEL_NAME, read_checkpoint, write_checkpoint


@pytest.fixture
def indexed_bytes(make_checkpoint, tmp_path):
    """The bytes of a model file with an index."""
    checkpoint = make_checkpoint("rnn", hidden_size=1, embedding_size=1, characters="ab")
    index = build_index(np.random.default_rng(0).integers(0, 2, 5000), 2)
    path = tmp_path / "indexed.safetensors"
    write_checkpoint(path, dataclasses.replace(checkpoint, index=index))
    return path.read_bytes()


INDEXES = {
    "empty": lambda old: old[:0],
    "zeros": lambda old: bytes(len(old)),
    "ones": lambda old: b"\xff" * len(old),
    "another id": lambda old: old[:-1] + b"\x03",
}


@pytest.mark.parametrize("change", INDEXES.values(), ids=INDEXES)
def test_a_hostile_index_is_refused(
    indexed_bytes, header_of, header_end, sealed, change, tmp_path, refusal
):
    """An index of other ids is refused even if the checksum is right."""
    header, tensors = header_of(indexed_bytes), indexed_bytes[header_end(indexed_bytes) :]
    begin, end = header["index"]["data_offsets"]
    new = change(tensors[begin:end])
    moved = len(new) - (end - begin)
    for name, entry in header.items():
        if name != "__metadata__" and entry["data_offsets"][0] >= end:
            entry["data_offsets"] = [place + moved for place in entry["data_offsets"]]
    header["index"] |= {"shape": [len(new)], "data_offsets": [begin, begin + len(new)]}
    data = sealed(header, tensors[:begin] + new + tensors[end:])
    (tmp_path / MODEL_NAME).write_bytes(data)
    assert "index" in refusal(tmp_path / MODEL_NAME)


def test_the_index_of_another_type_is_refused(
    indexed_bytes, header_of, header_end, sealed, tmp_path, refusal
):
    """An index declared as booleans instead of bytes is refused."""
    header, tensors = header_of(indexed_bytes), indexed_bytes[header_end(indexed_bytes) :]
    header["index"]["dtype"] = "BOOL"
    (tmp_path / MODEL_NAME).write_bytes(sealed(header, tensors))
    assert "index" in refusal(tmp_path / MODEL_NAME)


def test_the_seal_of_these_tests_is_that_of_the_program(
    indexed_bytes, header_of, header_end, sealed, tmp_path, is_equal
):
    """A file that the tests reassemble from its parts is valid."""
    again = sealed(header_of(indexed_bytes), indexed_bytes[header_end(indexed_bytes) :])
    (tmp_path / "one").write_bytes(again)
    (tmp_path / "other").write_bytes(indexed_bytes)
    assert is_equal(read_checkpoint(tmp_path / "one"), read_checkpoint(tmp_path / "other"))


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("output.bias", {"data_offsets": [0, 8]}),
        ("output.bias", {"data_offsets": [8, 0]}),
        ("output.bias", {"data_offsets": [-8, 0]}),
        ("output.bias", {"data_offsets": [1 << 62, (1 << 62) + 8]}),
        ("output.bias", {"data_offsets": []}),
        ("output.bias", {"data_offsets": "0-8"}),
        ("output.bias", {"data_offsets": [None, 8]}),
        ("output.bias", {"shape": [-2]}),
        ("output.bias", {"shape": [2.0]}),
        ("output.bias", {"shape": [True, 2]}),
        ("output.bias", {"shape": [1 << 63]}),
        ("output.bias", {"shape": [10**30]}),
        ("output.bias", {"shape": 2}),
        ("output.bias", {"shape": [1] * 100 + [2]}),
        ("output.bias", {"dtype": ["F32"]}),
        ("output.bias", {"extra": 1}),
        ("ghost", {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}),
        ("ghost", {"dtype": "F32", "shape": [0, 1 << 40], "data_offsets": [0, 0]}),
        ("ghost", []),
        ("ghost", None),
    ],
    ids=repr,
)
def test_a_header_that_places_an_array_elsewhere_is_refused(
    indexed_bytes, header_of, header_end, sealed, name, entry, tmp_path, refusal
):
    """Entries that overlap, leave holes, lie outside the file or are malformed are refused."""
    header, tensors = header_of(indexed_bytes), indexed_bytes[header_end(indexed_bytes) :]
    header[name] = header[name] | entry if name in header else entry
    (tmp_path / MODEL_NAME).write_bytes(sealed(header, tensors))
    refusal(tmp_path / MODEL_NAME)


def test_two_weights_of_one_shape_cannot_change_places(good, header_of, sealed, tmp_path, refusal):
    """The order of the arrays is fixed, so a header cannot swap two of them."""
    path = tmp_path / MODEL_NAME
    write_checkpoint(path, good)
    data = path.read_bytes()
    header = header_of(data)
    one, other = header["layers.0.bias_ih"], header["layers.0.bias_hh"]
    header["layers.0.bias_ih"], header["layers.0.bias_hh"] = other, one
    tensors = data[
        -sum(
            e["data_offsets"][1] - e["data_offsets"][0]
            for e in (header[n] for n in header if n != "__metadata__")
        ) :
    ]
    path.write_bytes(sealed(header, tensors))
    refusal(path)
