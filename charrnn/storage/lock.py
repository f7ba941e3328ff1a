"""Locks between processes. The system releases a lock when its process ends, however it ends."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    _LOCKED_BYTE = 1 << 30  # far behind the content, because Windows also forbids reading it

    def _lock(descriptor: int, *, blocking: bool) -> None:
        """Lock an open file, or raise BlockingIOError."""
        mode = msvcrt.LK_LOCK if blocking else msvcrt.LK_NBLCK  # type: ignore[attr-defined]
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            while True:
                try:
                    msvcrt.locking(descriptor, mode, 1)  # type: ignore[attr-defined]
                    return
                except OSError as error:
                    if error.errno not in (errno.EACCES, errno.EDEADLK):
                        raise
                    if not blocking:  # LK_LOCK itself gives up after ten seconds
                        raise BlockingIOError(errno.EAGAIN, "locked by another process") from None
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)

else:

    def _lock(descriptor: int, *, blocking: bool) -> None:
        """Lock an open file, or raise BlockingIOError."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if blocking else fcntl.LOCK_NB))


def lock_file(
    path: Path, *, blocking: bool = False, notice: Callable[[str], None] = lambda _: None
) -> int:
    """Lock a file for this process, creating the file if necessary; others can still read it.

    The holder may remove the file while it holds the lock: whoever waits for the lock then creates
    a new file. With ``blocking``, wait for another holder. A notice says where the file system has
    no locks.

    Returns:
        An open descriptor for reading and writing. Closing it releases the lock.

    Raises:
        BlockingIOError: If another process holds the lock and ``blocking`` is False.
        OSError: If the file cannot be opened.
    """
    while True:
        descriptor = os.open(path, _FLAGS, 0o666)
        try:
            has_lock = lock_descriptor(descriptor, blocking=blocking)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    if not has_lock:
                        notice(
                            f"{str(path.parent)!r}: this file system has no locks; "
                            "make sure that no other process uses the directory"
                        )
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its last holder removed it before it was locked


def lock_descriptor(descriptor: int, *, blocking: bool = False) -> bool:
    """Lock an open file for this process.

    Returns:
        Whether it is locked: False where the file system has no locks, as on some network disks.

    Raises:
        BlockingIOError: If another process holds the lock and ``blocking`` is False.
    """
    try:
        _lock(descriptor, blocking=blocking)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    return True
