"""A lock admits one process at a time and ends with its process."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from charrnn.storage import lock
from charrnn.storage.lock import lock_file

HOLD = """
import sys
from pathlib import Path
from charrnn.storage.lock import lock_file
lock_file(Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Return a process that holds the lock of the file ``lock``."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"locked\n"
        yield process
        process.kill()


def test_second_holder_is_refused_until_the_first_is_killed(
    tmp_path: Path, holder: subprocess.Popen
) -> None:
    """A killed process leaves the file, but not the lock."""
    path = tmp_path / "lock"
    with pytest.raises(BlockingIOError):
        lock_file(path)
    holder.kill()
    holder.wait()
    os.close(lock_file(path))


def test_blocking_waits_for_the_holder(tmp_path: Path, holder: subprocess.Popen) -> None:
    """With ``blocking`` the call returns once the holder has ended."""
    threading.Timer(0.05, holder.kill).start()
    os.close(lock_file(tmp_path / "lock", blocking=True))
    assert holder.wait() != 0


def test_content_can_be_read_and_written(tmp_path: Path) -> None:
    """The descriptor reads and writes the lock file, whose content the lock leaves alone."""
    path = tmp_path / "lock"
    path.write_bytes(b"who")
    descriptor = lock_file(path)
    assert os.read(descriptor, 10) == b"who"
    os.write(descriptor, b"!")
    assert path.read_bytes() == b"who!"
    os.close(descriptor)


def test_removed_lock_file_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If its holder removes the file just before it is locked, the new file is locked instead."""
    path = tmp_path / "lock"
    locked = []

    def remove_once(descriptor: int, **_: bool) -> bool:
        if not locked:
            path.unlink()
        locked.append(descriptor)
        return True

    monkeypatch.setattr(lock, "lock_descriptor", remove_once)
    descriptor = lock_file(path)
    assert len(locked) == 2
    assert os.path.samestat(os.fstat(descriptor), path.stat())
    os.close(descriptor)


def test_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    """A link in the place of the lock file cannot make the program open another file."""
    (tmp_path / "lock").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"):
        lock_file(tmp_path / "lock")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(("number", "is_error"), [(errno.ENOLCK, False), (errno.EIO, True)])
def test_file_system_without_locks_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_error: bool
) -> None:
    """Without locks the call succeeds with a notice of one line; other errors are raised."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, "cannot lock")

    monkeypatch.setattr(lock, "_lock", fail)
    notices: list[str] = []
    if is_error:
        with pytest.raises(OSError, match="cannot lock"):
            lock_file(tmp_path / "lock", notice=notices.append)
    else:
        os.close(lock_file(tmp_path / "lock", notice=notices.append))
    assert len(notices) == (not is_error)
    assert all("no locks" in line and "\n" not in line for line in notices)
