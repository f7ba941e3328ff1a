"""``charrnn sample`` and its streams: closed or full ones, readers that leave, and signals."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

MODEL_LINE = r"charrnn: model '[^']+', seed (\d+)"

needs_full_device = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="this system has no device that is always full"
)


def test_standard_input_is_not_read_unasked(start: Callable, uniform_model: Path) -> None:
    """Sampling leaves standard input unread."""
    reading, writing = os.pipe()
    os.write(writing, b"left")
    with start("sample", "-m", str(uniform_model), stdin=reading) as process:
        process.communicate(timeout=60)
    os.close(writing)
    assert process.returncode == 0
    assert os.read(reading, 10) == b"left"
    os.close(reading)


@pytest.mark.parametrize("length", ["100000", "-1"])
def test_reader_may_leave(length: str, shell: Callable, uniform_model: Path) -> None:
    """When the reader closes the pipe, sampling ends silently with success."""
    line = '{ "$@"; echo "code $?" >&2; } | head -c 10'
    finished = shell(line, "sample", "-m", str(uniform_model), "-n", length, "--seed", "1")
    assert len(finished.stdout) == 10
    model_line, code_line = finished.error_lines
    assert re.fullmatch(MODEL_LINE, model_line)
    assert code_line == "code 0"


def test_reader_may_be_gone_from_the_start(start: Callable, uniform_model: Path) -> None:
    """A pipe that is closed before the first character is not an error."""
    reading, writing = os.pipe()
    os.close(reading)
    with start("sample", "-q", "-m", str(uniform_model), stdout=writing) as process:
        os.close(writing)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")


def test_closed_standard_output_is_one_line(shell: Callable, uniform_model: Path) -> None:
    """A closed standard output is an error of one line."""
    finished = shell('"$@" >&-', "sample", "-q", "-m", str(uniform_model))
    assert finished.code == 1
    assert finished.error_lines == [
        "charrnn: error: standard output is closed; give it a file or a pipe"
    ]


@needs_full_device
@pytest.mark.parametrize("length", ["10", "100000"], ids=["at the end", "on the way"])
def test_full_disk_is_one_line(length: str, shell: Callable, uniform_model: Path) -> None:
    """A failed write to standard output is an error of one line."""
    args = ["sample", "-q", "-m", str(uniform_model), "-n", length]
    finished = shell('"$@" > /dev/full', *args)
    assert finished.code == 1
    (line,) = finished.error_lines
    assert line.startswith("charrnn: error: standard output: ")


def test_standard_error_may_be_closed(shell: Callable, cycle_model: Path) -> None:
    """A closed standard error is not an error."""
    finished = shell('"$@" 2>&-', "sample", "-m", str(cycle_model), "-n", "5")
    assert (finished.code, finished.text) == (0, "abcdé")


def test_standard_input_may_be_closed(shell: Callable, cycle_model: Path) -> None:
    """A closed standard input is an error only for the prompt -."""
    args = ["sample", "-q", "-m", str(cycle_model), "-n", "5"]
    assert shell('"$@" <&-', *args).text == "abcdé"
    finished = shell('"$@" <&-', *args, "-")
    assert (finished.code, finished.stdout) == (1, b"")
    assert finished.error_lines == ["charrnn: error: '-': standard input is closed"]


@pytest.mark.slow
def test_interrupt_ends_an_endless_text(start: Callable, uniform_model: Path) -> None:
    """SIGINT ends sampling silently with code 130 and keeps the text so far."""
    with start("sample", "-m", str(uniform_model), "-n", "-1") as process:
        first = process.stdout.read(20_000)
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(MODEL_LINE + "\n", errors.decode())
    assert len((first + rest).decode("utf-8", "ignore")) > 5000


def test_termination_ends_an_endless_text(start: Callable, uniform_model: Path) -> None:
    """SIGTERM ends sampling silently with code 143."""
    with start("sample", "-m", str(uniform_model), "-n", "-1", "-q") as process:
        process.stdout.read(100)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode in (143, -signal.SIGTERM)
    assert errors == b""
