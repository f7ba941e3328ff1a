"""Standard output and standard error: bytes for a pipe, a safe rendering for a terminal."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import typer

from charrnn.errors import CharRNNError
from charrnn.text.escaping import escape_controls as escape_controls
from charrnn.text.utf8 import to_utf8

ColorMode = Literal["auto", "always", "never"]
"""The values of ``--color``."""

# What a write to standard error raises if nobody listens, it is closed, or a signal interrupts
# another write to it.
_LOST = (OSError, ValueError, RuntimeError)


class OutputError(CharRNNError):
    """Standard output cannot be written."""


def is_terminal(stream: Any) -> bool:
    """Return whether a stream is a terminal; a closed one is not."""
    return stream is not None and not stream.closed and bool(stream.isatty())


def wants_color(mode: ColorMode, stream: Any) -> bool:
    """Return whether to write colours to a stream.

    Args:
        mode: What ``--color`` says. ``auto`` follows ``NO_COLOR`` (https://no-color.org), then
            ``FORCE_COLOR``, and else colours a terminal that can show them.
        stream: Standard output or standard error.
    """
    if mode != "auto":
        return mode == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM", "dumb") != "dumb"


def log(line: str) -> None:
    """Write one line to standard error; if nobody listens there, that is no error."""
    line = escape_controls(line).replace("\n", "\\n")
    with contextlib.suppress(*_LOST):
        if sys.stderr is not None:
            # Not every locale has every character: what it lacks is escaped.
            encoding = sys.stderr.encoding or "utf-8"
            print(line.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr)  # noqa: T201


class Stderr:
    """Standard error for Rich: when the terminal has gone, what is written is lost, no more."""

    def __init__(self) -> None:
        """Take standard error, before Rich puts something in its place."""
        self._stream = sys.stderr

    def __getattr__(self, name: str) -> Any:
        """Be standard error in all else."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, if anybody is there."""
        with contextlib.suppress(*_LOST):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Send what was written."""
        with contextlib.suppress(*_LOST):
            self._stream.flush()


class Output:
    """Standard output for the product of a command, as UTF-8 whatever the locale.

    In a pipe the bytes are exact. On a terminal they leave at once, and control characters are
    shown in Python's notation, because a model may make any of them.
    """

    def __init__(self) -> None:
        """Take standard output.

        Raises:
            OutputError: If it is closed.
        """
        if sys.stdout is None:
            raise OutputError("standard output is closed; give it a file or a pipe")
        self._stream = sys.stdout.buffer
        self._is_terminal = is_terminal(sys.stdout)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._at_line_start = True

    def write(self, data: bytes) -> None:
        """Write bytes of UTF-8, or of anything where a model of bytes made them."""
        if self._is_terminal:
            self._show(self._decoder.decode(data))
        else:
            self._send(data)

    def _show(self, text: str) -> None:
        """Write text to a terminal, at once."""
        if text:
            self._at_line_start = text.endswith("\n")
            self._send(to_utf8(escape_controls(text)))
            self.flush()

    def _send(self, data: bytes) -> None:
        """Hand bytes to the stream."""
        with _stdout_errors():
            self._stream.write(data)

    def flush(self) -> None:
        """Send what is in the buffer."""
        with _stdout_errors():
            self._stream.flush()

    def write_safe(self, text: str) -> None:
        """Write text that was made safe for a terminal already, with colours of our own in it."""
        if text:
            self._at_line_start = text.endswith("\n")
            self._send(to_utf8(text))

    def end_line(self) -> None:
        """End a line that ``write_safe`` left open."""
        if not self._at_line_start:
            self.write_safe("\n")

    def line(self, text: str) -> None:
        """Write one line of text."""
        self.write(to_utf8(f"{text}\n"))

    def json(self, value: Mapping[str, Any]) -> None:
        """Write an object as one line of JSON, at once."""
        self.line(json.dumps(value, ensure_ascii=False, allow_nan=False))
        self.flush()

    def close(self) -> None:
        """Send what is left; on a terminal, end the line for the next prompt."""
        if self._is_terminal:
            self._show(self._decoder.decode(b"", final=True))
            if not self._at_line_start:
                self._send(b"\n")
        self.flush()


@contextlib.contextmanager
def open_stdout() -> Iterator[Output]:
    """Give a command its output.

    Raises:
        OutputError: If it cannot be written.
        typer.Exit: With 0, in silence, if the reader has gone.
    """
    output = Output()
    yield output
    output.close()


@contextlib.contextmanager
def _stdout_errors() -> Iterator[None]:
    """Turn what can go wrong with standard output into an end of the command."""
    try:
        yield
    except BrokenPipeError:
        abandon_stdout()
        raise typer.Exit(0) from None
    except OSError as error:
        abandon_stdout()
        raise OutputError(f"standard output: {error.strerror}") from None


def abandon_stdout() -> None:
    """Send what is still in the buffer nowhere, so that the interpreter does not complain of it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
