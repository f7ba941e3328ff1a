"""The model file: what is written comes back, and what is damaged or hostile is refused."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from charrnn.errors import CheckpointError
from charrnn.model.checkpoint import (
    MODEL_NAME,
    MODEL_VARIABLE,
    find_model,
    read_checkpoint,
    write_checkpoint,
)
from charrnn.training.network import TrainableNetwork

LENGTH_BYTES = 8  # of a safetensors file: how long its header is, little-endian


class Claims:
    """Stands for a configuration or vocabulary of which a file says anything at all."""

    def __init__(self, value):
        self.value = value

    def to_json(self):
        """Return what is claimed."""
        return self.value


def refusal(path: Path) -> str:
    """Return the message with which a file is refused: one line that begins with its name."""
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(f"{str(path)!r}: ")
    assert len(message.splitlines()) == 1
    return message


def is_equal(one, other):
    """Return whether two checkpoints hold the same, weights bit for bit."""
    return (
        (one.config, one.vocabulary, dict(one.about))
        == (other.config, other.vocabulary, dict(other.about))
        and one.arrays.keys() == other.arrays.keys()
        and all(one.arrays[name].tobytes() == other.arrays[name].tobytes() for name in one.arrays)
    )


def header_end(data: bytes) -> int:
    """Return where the header of a safetensors file ends."""
    return LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")


def with_header(data: bytes, header: bytes) -> bytes:
    """Return a model file with another header, its tensors as they are."""
    return len(header).to_bytes(LENGTH_BYTES, "little") + header + data[header_end(data) :]


@pytest.fixture
def good(make_checkpoint):
    """A model with all that can be stored: characters beyond ASCII, an unknown symbol, facts."""
    return make_checkpoint(
        "gru",
        hidden_size=2,
        embedding_size=2,
        characters='\x00\n "\\a\u00e9\u20ac\ufffd\U0001f600',
        has_unknown=True,
        trained_at=1.75e9,
        step=3,
        note="caf\u00e9",
    )


@pytest.fixture
def good_bytes(make_checkpoint, tmp_path):
    """The bytes of a model file that is as small as one can be."""
    path = tmp_path / "good.safetensors"
    write_checkpoint(
        path,
        make_checkpoint("rnn", hidden_size=1, embedding_size=1, characters="ab", trained_at=1.5),
    )
    return path.read_bytes()


@pytest.mark.parametrize("num_layers", [1, 3])
def test_a_model_comes_back_as_it_was(make_checkpoint, any_kind, num_layers, tmp_path):
    """Sizes, characters, facts and every bit of the weights survive the file."""
    checkpoint = make_checkpoint(**any_kind, num_layers=num_layers, trained_at=12.5)
    write_checkpoint(tmp_path / MODEL_NAME, checkpoint)
    found = read_checkpoint(tmp_path / MODEL_NAME)
    assert is_equal(found, checkpoint)
    assert found.trained_at == 12.5


def test_every_character_comes_back(good, tmp_path):
    """Control characters, quotes, the replacement character and emoji survive the file."""
    write_checkpoint(tmp_path / MODEL_NAME, good)
    assert is_equal(read_checkpoint(tmp_path / MODEL_NAME), good)


def test_extreme_weights_come_back(make_checkpoint, tmp_path):
    """The largest, the smallest and the negative zero of float32 are kept bit for bit."""
    checkpoint = make_checkpoint()
    limits = np.finfo(np.float32)
    values = [limits.max, -limits.max, limits.smallest_subnormal, -0.0]
    checkpoint.arrays["output.bias"][:4] = values
    write_checkpoint(tmp_path / MODEL_NAME, checkpoint)
    assert is_equal(read_checkpoint(tmp_path / MODEL_NAME), checkpoint)


def test_the_file_is_one_of_safetensors(good, tmp_path):
    """Any reader of safetensors finds the weights, float32, and the format in the header."""
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
    """A file depends on what it holds and on nothing else, so that it can be compared by hash."""
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
    """Torch takes the weights as they come from the file."""
    write_checkpoint(tmp_path / MODEL_NAME, good)
    found = read_checkpoint(tmp_path / MODEL_NAME)
    trainable = TrainableNetwork(found.config, dropout=0.0, generator=torch.Generator())
    trainable.load_arrays(dict(found.arrays))
    for name, array in trainable.to_arrays().items():
        np.testing.assert_array_equal(array, good.arrays[name])


def test_a_link_leads_to_its_model(good, tmp_path):
    """A symbolic link to a model file is as good as the file."""
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
    """The time of training is a number whatever a file says of it."""
    assert make_checkpoint(**about).trained_at == expected


def test_a_file_cut_short_is_refused(good_bytes, tmp_path):
    """Whatever is missing at the end of a file, be it one byte, is noticed."""
    path = tmp_path / MODEL_NAME
    for length in range(len(good_bytes)):
        path.write_bytes(good_bytes[:length])
        refusal(path)


def test_a_file_with_more_at_its_end_is_refused(good_bytes, tmp_path):
    """Bytes behind the weights are noticed."""
    path = tmp_path / MODEL_NAME
    for more in (b"\0", b"\0" * 4, good_bytes):
        path.write_bytes(good_bytes + more)
        refusal(path)


def test_a_damaged_weight_is_refused(good_bytes, tmp_path):
    """A single wrong bit in any byte of the weights is noticed by the checksum."""
    path = tmp_path / MODEL_NAME
    for place in range(header_end(good_bytes), len(good_bytes)):
        damaged = bytearray(good_bytes)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        assert "checksum" in refusal(path)


@pytest.mark.parametrize("mask", [0x01, 0x20, 0xFF], ids=hex)
def test_a_damaged_header_never_gives_another_model(good_bytes, tmp_path, mask):
    """With any byte of the header changed a file is refused, or nothing in the model changes."""
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
        (lambda arrays: arrays.update(extra=np.zeros(0, np.float32)), "names or shapes"),
        (
            lambda arrays: arrays.update({"output.weight": arrays["output.weight"].T}),
            "names or shapes",
        ),
        (
            lambda arrays: arrays.update({"output.offset": arrays.pop("output.bias")}),
            "names or shapes",
        ),
    ],
    ids=["missing", "extra", "extra-empty", "transposed", "renamed"],
)
def test_weights_that_do_not_fit_the_sizes_are_refused(good, tmp_path, change, message):
    """Each weight that the sizes ask for must be there, and no other."""
    arrays = dict(good.arrays)
    change(arrays)
    write_checkpoint(tmp_path / MODEL_NAME, dataclasses.replace(good, arrays=arrays))
    assert message in refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number_is_refused(good, tmp_path, value):
    """A weight that is not finite is refused by its name, though the checksum is right."""
    arrays = {name: array.copy() for name, array in good.arrays.items()}
    arrays["layers.0.bias_hh"][1] = value
    write_checkpoint(tmp_path / MODEL_NAME, dataclasses.replace(good, arrays=arrays))
    assert "layers.0.bias_hh" in refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize("dtype", [b"I32", b"U32", b"F16", b"F64", b"XYZ"])
def test_weights_of_another_type_are_refused(good_bytes, tmp_path, dtype):
    """A file whose weights are said to be anything but float32 is refused."""
    path = tmp_path / MODEL_NAME
    path.write_bytes(good_bytes.replace(b'"F32"', b'"%b"' % dtype, 1))
    refusal(path)


@pytest.mark.parametrize("characters", ["ab", "abcd"])
def test_a_vocabulary_of_another_size_is_refused(make_checkpoint, tmp_path, characters):
    """As many characters as rows of the embedding, no fewer and no more."""
    checkpoint = make_checkpoint(characters="abc")
    vocabulary = make_checkpoint(characters=characters).vocabulary
    write_checkpoint(tmp_path / MODEL_NAME, dataclasses.replace(checkpoint, vocabulary=vocabulary))
    assert f"{len(characters)} characters for a vocabulary of 3" in refusal(tmp_path / MODEL_NAME)


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
def test_a_vocabulary_that_is_none_is_refused(make_checkpoint, tmp_path, changes):
    """Characters out of order, twice, not valid, or of the wrong kind are refused."""
    checkpoint = make_checkpoint(characters="ab")
    claims = Claims(checkpoint.vocabulary.to_json() | changes)
    write_checkpoint(tmp_path / MODEL_NAME, dataclasses.replace(checkpoint, vocabulary=claims))
    refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize(
    "changes",
    [
        {name: value}
        for name in ("vocab_size", "embedding_size", "hidden_size", "num_layers", "ngrams")
        for value in (10**12, 10**9, 65_536, 64, 0, -1, 2.0, "2", True, None, [2], {})
    ],
    ids=repr,
)
def test_sizes_that_cannot_be_are_refused_at_once(make_checkpoint, tmp_path, changes):
    """Sizes that are absurd, of the wrong type, or larger than the file are refused."""
    checkpoint = make_checkpoint(characters="ab", hidden_size=3, num_layers=2)
    claims = Claims(checkpoint.config.to_json() | changes)
    write_checkpoint(tmp_path / MODEL_NAME, dataclasses.replace(checkpoint, config=claims))
    refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize(
    "claims",
    [None, [], "lstm", 5, {}, {"cell": "lstm"}, {"\nsecond line": 1}, {"\x1b[2J": 1}],
    ids=repr,
)
def test_a_configuration_that_is_none_is_refused(good, tmp_path, claims):
    """A header whose sizes are no configuration gives one line, free of control characters."""
    if isinstance(claims, dict) and "cell" not in claims:
        claims = good.config.to_json() | claims if claims else claims
    write_checkpoint(tmp_path / MODEL_NAME, dataclasses.replace(good, config=Claims(claims)))
    assert refusal(tmp_path / MODEL_NAME).isprintable()


@pytest.mark.parametrize("about", [[], [["trained_at", 1]]], ids=repr)
def test_a_description_that_is_none_is_refused(good_bytes, tmp_path, about):
    """What is told of the training must be an object."""
    header = json.loads(good_bytes[LENGTH_BYTES : header_end(good_bytes)])
    header["__metadata__"]["about"] = json.dumps(about)
    (tmp_path / MODEL_NAME).write_bytes(with_header(good_bytes, json.dumps(header).encode()))
    refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize("name", ["format", "sha256", "config", "vocabulary", "about"])
@pytest.mark.parametrize("value", [..., None, 5, "", "{", "\x1b[31m", {}], ids=repr)
def test_a_header_without_one_of_its_strings_is_refused(good_bytes, tmp_path, name, value):
    """Each string of the header must be there and be what it should be."""
    header = json.loads(good_bytes[LENGTH_BYTES : header_end(good_bytes)])
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
def test_a_header_of_any_other_json_is_refused(good_bytes, tmp_path, header):
    """Headers of other programs, of no JSON, and of JSON nested without end are refused."""
    (tmp_path / MODEL_NAME).write_bytes(with_header(good_bytes, header))
    refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize("name", ["config", "vocabulary", "about"])
def test_a_string_of_the_header_nested_without_end_is_refused(good_bytes, tmp_path, name):
    """JSON within the header that is nested without end is refused, too."""
    header = json.loads(good_bytes[LENGTH_BYTES : header_end(good_bytes)])
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
def test_a_header_that_says_a_thing_twice_is_refused(good_bytes, tmp_path, old, new):
    """Two values under one name, which each reader may choose from as it likes, are refused."""
    header = json.loads(good_bytes[LENGTH_BYTES : header_end(good_bytes)])
    header = json.dumps(header, separators=(",", ":")).encode()
    assert header.count(old) == 1
    (tmp_path / MODEL_NAME).write_bytes(with_header(good_bytes, header.replace(old, new)))
    refusal(tmp_path / MODEL_NAME)


@pytest.mark.parametrize("name", ["output.\\nbias", "output.\\u001b[2Jbias"])
@pytest.mark.parametrize("part", [b'"output.bias"', b'"F32"', b'"data_offsets"'])
def test_names_in_a_header_cannot_break_the_message(good_bytes, tmp_path, name, part):
    """Control characters in a header do not reach the message, which stays one line."""
    header = good_bytes[LENGTH_BYTES : header_end(good_bytes)]
    hostile = header.replace(part, f'"{name}"'.encode(), 1)
    (tmp_path / MODEL_NAME).write_bytes(with_header(good_bytes, hostile))
    assert refusal(tmp_path / MODEL_NAME).isprintable()


def test_a_format_of_the_future_is_named(good_bytes, tmp_path):
    """A file of a newer program is refused by its format, not as damaged JSON."""
    newer = good_bytes.replace(b'"charrnn 1"', b'"charrnn 2"')
    assert newer != good_bytes
    (tmp_path / MODEL_NAME).write_bytes(newer)
    message = refusal(tmp_path / MODEL_NAME)
    assert "'charrnn 2'" in message
    assert "'charrnn 1'" in message


class Touch:
    """What a pickle runs when it is loaded: it creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        """Have the file opened for writing."""
        return (open, (str(self.path), "w"))


