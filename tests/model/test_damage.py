"""Damaged and misleading model files: each is refused with one line."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from charrnn.errors import CheckpointError
from charrnn.model.checkpoint import MODEL_NAME, read_checkpoint, write_checkpoint


class Claims:
    """A configuration or vocabulary that claims anything."""

    def __init__(self, value):
        self.value = value

    def to_json(self):
        """Return what is claimed."""
        return self.value


def test_a_file_cut_short_is_refused(good_bytes, tmp_path, refusal):
    """A truncated file is refused, even if only one byte is missing."""
    path = tmp_path / MODEL_NAME
    for length in range(len(good_bytes)):
        path.write_bytes(good_bytes[:length])
        refusal(path)


def test_a_file_with_more_at_its_end_is_refused(good_bytes, tmp_path, refusal):
    """Bytes after the weights are refused."""
    path = tmp_path / MODEL_NAME
    for more in (b"\0", b"\0" * 4, good_bytes):
        path.write_bytes(good_bytes + more)
        refusal(path)


def test_a_damaged_weight_is_refused(good_bytes, tmp_path, refusal, header_end):
    """The checksum catches a single flipped bit in any byte of the weights."""
    path = tmp_path / MODEL_NAME
    for place in range(header_end(good_bytes), len(good_bytes)):
        damaged = bytearray(good_bytes)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        assert "checksum" in refusal(path)


@pytest.mark.slow
@pytest.mark.parametrize("mask", [0x01, 0x20, 0xFF], ids=hex)
def test_a_damaged_header_never_gives_another_model(
    good_bytes, tmp_path, mask, is_equal, header_end
):
    """After a change to any byte of the header the file is refused or the model is the same."""
    path = tmp_path / MODEL_NAME
    path.write_bytes(good_bytes)
    good = read_checkpoint(path)
    others = []
    for place in range(header_end(good_bytes)):
        damaged = bytearray(good_bytes)
        damaged[place] ^= mask
        path.write_bytes(damaged)
        try:
            is_other = not is_equal(read_checkpoint(path), good)
        except CheckpointError as error:
            is_other = len(str(error).splitlines()) != 1
        if is_other:
            others.append(bytes(damaged[max(place - 20, 0) : place + 20]))
    assert others == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("output.bias"), "weights"),
        (lambda arrays: arrays.update(extra=np.zeros(2, np.float32)), "weights"),
        (lambda arrays: arrays.update(extra=np.zeros(0, np.float32)), "names and shapes"),
        (
            lambda arrays: arrays.update({"output.weight": arrays["output.weight"].T}),
            "names and shapes",
        ),
        (
            lambda arrays: arrays.update({"output.offset": arrays.pop("output.bias")}),
            "names and shapes",
        ),
    ],
    ids=["missing", "extra", "extra-empty", "transposed", "renamed"],
)
def test_weights_that_do_not_fit_the_sizes_are_refused(good, tmp_path, change, message, refusal):
    """A file must have exactly the weights that its configuration needs."""
    arrays = dict(good.arrays)
    change(arrays)
    write_checkpoint(tmp_path / MODEL_NAME, dataclasses.replace(good, arrays=arrays))
    assert message in refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number_is_refused(good, tmp_path, value, refusal):
    """A weight that is not finite is refused by name even if the checksum is right."""
    arrays = {name: array.copy() for name, array in good.arrays.items()}
    arrays["layers.0.bias_hh"][1] = value
    write_checkpoint(tmp_path / MODEL_NAME, dataclasses.replace(good, arrays=arrays))
    assert "layers.0.bias_hh" in refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize("dtype", [b"I32", b"U32", b"F16", b"F64", b"XYZ"])
def test_weights_of_another_type_are_refused(good_bytes, tmp_path, dtype, refusal):
    """A file whose weights are declared as anything but float32 is refused."""
    path = tmp_path / MODEL_NAME
    path.write_bytes(good_bytes.replace(b'"F32"', b'"%b"' % dtype, 1))
    refusal(path)


@pytest.mark.parametrize("characters", ["ab", "abcd"])
def test_a_vocabulary_of_another_size_is_refused(make_checkpoint, tmp_path, characters, refusal):
    """The vocabulary must have one character per row of the embedding."""
    checkpoint = make_checkpoint(characters="abc")
    vocabulary = make_checkpoint(characters=characters).vocabulary
    write_checkpoint(tmp_path / MODEL_NAME, dataclasses.replace(checkpoint, vocabulary=vocabulary))
    assert f"{len(characters)} characters, but a vocabulary of 3" in refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize(
    "changes",
    [
        {"characters": ""},
        {"characters": "ba"},
        {"characters": "aa"},
        {"characters": "a\ud800"},
        {"characters": ["a", "b"]},
        {"characters": None},
        {"has_unknown": 1},
        {"characters": "a\u0100", "is_bytes": True},
    ],
    ids=ascii,
)
def test_a_vocabulary_that_is_none_is_refused(make_checkpoint, tmp_path, changes, refusal):
    """Characters that are unordered, repeated, invalid or of the wrong type are refused."""
    checkpoint = make_checkpoint(characters="ab")
    claims = Claims(checkpoint.vocabulary.to_json() | changes)
    write_checkpoint(tmp_path / MODEL_NAME, dataclasses.replace(checkpoint, vocabulary=claims))
    refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize(
    "name", ["vocab_size", "embedding_size", "hidden_size", "num_layers", "ngrams"]
)
def test_sizes_that_cannot_be_are_refused_at_once(make_checkpoint, tmp_path, name, refusal):
    """Sizes that are absurd, of the wrong type or larger than the file are refused."""
    checkpoint = make_checkpoint(characters="ab", hidden_size=3, num_layers=2)
    for value in (10**12, 10**9, 65_536, 64, 0, -1, 2.0, "2", True, None, [2], {}):
        claims = Claims(checkpoint.config.to_json() | {name: value})
        write_checkpoint(tmp_path / MODEL_NAME, dataclasses.replace(checkpoint, config=claims))
        refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize(
    "claims",
    [None, [], "lstm", 5, {}, {"cell": "lstm"}, {"\nsecond line": 1}, {"\x1b[2J": 1}],
    ids=repr,
)
def test_a_configuration_that_is_none_is_refused(good, tmp_path, claims, refusal):
    """A header without a valid configuration gives one line without control characters."""
    if isinstance(claims, dict) and "cell" not in claims:
        claims = good.config.to_json() | claims if claims else claims
    write_checkpoint(tmp_path / MODEL_NAME, dataclasses.replace(good, config=Claims(claims)))
    assert refusal(tmp_path / MODEL_NAME).isprintable()


@pytest.mark.parametrize("about", [[], [["trained_at", 1]]], ids=repr)
def test_a_description_that_is_none_is_refused(
    good_bytes, tmp_path, about, refusal, header_of, with_header
):
    """The description of the training must be an object."""
    header = header_of(good_bytes)
    header["__metadata__"]["about"] = json.dumps(about)
    (tmp_path / MODEL_NAME).write_bytes(with_header(good_bytes, json.dumps(header).encode()))
    refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize("name", ["format", "sha256", "config", "vocabulary", "about"])
@pytest.mark.parametrize("value", [..., None, 5, "", "{", "\x1b[31m", {}], ids=repr)
def test_a_header_without_one_of_its_strings_is_refused(
    good_bytes, tmp_path, name, value, refusal, header_of, with_header
):
    """Each string of the header must be present and valid."""
    header = header_of(good_bytes)
    if value is ...:
        del header["__metadata__"][name]
    else:
        header["__metadata__"][name] = value
    (tmp_path / MODEL_NAME).write_bytes(with_header(good_bytes, json.dumps(header).encode()))
    assert refusal(tmp_path / MODEL_NAME).isprintable()


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"0",
        b'"charrnn 1"',
        b'{"__metadata__": []}',
        b'{"__metadata__": {"format": "pt"}}',
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"__metadata__": {"format": "charrnn 1"}, "a": ' + b"[" * 990 + b"]" * 990 + b"}",
        b"9" * 10_000,
    ],
    ids=lambda header: header[:30].decode("latin-1"),
)
def test_a_header_of_any_other_json_is_refused(good_bytes, tmp_path, header, refusal, with_header):
    """Headers of other programs, without JSON or with deeply nested JSON are refused."""
    (tmp_path / MODEL_NAME).write_bytes(with_header(good_bytes, header))
    refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize("name", ["config", "vocabulary", "about"])
def test_a_string_of_the_header_nested_without_end_is_refused(
    good_bytes, tmp_path, name, refusal, header_of, with_header
):
    """Deeply nested JSON inside the header is refused."""
    header = header_of(good_bytes)
    header["__metadata__"][name] = "[" * 100_000 + "]" * 100_000
    (tmp_path / MODEL_NAME).write_bytes(with_header(good_bytes, json.dumps(header).encode()))
    refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"__metadata__":{', b'{"__metadata__":{"format":"charrnn 1",'),
        (b'{"__metadata__":{', b'{"__metadata__":{"config":"{}",'),
        (b'{"__metadata__":{', b'{"__metadata__":{},"__metadata__":{'),
        (
            b'"output.bias":{',
            b'"output.bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"output.bias":{',
        ),
        (b'"output.bias":{', b'"output.bias":{"dtype":"F32",'),
        (b'{\\"vocab_size\\": 2,', b'{\\"vocab_size\\": 3, \\"vocab_size\\": 2,'),
        (b'{\\"characters\\":', b'{\\"characters\\": \\"xy\\", \\"characters\\":'),
    ],
    ids=["format", "config", "strings", "weight", "type", "size", "characters"],
)
def test_a_header_that_says_a_thing_twice_is_refused(
    good_bytes, tmp_path, old, new, refusal, header_of, with_header
):
    """Duplicate keys, which readers resolve differently, are refused."""
    header = header_of(good_bytes)
    header = json.dumps(header, separators=(",", ":")).encode()
    assert header.count(old) == 1
    (tmp_path / MODEL_NAME).write_bytes(with_header(good_bytes, header.replace(old, new)))
    refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize("name", ["output.\\nbias", "output.\\u001b[2Jbias"])
@pytest.mark.parametrize("part", [b'"output.bias"', b'"F32"', b'"data_offsets"'])
def test_names_in_a_header_cannot_break_the_message(
    good_bytes, tmp_path, name, part, refusal, header_end, with_header
):
    """Control characters in a header do not reach the message; it stays one line."""
    header = good_bytes[8 : header_end(good_bytes)]
    hostile = header.replace(part, f'"{name}"'.encode(), 1)
    (tmp_path / MODEL_NAME).write_bytes(with_header(good_bytes, hostile))
    assert refusal(tmp_path / MODEL_NAME).isprintable()


def test_a_format_of_the_future_is_named(good_bytes, tmp_path, refusal):
    """A file of a newer version is refused by its format number, not as damaged JSON."""
    newer = good_bytes.replace(b'"charrnn 1"', b'"charrnn 2"')
    assert newer != good_bytes
    (tmp_path / MODEL_NAME).write_bytes(newer)
    message = refusal(tmp_path / MODEL_NAME)
    assert "'charrnn 2'" in message
    assert "'charrnn 1'" in message
