"""A layer under all operations on files, that fails or kills the process at the Nth.

An operation is anything that changes a disk or may find it full: opening to write, writing,
flushing, truncating, syncing, changing permissions, linking, renaming, removing, making and
removing folders. Python's own functions for them are replaced, so everything that the program does
goes through the layer, by whatever library.

What is written is torn: of the bytes of a failing write the first half reaches the file.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

CHANGING = [
    *["fsync", "replace", "rename", "unlink", "remove", "link", "mkdir", "rmdir"],
    *["fchmod", "chmod", "truncate", "ftruncate", "pwrite", "write"],
]
NEED_SPACE = {"open", "write", "flush", "fsync", "link", "mkdir", "pwrite", "close"}


@dataclass
class Layer:
    """Counts operations and strikes at one of them.

    Attributes:
        strike_at: The number of the operation, from 1 on; 0 for none.
        strike: What is done there; it raises or does not return.
        lasts: Whether every later operation that needs room on the disk is struck as well.
        names: The operations so far.
        is_on: Whether operations are counted now.
    """

    strike_at: int
    strike: Callable[[], None]
    lasts: bool = False
    names: list[str] = field(default_factory=list)
    is_on: bool = True

    @property
    def has_struck(self) -> bool:
        """Whether the operation with this number was reached."""
        return 0 < self.strike_at <= len(self.names)

    def operation(self, name: str, before: Callable[[], object] = lambda: None) -> None:
        """Count an operation, and strike if it is its turn.

        Args:
            name: What it is.
            before: The part of it that is done all the same.
        """
        if not self.is_on:
            return
        self.names.append(name)
        number = len(self.names)
        is_late = self.lasts and number > self.strike_at > 0 and name in NEED_SPACE
        if number == self.strike_at or is_late:
            before()
            self.strike()


class _File:
    """A file open for writing whose operations go through the layer."""

    def __init__(self, file: Any, layer: Layer) -> None:
        self._file = file
        self._layer = layer

    def write(self, data: Any) -> int:
        def half() -> None:
            self._file.write(bytes(data)[: len(data) // 2] if not isinstance(data, str) else "")
            self._file.flush()

        self._layer.operation("write", half)
        return int(self._file.write(data))

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._layer.operation("flush")
        self._file.flush()

    def truncate(self, *size: int) -> int:
        self._layer.operation("truncate")
        return int(self._file.truncate(*size))

    def close(self) -> None:
        if not self._file.closed:
            self._file.close()

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextlib.contextmanager
def installed(layer: Layer) -> Iterator[Layer]:
    """Put a layer under all operations for a block."""
    kept = {name: getattr(os, name) for name in [*CHANGING, "open"]}
    kept_open = io.open

    def changing(name: str) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            layer.operation(name)
            return kept[name](*args, **more)

        return call

    def os_open(path: Any, flags: int, *args: Any, **more: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            layer.operation("open")
        return int(kept["open"](path, flags, *args, **more))

    def io_open(file: Any, mode: str = "r", *args: Any, **more: Any) -> Any:
        if not set(mode) & set("wax+"):
            return kept_open(file, mode, *args, **more)
        if not isinstance(file, int):
            layer.operation("open")
        return _File(kept_open(file, mode, *args, **more), layer)

    try:
        for name in CHANGING:
            setattr(os, name, changing(name))
        os.open = os_open  # type: ignore[assignment]
        io.open = io_open  # type: ignore[assignment]
        yield layer
    finally:
        layer.is_on = False
        for name, function in kept.items():
            setattr(os, name, function)
        io.open = kept_open


def fail(number: int) -> Callable[[], None]:
    """Return a strike that raises an error of the system."""

    def strike() -> None:
        raise OSError(number, os.strerror(number))

    return strike


def kill() -> None:
    """End this process as a power cut would: nothing of it runs any more."""
    os.kill(os.getpid(), signal.SIGKILL)


ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EACCES": errno.EACCES}


def failing_at_every(
    work: Callable[[], object], error: int, *, lasts: bool = False
) -> Iterator[tuple[Layer, BaseException | None]]:
    """Do a piece of work again and again, with an error at its first, second, ... operation.

    Args:
        work: What is done; it must be possible to do it again.
        error: The number of the error.
        lasts: Whether the disk stays full from there on.

    Yields:
        After each time the layer, and what the work raised. It ends when the work has fewer
        operations than that; the last time is one without an error.
    """
    number = 1
    while True:
        raised = None
        with installed(Layer(number, fail(error), lasts)) as layer:
            try:
                work()
            except Exception as problem:
                raised = problem
        yield layer, raised
        if not layer.has_struck:
            assert raised is None, raised
            return
        number += 1


def killed_at_every(work: Callable[[], object]) -> Iterator[tuple[int, bool]]:
    """Do a piece of work in a child again and again, killed at its first, second, ... operation.

    Yields:
        After each time the number of the operation, and whether the child was killed. It ends with
        the first that was not.
    """
    number = 1
    while True:
        child = os.fork()
        if child == 0:
            code = 3
            try:
                with installed(Layer(number, kill)):
                    work()
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        was_killed = os.WIFSIGNALED(status)
        assert was_killed or os.WEXITSTATUS(status) == 0, status
        yield number, was_killed
        if not was_killed:
            return
        number += 1
