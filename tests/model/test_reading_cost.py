"""The cost of reading a file: bounded memory and time, whatever the file claims."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from charrnn.model.checkpoint import MODEL_NAME, write_checkpoint
from charrnn.storage.tensorfile import MAX_HEADER_BYTES, parse_json

pytestmark = pytest.mark.slow

MEGABYTE = 1 << 20
SLACK = 24 * MEGABYTE  # for the header, and for what an error message loads

READ = """
import resource, sys
from pathlib import Path
from charrnn.errors import CheckpointError
from charrnn.model.checkpoint import read_checkpoint
import json, hashlib, numpy
room = int(sys.argv[2])
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + room
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    found = read_checkpoint(Path(sys.argv[1]))
    print(sum(array.nbytes for array in found.arrays.values()))
except CheckpointError as error:
    print(str(error).splitlines()[0])
"""


def read_within(path, room):
    """Read a file in a process with a memory limit; return its output."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), str(int(room))],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=30,
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.fixture
def big(make_checkpoint, tmp_path):
    """A model file of some 60 MB."""
    path = tmp_path / MODEL_NAME
    checkpoint = make_checkpoint("rnn", hidden_size=1000, embedding_size=1000, num_layers=7)
    write_checkpoint(path, checkpoint)
    assert 50 * MEGABYTE < path.stat().st_size < 80 * MEGABYTE
    return path


def test_reading_takes_at_most_twice_the_size_of_the_file(big):
    """A good file is read within the limit; a much lower limit fails, so the limit works."""
    size = big.stat().st_size
    assert int(read_within(big, 2 * size)) > 0.99 * size
    assert "MemoryError" in read_within(big, 0.8 * size)


@pytest.mark.parametrize("damage", ["cut", "flip", "nan", "longer"])
def test_refusing_takes_at_most_twice_the_size_of_the_file(big, damage, make_checkpoint):
    """A damaged file is refused within the same limit."""
    size = big.stat().st_size
    with big.open("r+b") as file:
        match damage:
            case "cut":
                file.truncate(size - 1)
            case "longer":
                file.seek(size)
                file.write(b"\0")
            case "flip":
                file.seek(size // 2)
                file.write(b"\1\2\3\4")
    if damage == "nan":
        checkpoint = make_checkpoint("rnn", hidden_size=1000, embedding_size=1000, num_layers=7)
        arrays = checkpoint.arrays | {"output.bias": np.full(7, np.nan, np.float32)}
        write_checkpoint(big, dataclasses.replace(checkpoint, arrays=arrays))
    assert "not a whole charrnn model" in read_within(big, 2 * size)


HUGE = 8 << 30  # of nothing: a sparse file takes no room on the disk

STARTS = {
    "zeros": b"",
    "length": (100).to_bytes(8, "little") + b'{"__metadata__":{"format":"charrnn 1"}}'.ljust(100),
    "long-header": (1 << 32).to_bytes(8, "little") + b"{",
    "longest-header": MAX_HEADER_BYTES.to_bytes(8, "little") + b"[" * 4096,
    "text": b"Once upon a time there was a text of eight gigabytes.\n" * 100,
    "zip": b"PK\x03\x04" + bytes(26),
    "gzip": b"\x1f\x8b\x08\x00",
    "ones": b"\xff" * 4096,
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_huge_file_of_another_kind_is_not_read(start, tmp_path, refusal):
    """Eight gigabytes of something else are refused without reading them."""
    path = tmp_path / MODEL_NAME
    with path.open("wb") as file:
        file.write(start)
        file.truncate(HUGE)
    begin = time.perf_counter()
    refusal(path)
    assert time.perf_counter() - begin < 1
    assert "not a whole charrnn model" in read_within(path, SLACK)


HEADERS = {
    "lists": b"[" + b"[]," * 690_000 + b"[]]",
    "numbers": b"[" + b"0," * 1_000_000 + b"0]",
    "objects": b'{"a":[' + b"{}," * 690_000 + b"{}]}",
    "names": b"{" + b",".join(b'"%d":0' % i for i in range(150_000)) + b"}",
    "nested": b"[" * 2_000_000,
    "nested-objects": b'{"a":' * 400_000,
    "digits": b"9" * 2_000_000,
    "text": b'"' + b"a" * 2_000_000 + b'"',
    "wide-text": b'"\xf0\x9f\x98\x80' + b"a" * 2_000_000 + b'"',
    "escapes": b'"' + b"\\u005b" * 340_000 + b'"',
    "within": json.dumps(
        {"__metadata__": {"format": "charrnn 1", "config": "[" + "[]," * 600_000 + "[]]"}}
    ).encode(),
    "hidden": b'{"__metadata__":{"format":"charrnn 1","config":"' + b"\\u005b" * 340_000 + b'"}}',
    "arrays": b'{"__metadata__":{"format":"charrnn 1"},'
    + b",".join(b'"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % i for i in range(35_000))
    + b"}",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_cannot_take_much_memory_or_time(header, tmp_path, refusal):
    """The longest headers, with parts that expand to many times their length, are refused."""
    assert len(header) <= MAX_HEADER_BYTES
    path = tmp_path / MODEL_NAME
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    begin = time.perf_counter()
    refusal(path)
    assert time.perf_counter() - begin < 1
    assert "not a whole charrnn model" in read_within(path, SLACK)


def test_a_header_beyond_the_limit_is_refused_by_its_length(tmp_path, refusal):
    """A longer header is not read."""
    path = tmp_path / MODEL_NAME
    path.write_bytes((MAX_HEADER_BYTES + 1).to_bytes(8, "little") + b" " * (MAX_HEADER_BYTES + 1))
    assert "too long" in refusal(path)


def test_the_largest_model_has_a_header_within_the_limits(make_checkpoint, tmp_path):
    """Every vocabulary and number of layers that can be trained can be read."""
    characters = "".join(map(chr, range(0x10000, 0x20000)))  # of 12 letters each in JSON
    checkpoint = make_checkpoint(
        "mingru",
        block="residual",
        num_layers=64,
        hidden_size=1,
        embedding_size=1,
        characters=characters,
        has_unknown=True,
        ngrams=8,
        ngram_rows=1,
    )
    write_checkpoint(tmp_path / MODEL_NAME, checkpoint)
    data = (tmp_path / MODEL_NAME).read_bytes()
    assert int.from_bytes(data[:8], "little") < MAX_HEADER_BYTES
    assert read_within(tmp_path / MODEL_NAME, 2 * len(data) + SLACK).isdigit()


@pytest.mark.parametrize("text", ["[1, 2", '{"a": 1, "a": 2}', "NaN", "[" * 10_000, "[" * 40_000])
def test_json_that_is_none_is_a_value_error(text):
    """All JSON errors are one kind of error."""
    with pytest.raises(ValueError, match="its header"):
        parse_json(text)