def test_a_pickle_is_refused_and_not_run(tmp_path):
    """A pickle under the name of a model is refused, and what it would run does not run."""
    marker = tmp_path / "marker"
    data = pickle.dumps(Touch(marker))
    (tmp_path / MODEL_NAME).write_bytes(data)
    refusal(tmp_path / MODEL_NAME)
    assert not marker.exists()
    pickle.loads(data).close()
    assert marker.exists()  # it would have been seen


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\0" * 8,
        b"\xff" * 8,
        b"\xff" * 4096,
        b"A text, long enough to be mistaken for a header.\n" * 100,
        b"PK\x03\x04" + b"\0" * 100,
    ],
    ids=["empty", "byte", "no-header", "length", "ones", "text", "zip"],
)
def test_a_file_of_another_kind_is_refused(tmp_path, data):
    """Files that no model writer made are refused, the empty one too."""
    (tmp_path / MODEL_NAME).write_bytes(data)
    refusal(tmp_path / MODEL_NAME)


def test_a_missing_file_is_refused_by_name(tmp_path):
    """Where there is no file, the message says so and what to do."""
    message = refusal(tmp_path / "none.safetensors")
    assert "no such model" in message
    assert "-m" in message


def test_what_is_no_file_is_refused(tmp_path):
    """Folders, pipes without a writer, devices without an end and circular links are refused."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "circle"):
        refusal(path)


def next_descriptor() -> int:
    """Return the number that the next opened file gets: the lowest that is free."""
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def test_a_refused_path_stays_not_open(good_bytes, tmp_path):
    """Neither a folder, nor a pipe, nor a damaged file is left open after it was refused."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / MODEL_NAME).write_bytes(good_bytes[:-1])
    for path in (tmp_path / MODEL_NAME, tmp_path / "pipe", tmp_path):
        before = next_descriptor()
        refusal(path)
        assert next_descriptor() == before, path


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """The folder ``runs`` below an empty current folder, with no model in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(MODEL_VARIABLE, raising=False)
    (tmp_path / "runs").mkdir()
    return Path("runs")


@pytest.fixture
def write_run(make_checkpoint):
    """Return a function that writes a run directory and returns its model file."""

    def write(run: Path, **about) -> Path:
        run.mkdir(parents=True)
        path = run / MODEL_NAME
        tiny = functools.partial(make_checkpoint, "rnn", hidden_size=1, embedding_size=1)
        write_checkpoint(path, tiny(characters="ab", **about))
        return path

    return write


def test_a_model_is_found_by_file_and_by_folder(runs, write_run):
    """Both a model file and its run directory name the model."""
    path = write_run(runs / "one", trained_at=1.0)
    assert find_model(str(path)) == path
    assert find_model(str(path.parent)) == path


def test_a_folder_without_a_model_is_refused(runs, write_run):
    """A folder without a model raises, even if another run could be found."""
    write_run(runs / "one", trained_at=1.0)
    with pytest.raises(CheckpointError, match=r"'runs': no model\.safetensors .*run directory"):
        find_model("runs")


def test_the_environment_names_a_model(runs, write_run, monkeypatch):
    """The variable stands for the option, goes before the runs, and gives way to the option."""
    write_run(runs / "latest", trained_at=9.0)
    chosen = write_run(runs / "chosen", trained_at=1.0)
    other = write_run(runs / "other", trained_at=2.0)
    monkeypatch.setenv(MODEL_VARIABLE, str(chosen.parent))
    assert find_model(None) == chosen
    assert find_model(str(other)) == other
    monkeypatch.setenv(MODEL_VARIABLE, "")
    assert find_model(None) == runs / "latest" / MODEL_NAME


def test_the_run_trained_last_is_found_by_its_own_time(runs, write_run):
    """The time in the model file decides; that of the file, which a copy changes, does not."""
    for name, trained_at, modified in [("a", 5.0, 10), ("b", 7.0, 1), ("c", 6.0, 20)]:
        path = write_run(runs / name, trained_at=trained_at)
        os.utime(path, (modified, modified))
    assert find_model(None) == runs / "b" / MODEL_NAME


def test_without_a_run_the_message_says_what_to_do(runs):
    """With no model anywhere, the one line names the way to train one and the option."""
    for _ in range(2):
        with pytest.raises(CheckpointError) as caught:
            find_model(None)
        message = str(caught.value)
        assert "charrnn train" in message
        assert "-m" in message
        assert len(message.splitlines()) == 1
        if runs.exists():
            runs.rmdir()  # the second time there is not even the folder


def say_trained_at(data: bytes, value: str) -> bytes:
    """Return a model file of which the time of training is any JSON."""
    header = json.loads(data[LENGTH_BYTES : header_end(data)])
    header["__metadata__"]["about"] = f'{{"trained_at": {value}}}'
    return with_header(data, json.dumps(header).encode())


DAMAGES = {
    "empty": lambda _: b"",
    "cut": lambda data: data[:-1],
    "text": lambda _: b"no model at all\n" * 9,
    "pickle": lambda _: pickle.dumps({"trained_at": 9e9}),
    "nan": lambda data: say_trained_at(data, "NaN"),
    "infinite": lambda data: say_trained_at(data, "Infinity"),
    "huge": lambda data: say_trained_at(data, "9" * 400),
    "list": lambda data: say_trained_at(data, "[9]"),
    "nested": lambda data: say_trained_at(data, "[" * 100_000 + "]" * 100_000),
}


@pytest.mark.parametrize("name", ["a-damaged", "z-damaged"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_run_is_passed_over(runs, write_run, damage, name):
    """Among good runs a damaged one neither is chosen nor stops the search."""
    bad = write_run(runs / name, trained_at=9e9)
    write_run(runs / "m-old", trained_at=1.0)
    good = write_run(runs / "n-new", trained_at=2.0)
    bad.write_bytes(damage(bad.read_bytes()))
    assert find_model(None) == good


def test_what_is_no_file_is_passed_over(runs, write_run):
    """A folder or a dead link in the place of a model does not stop the search."""
    good = write_run(runs / "good", trained_at=1.0)
    (runs / "folder" / MODEL_NAME).mkdir(parents=True)
    (runs / "link").mkdir()
    (runs / "link" / MODEL_NAME).symlink_to("nowhere")
    (runs / "file").write_text("not a run")
    assert find_model(None) == good


def test_a_pipe_among_the_runs_does_not_stop_the_search(runs, write_run):
    """A pipe that nobody writes to, in the place of a model, is not waited for."""
    good = write_run(runs / "good", trained_at=1.0)
    (runs / "pipe").mkdir()
    os.mkfifo(runs / "pipe" / MODEL_NAME)
    # In a process of its own, because a search that waits can only be ended from outside.
    program = "from charrnn.model.checkpoint import find_model; print(find_model(None))"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        output, _ = process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail("the search waits for the pipe")
    assert output.strip() == str(good)
