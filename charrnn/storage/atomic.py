"""Atomic writes: after a crash a file holds either its old or its new content.

New content goes to a temporary file in the same folder, ``.NAME.RANDOM.tmp``, which its writer
locks. A killed process leaves that file unlocked, and the next writer of NAME removes it.
"""

import contextlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from charrnn.storage.lock import lock_descriptor

_RANDOM_BYTES = 6
_BINARY = getattr(os, "O_BINARY", 0)
_WITHOUT_WAITING = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@contextlib.contextmanager
def open_whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for an atomic write: it appears, or replaces an older file, when the block ends.

    The content goes to a temporary file in the same folder, is synced to the disk, and replaces the
    old file by one rename. If the block raises, the old file stays and the temporary file goes. The
    umask decides on the permissions, as for any new file.

    Raises:
        OSError: If the folder is not writable or the disk is full.
    """
    remove_abandoned(path)
    descriptor, temporary = _create_temporary(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            _sync(file.fileno())
            if os.name == "nt":  # Windows renames no open file, so the lock ends early there
                file.close()
            temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically; see ``open_whole``."""
    with open_whole(path) as file:
        file.write(data)


def link_whole(source: Path, path: Path) -> None:
    """Give a file, whose content never changes in place, a second name; an older file is replaced.

    It is a hard link, or a copy where no link is possible.

    Raises:
        OSError: If the copy fails as well.
    """
    with contextlib.suppress(OSError):  # the name exists, another disk, no links on this disk
        os.link(source, path)
        return
    with source.open("rb") as original, open_whole(path) as copy:
        shutil.copyfileobj(original, copy)


def remove_abandoned(path: Path) -> None:
    """Remove the temporary files that killed writers of a file left behind.

    Only regular files with a name that this module makes go, and only if no process locks them.
    """
    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{{2 * _RANDOM_BYTES}}}\.tmp")
    with contextlib.suppress(OSError):
        for file in path.parent.iterdir():
            if name.fullmatch(file.name):
                _remove_unless_locked(file)


def _create_temporary(path: Path) -> tuple[int, Path]:
    """Create and lock a temporary file next to ``path``; return its descriptor and its path."""
    while True:
        temporary = path.parent / f".{path.name}.{secrets.token_hex(_RANDOM_BYTES)}.tmp"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        with contextlib.suppress(OSError):  # without a lock the file is only less protected
            lock_descriptor(descriptor)
        if os.fstat(descriptor).st_nlink:
            return descriptor, temporary
        os.close(descriptor)  # another process took it for abandoned before it was locked


def _remove_unless_locked(path: Path) -> None:
    """Remove a temporary file that no living process writes to."""
    with contextlib.suppress(OSError):  # it is locked, or already removed
        if os.name == "nt":  # Windows removes no open file, so no lock is needed
            path.unlink()
            return
        descriptor = os.open(path, os.O_RDONLY | _WITHOUT_WAITING)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode) and lock_descriptor(descriptor):
                path.unlink()
        finally:
            os.close(descriptor)


def _sync(descriptor: int) -> None:
    """Write the content of a file to its disk."""
    os.fsync(descriptor)
    with contextlib.suppress(ImportError, OSError):  # macOS: fsync stops at the drive's cache
        from fcntl import F_FULLFSYNC, fcntl  # type: ignore[attr-defined]

        fcntl(descriptor, F_FULLFSYNC)


def _sync_folder(folder: Path) -> None:
    """Write the names in a folder to its disk, where the system can do that.

    By then the new file is in place, so an error is not a failed save.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
