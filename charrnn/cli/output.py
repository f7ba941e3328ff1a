"""Standard output and standard error: bytes for a pipe, a safe rendering for a terminal."""

import codecs
import contextlib
import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import typer

from charrnn.errors import CharRNNError, ConfigError
from charrnn.text.escaping import escape_controls, to_utf8

ColorMode = Literal["auto", "always", "never"]
"""The values of ``--color``."""

STDOUT = Path("-")
"""The path that means standard output."""

# Errors of a write to standard error: the reader has gone, the stream is closed, or a signal
# interrupted another write.
_LOST = (OSError, ValueError, RuntimeError)


class OutputError(CharRNNError):
    """Standard output cannot be written."""


def is_terminal(stream: Any) -> bool:
    """Return whether a stream is a terminal; a closed one is not."""
    return stream is not None and not stream.closed and bool(stream.isatty())


def wants_color(mode: ColorMode, stream: Any) -> bool:
    """Return whether to write colours to a stream, which is standard output or standard error.

    ``auto`` follows ``NO_COLOR`` (https://no-color.org), then ``FORCE_COLOR``, and else colours a
    terminal that can show them.
    """
    if mode != "auto":
        return mode == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM", "dumb") != "dumb"


def log(line: str) -> None:
    """Write one line to standard error; ignore a closed stream and a reader that has gone."""
    line = escape_controls(line).replace("\n", "\\n")
    with contextlib.suppress(*_LOST):
        if sys.stderr is not None:
            # Escape characters that the locale's encoding lacks.
            encoding = sys.stderr.encoding or "utf-8"
            print(line.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr)  # noqa: T201


class Stderr:
    """Standard error for Rich that ignores a terminal that has gone."""

    def __init__(self) -> None:
        """Take standard error before Rich replaces it."""
        self._stream = sys.stderr

    def __getattr__(self, name: str) -> Any:
        """Delegate everything else to standard error."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write; ignore a terminal that has gone."""
        with contextlib.suppress(*_LOST):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        with contextlib.suppress(*_LOST):
            self._stream.flush()


class Output:
    """Standard output for the product of a command, as UTF-8 whatever the locale.

    In a pipe the bytes are exact. On a terminal each write is flushed and control characters are
    escaped, because a model may generate any character.
    """

    def __init__(self) -> None:
        """Take standard output, or raise an ``OutputError`` if it is closed."""
        if sys.stdout is None:
            raise OutputError("standard output is closed; give it a file or a pipe")
        self._stream = sys.stdout.buffer
        self._is_terminal = is_terminal(sys.stdout)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._at_line_start = True

    def write(self, data: bytes) -> None:
        """Write UTF-8, or arbitrary bytes from a model of bytes."""
        if self._is_terminal:
            self._show(self._decoder.decode(data))
        else:
            self._send(data)

    def _show(self, text: str) -> None:
        """Write text to a terminal and flush."""
        if text:
            self._at_line_start = text.endswith("\n")
            self._send(to_utf8(escape_controls(text)))
            self.flush()

    def _send(self, data: bytes) -> None:
        """Write bytes to the stream."""
        with _stdout_errors():
            self._stream.write(data)

    def flush(self) -> None:
        """Flush the stream."""
        with _stdout_errors():
            self._stream.flush()

    def write_safe(self, text: str) -> None:
        """Write text that is already safe for a terminal and may contain our own colours."""
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
        """Write an object as one line of JSON and flush."""
        self.line(json.dumps(value, ensure_ascii=False, allow_nan=False))
        self.flush()

    def close(self) -> None:
        """Flush the stream; on a terminal, end the line for the next prompt."""
        if self._is_terminal:
            self._show(self._decoder.decode(b"", final=True))
            if not self._at_line_start:
                self._send(b"\n")
        self.flush()


@contextlib.contextmanager
def open_stdout() -> Iterator[Output]:
    """Open standard output for a command.

    Raises:
        OutputError: If it cannot be written.
        typer.Exit: With code 0 and no message, if the reader has gone.
    """
    output = Output()
    yield output
    output.close()


@contextlib.contextmanager
def _stdout_errors() -> Iterator[None]:
    """Turn errors of standard output into an error or a silent exit."""
    try:
        yield
    except BrokenPipeError:
        abandon_stdout()
        raise typer.Exit(0) from None
    except OSError as error:
        abandon_stdout()
        raise OutputError(f"standard output: {error.strerror}") from None


def abandon_stdout() -> None:
    """Discard the buffer of standard output, so that the interpreter does not report an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def check_output_path(parameter: str, path: Path | None) -> None:
    """Refuse a path that cannot be written, before any work; ``-`` and None are good.

    Raises:
        ConfigError: If the folder does not exist, or the path exists and is not a file.
    """
    if path is None or path == STDOUT:
        return
    if not path.parent.is_dir():
        raise ConfigError(f"`{parameter}`: no folder {str(path.parent)!r}; create it first")
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise ConfigError(f"`{parameter}`: {str(path)!r} is not a file; give the name of one")
