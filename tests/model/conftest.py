"""Model files, whole and taken apart, and what a refusal must be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn.errors import CheckpointError
from charrnn.model.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from charrnn.model.predictor import Predictor

LENGTH_BYTES = 8  # of a safetensors file: how long its header is, little-endian


@pytest.fixture(scope="session")
def refusal() -> Callable[[Path], str]:
    """Return the message with which a file is refused: one line that begins with its name."""

    def message_of(path: Path) -> str:
        with pytest.raises(CheckpointError) as caught:
            read_checkpoint(path)
        message = str(caught.value)
        assert message.startswith(f"{str(path)!r}: ")
        assert len(message.splitlines()) == 1
        return message

    return message_of


@pytest.fixture(scope="session")
def is_equal() -> Callable[[Checkpoint, Checkpoint], bool]:
    """Return whether two checkpoints hold the same, weights and index bit for bit."""

    def parts(checkpoint: Checkpoint) -> tuple[Any, ...]:
        weights = {name: array.tobytes() for name, array in checkpoint.arrays.items()}
        index = None if checkpoint.index is None else checkpoint.index.followers.tobytes()
        return checkpoint.config, checkpoint.vocabulary, dict(checkpoint.about), weights, index

    return lambda one, other: parts(one) == parts(other)


@pytest.fixture(scope="session")
def check_state() -> Callable[[Predictor, Any], None]:
    """Check that two windows in a row predict what one long window does."""

    def check(network: Predictor, ids: Any) -> None:
        whole, _ = network.forward(ids, network.initial_state(3))
        _, state = network.forward(ids[:, :8], network.initial_state(3))
        rest, _ = network.forward(ids[:, 8:], state)
        np.testing.assert_allclose(rest, whole[:, 8:], atol=1e-6)

    return check


@pytest.fixture(scope="session")
def header_end() -> Callable[[bytes], int]:
    """Return where the header of a safetensors file ends."""
    return lambda data: LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")


@pytest.fixture(scope="session")
def header_of(header_end) -> Callable[[bytes], Any]:
    """Return the header of a safetensors file as a value."""
    return lambda data: json.loads(data[LENGTH_BYTES : header_end(data)])


@pytest.fixture(scope="session")
def with_header(header_end) -> Callable[[bytes, bytes], bytes]:
    """Return a model file with another header, its tensors as they are."""
    return lambda data, header: (
        len(header).to_bytes(LENGTH_BYTES, "little") + header + data[header_end(data) :]
    )


@pytest.fixture(scope="session")
def sealed() -> Callable[[Any, bytes], bytes]:
    """Return a file of a header and tensors, with the checksum that belongs to them."""

    def seal(header: Any, tensors: bytes) -> bytes:
        strings = {k: v for k, v in header["__metadata__"].items() if k != "sha256"}
        digest = hashlib.sha256(json.dumps(strings, sort_keys=True).encode() + tensors).hexdigest()
        whole = header | {"__metadata__": strings | {"sha256": digest}}
        data = json.dumps(whole).encode()
        return len(data).to_bytes(LENGTH_BYTES, "little") + data + tensors

    return seal


@pytest.fixture
def good(make_checkpoint) -> Checkpoint:
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
def good_bytes(make_checkpoint, tmp_path) -> bytes:
    """The bytes of a model file that is as small as one can be."""
    path = tmp_path / "good.safetensors"
    write_checkpoint(
        path,
        make_checkpoint("rnn", hidden_size=1, embedding_size=1, characters="ab", trained_at=1.5),
    )
    return path.read_bytes()
