"""A run directory has one training at a time, whatever becomes of the processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from charrnn.errors import RunError
from charrnn.training.run.directory import LOCK_NAME, RUN_NAMES, locked

HOLD = """
import sys, time, pathlib
from charrnn.training.run.directory import locked
with locked(pathlib.Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.readline()
"""


def holder(directory: Path) -> subprocess.Popen[bytes]:
    """Start a process that holds the lock until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"locked\n"
    return process


def test_a_second_process_is_told_who_is_first(tmp_path: Path) -> None:
    """The lock of a living process holds, and the error names the process; then it is free."""
    with holder(tmp_path) as process:
        with pytest.raises(RunError) as error, locked(tmp_path):
            pass
        message = str(error.value)
        assert f"process {process.pid} on {os.uname().nodename!r} is training here since" in message
        assert "\n" not in message
        process.communicate(b"\n", timeout=30)
    assert process.returncode == 0
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_dead_process_is_none(tmp_path: Path) -> None:
    """A process that was killed leaves a file, which does not stand in the way and then goes."""
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    assert json.loads((tmp_path / LOCK_NAME).read_bytes())["pid"] == process.pid
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK_NAME).read_bytes())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_the_lock_goes_when_the_block_fails(tmp_path: Path) -> None:
    """An error in the block frees the directory; a new one that stays empty goes."""
    new = tmp_path / "new"
    new.mkdir()
    with pytest.raises(ZeroDivisionError), locked(new, is_new=True):
        _ = 1 / 0
    assert not new.exists()
    new.mkdir()
    with locked(new, is_new=True):
        (new / "file").touch()
    assert [path.name for path in new.iterdir()] == ["file"]


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b'{"pid": 1e999}', b"\xff" * 9])
def test_any_words_in_the_file_are_survived(said: bytes, tmp_path: Path) -> None:
    """Whatever the file says, the second process ends with one line."""
    with holder(tmp_path) as process:
        (tmp_path / LOCK_NAME).write_bytes(said)
        with pytest.raises(RunError, match="another process is training here"), locked(tmp_path):
            pass
        process.communicate(b"\n", timeout=30)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A lock file that is a link to something else is not opened, nor written to."""
    target = tmp_path / "precious"
    target.write_text("words")
    run = tmp_path / "run"
    run.mkdir()
    (run / LOCK_NAME).symlink_to(target)
    with pytest.raises(OSError, match=r"\.lock"), locked(run):
        pass
    assert target.read_text() == "words"


def test_litter_of_killed_processes_is_removed(tmp_path: Path) -> None:
    """Temporary files and folders of the run go; all other hidden files stay."""
    own = [f".{name}.0123456789ab.tmp" for name in RUN_NAMES]
    others = [".config", ".corpus.npy", ".state.safetensors.old.tmp", ".model.safetensors.backup"]
    for name in own + others:
        (tmp_path / name).touch()
    for name in (".corpus.npy.a_0b1c2d", ".corpus.npy.mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "corpus.npy").touch()
    with locked(tmp_path):
        pass
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*others, ".corpus.npy.mine"}


@pytest.mark.slow
def test_many_processes_share_nothing(tmp_path: Path) -> None:
    """Four processes that take the lock in turn, again and again, are never two in it."""
    program = """
import sys, pathlib, os, time
from charrnn.errors import RunError
from charrnn.training.run.directory import locked
folder, done = pathlib.Path(sys.argv[1]), 0
while done < 25:
    try:
        with locked(folder):
            inside = os.open(folder / "inside", os.O_CREAT | os.O_EXCL)
            os.close(inside)
            os.unlink(folder / "inside")
            done += 1
    except RunError:
        time.sleep(0.001)
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, b"")
    assert list(tmp_path.iterdir()) == []
