"""Whole files or none: every file that must survive a crash is written here."""

import contextlib
import os
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
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
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


def _umask() -> int:
    """Return the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
