"""Saving on a disk that may refuse: training goes on, and what was refused is tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from charrnn.errors import RunError

Write = Callable[[], None]


@dataclass
class RetryingWriter:
    """What a run has to save, and has not been able to.

    Attributes:
        notice: Called with one line when a file cannot be saved, and when it can again.
    """

    notice: Callable[[str], None]
    _waiting: dict[str, Write] = field(default_factory=dict)
    _refused: dict[str, OSError] = field(default_factory=dict)

    def save(self, name: str, write: Write) -> None:
        """Save a file, or remember to.

        Args:
            name: What it is called; what waits under this name is superseded.
            write: Writes it whole or not at all. Called again, later, if it raises ``OSError``.
        """
        self._waiting[name] = write
        self._try(name)

    def retry(self) -> None:
        """Try again what was refused."""
        for name in list(self._waiting):
            self._try(name)

    def insist(self) -> None:
        """Try again what was refused.

        Raises:
            OSError: If something still is.
        """
        self.retry()
        for name in self._waiting:
            raise self._refused[name]

    def finish(self) -> None:
        """Try a last time.

        Raises:
            RunError: If something is still refused.
        """
        self.retry()
        if self._waiting:
            files = ", ".join(f"{name} ({_reason(self._refused[name])})" for name in self._waiting)
            raise RunError(
                f"not saved: {files}; what was saved before is whole; make room and train again"
            )

    def _try(self, name: str) -> None:
        """Try to save one file."""
        try:
            self._waiting[name]()
        except OSError as error:
            if name not in self._refused:  # once, not a hundred times
                self.notice(
                    f"warning: {name} could not be saved: {_reason(error)}; what was saved before "
                    "is kept, the training goes on, and it is tried again"
                )
            self._refused[name] = error
        else:
            del self._waiting[name]
            if self._refused.pop(name, None) is not None:
                self.notice(f"{name} is saved")


def _reason(error: OSError) -> str:
    """Return why a disk refuses."""
    return error.strerror or str(error)
