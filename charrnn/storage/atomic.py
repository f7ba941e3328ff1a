"""Whole files or none: every file that must survive a crash is written here.

While a file is being written its bytes are in a temporary file beside it, ``.NAME.RANDOM.tmp``,
which the writer holds a lock on. A process that is killed leaves that file without the lock; the
next one to write the same name removes it.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def open_whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing so that it appears, or replaces an older one, whole or not at all.

    The bytes go to a temporary file in the same folder, to the disk, and then over the old file by
    one rename. The permissions are those that the umask gives any new file.

    Args:
        path: The file to create or replace. Its folder exists.

    Yields:
        The file to write to. If the block raises, the old file stays and nothing is left.

    Raises:
        OSError: If the folder is not writable or the disk is full.
    """
    remove_abandoned(path)
    descriptor, temporary = _make_temporary(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.fsync(file.fileno())
            temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, as ``open_whole`` does."""
    with open_whole(path) as file:
        file.write(data)


def link_whole(source: Path, path: Path) -> None:
    """Give a file a second name, or copy it where that cannot be.

    Args:
        source: A file that is never changed in place.
        path: Its new name; an older file of that name is replaced.

    Raises:
        OSError: If neither can be done.
    """
    with contextlib.suppress(OSError):  # the name is taken, another disk, no links here
        os.link(source, path)
        return
    with source.open("rb") as original, open_whole(path) as copy:
        shutil.copyfileobj(original, copy)


def _make_temporary(path: Path) -> tuple[int, Path]:
    """Make a file beside another for its bytes, and lock it."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        with contextlib.suppress(OSError):  # some network disks have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        os.close(descriptor)  # another process found it before it was locked, and removed it


def remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed while they wrote a file have left beside it."""
    prefix, suffix = f".{path.name}.", ".tmp"
    with contextlib.suppress(OSError):
        for found in path.parent.iterdir():
            if found.name.startswith(prefix) and found.name.endswith(suffix):
                _remove_unless_locked(found)


def _remove_unless_locked(path: Path) -> None:
    """Remove a temporary file that no living process writes to."""
    with contextlib.suppress(OSError):  # it is being written, or somebody else has removed it
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(descriptor)


def _umask() -> int:
    """Return the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
