"""Files that are not models: each is refused with one line, without running it or waiting."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from charrnn.model.checkpoint import MODEL_NAME


class Touch:
    """A pickle that creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        """Have the file opened for writing."""
        return (open, (str(self.path), "w"))


def test_a_pickle_is_refused_and_not_run(tmp_path, refusal):
    """A pickle named like a model is refused, and its code does not run."""
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
def test_a_file_of_another_kind_is_refused(tmp_path, data, refusal):
    """Files of other programs are refused, and so is an empty one."""
    (tmp_path / MODEL_NAME).write_bytes(data)
    refusal(tmp_path / MODEL_NAME)


def test_a_missing_file_is_refused_by_name(tmp_path, refusal):
    """A missing file gives a message that says what to do."""
    message = refusal(tmp_path / "none.safetensors")
    assert "no such model" in message
    assert "-m" in message


def test_what_is_no_file_is_refused(tmp_path, refusal):
    """Folders, pipes without a writer, devices without an end and circular links are refused."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "circle"):
        refusal(path)


def next_descriptor() -> int:
    """Return the descriptor that the next opened file gets: the lowest free one."""
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def test_a_refused_path_stays_not_open(good_bytes, tmp_path, refusal):
    """No refused folder, pipe or file stays open."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / MODEL_NAME).write_bytes(good_bytes[:-1])
    for path in (tmp_path / MODEL_NAME, tmp_path / "pipe", tmp_path):
        before = next_descriptor()
        refusal(path)
        assert next_descriptor() == before, path
