"""On a real terminal: no text controls it, and its state is restored."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from charrnn.cli.output import Output, escape_controls, is_terminal

HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"
CONTROLS = [*range(9), *range(11, 32), 127]


def controls_in(data: bytes) -> set[int]:
    """Return the control characters in data, C1 included."""
    return {point for point in map(ord, data.decode()) if point in CONTROLS or 128 <= point < 160}


class Terminal:
    """A pseudo-terminal with both ends in this process."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.stream = os.fdopen(slave, "w")

    def arrived(self) -> bytes:
        """Return what has arrived; the kernel may deliver it late and in parts."""
        data = b""
        while select.select([self._master], [], [], 0.05 if data else 0.2)[0]:
            data += os.read(self._master, 4096)
        return data

    def close(self) -> None:
        """Close both ends."""
        self.stream.close()
        os.close(self._master)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal."""
    terminal = Terminal()
    yield terminal
    terminal.close()


def test_characters_leave_at_once(terminal: Terminal, monkeypatch) -> None:
    """A terminal receives each character before the next one is drawn."""
    monkeypatch.setattr(sys, "stdout", terminal.stream)
    output = Output()
    for character in "aé漢 \t":
        output.write(character.encode())
        assert terminal.arrived() == character.encode()


def test_bytes_arrive_when_they_make_a_character(terminal: Terminal, monkeypatch) -> None:
    """A character of several bytes arrives with its last byte."""
    monkeypatch.setattr(sys, "stdout", terminal.stream)
    output = Output()
    first, second = "é".encode()
    output.write(bytes([first]))
    assert terminal.arrived() == b""
    output.write(bytes([second]))
    assert terminal.arrived() == "é".encode()
    output.write(b"\xffa")
    assert terminal.arrived() == "\N{REPLACEMENT CHARACTER}a".encode()


@pytest.mark.parametrize(
    ("written", "arrived"),
    [
        (b"", ""),
        (b"a", "a\r\n"),
        (b"a\n", "a\r\n"),
        (b"a\n\xc3\xa9", "a\r\né\r\n"),
        (b"a\xc3", "a\N{REPLACEMENT CHARACTER}\r\n"),
    ],
    ids=["nothing", "open line", "ended line", "second line", "part of a character"],
)
def test_last_line_is_ended(
    written: bytes, arrived: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal shows all text, and the shell's prompt starts on a new line."""
    monkeypatch.setattr(sys, "stdout", terminal.stream)
    output = Output()
    output.write(written)
    output.close()
    assert terminal.arrived().decode() == arrived


def test_control_characters_are_escaped() -> None:
    """Control characters and direction marks are escaped as in Python."""
    for point in (*CONTROLS, *range(128, 160), 0x202E, 0x2067):
        shown = escape_controls(f"a{chr(point)}b")
        assert shown.isascii()
        assert shown.isprintable()
        assert shown == f"a{chr(point)!r}b".replace("'", "")


@pytest.mark.parametrize("text", ["a\nb\tc", "é漢🙂", "\\x1b", "\xa0", "नि", "👩\u200d🚀"])
def test_other_characters_are_left_alone(text: str) -> None:
    """Newlines, tabs and printable characters are unchanged."""
    assert escape_controls(text) == text


def test_closed_streams_are_no_terminals(tmp_path: Path) -> None:
    """A missing stream, a closed one or a file is not a terminal."""
    with (tmp_path / "file").open("w") as stream:
        assert not is_terminal(stream)
    assert not is_terminal(stream)
    assert not is_terminal(None)


def test_text_cannot_control_the_terminal(
    on_terminal: Callable, write_cycle: Callable, tmp_path: Path
) -> None:
    """A terminal receives control characters escaped, except newline and tab."""
    cycle = "\n\x1b]0;\x07\x9b\r\x00é\u202e\t\x7f"
    model = write_cycle(tmp_path / "control.safetensors", cycle)
    args = ["sample", "-q", "-m", str(model), "-n", str(len(cycle) - 1)]
    finished = on_terminal(*args)
    assert finished.code == 0
    assert finished.text == "\\x1b]0;\\x07\\x9b\\r\\x00é\\u202e\t\\x7f\n"
    assert not controls_in(finished.stdout)


def test_bytes_cannot_control_the_terminal(
    on_terminal: Callable, write_cycle: Callable, tmp_path: Path
) -> None:
    """A model of bytes cannot send control characters to a terminal."""
    model = write_cycle(tmp_path / "bytes.safetensors", "\n\x1b\x9b\xc2a\r\x07", is_bytes=True)
    finished = on_terminal("sample", "-q", "-m", str(model), "-n", "7")
    assert finished.code == 0
    assert not controls_in(finished.stdout)
    assert finished.text == "\\x1b\ufffd\ufffda\\r\\x07\n"


@pytest.mark.parametrize("word", ["[red]", "[/x]"])
def test_markup_is_text(word: str, on_terminal: Callable, write_cycle: Callable, tmp_path) -> None:
    """Text that looks like markup is printed literally."""
    model = write_cycle(tmp_path / "markup.safetensors", f"\n{word}")
    length = str(2 * len(word) + 2)
    finished = on_terminal("sample", "-q", "-m", str(model), "-n", length)
    assert finished.text == f"{word}\n{word}\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (["sample", "-m", "\x1b[2J\x07.st"], "'\\x1b[2J\\x07.st': no such model"),
        (["eval", "-m", "a\nb\x9b"], "'a\\nb\\x9b': no such model"),
        (["train", "\x1b]0;owned\x07.txt"], "'\\x1b]0;owned\\x07.txt': no such file"),
        (["train", "x", "--time", "\x1b[31m"], "--time: invalid duration '\\x1b[31m'"),
        (["sample", "--\x1b[31m"], "--\\x1b[31m"),
    ],
    ids=["model", "line end", "corpus", "time", "option"],
)
def test_error_cannot_control_the_terminal(
    args: list[str], shown: str, on_terminal: Callable, tmp_path: Path
) -> None:
    """An error about any argument is one line, with control characters escaped."""
    (tmp_path / "x").write_text("text")
    finished = on_terminal(*args, cwd=tmp_path)
    assert finished.code in (1, 2)
    arrived = re.sub(rb"\x1b\[(\?25[lh]|2K)|\r", b"", finished.stdout)  # of a bar that never began
    assert not controls_in(arrived)
    (line,) = arrived.decode().splitlines()
    assert line.startswith("charrnn: error: ")
    assert shown in line


def test_prompt_in_an_error_is_escaped(on_terminal: Callable, cycle_model: Path) -> None:
    """An error escapes a control character of the prompt."""
    finished = on_terminal("sample", "-q", "-m", str(cycle_model), "a\x1b[2J")
    assert not controls_in(finished.stdout)
    assert "never saw '\\x1b' (U+001B), character 2" in finished.text


@pytest.mark.slow
def test_training_draws_a_bar_and_gives_the_terminal_back(
    on_terminal: Callable, tiny: list[str], tmp_path: Path
) -> None:
    """Training restores the cursor, and no text that it shows controls the terminal."""
    name = "[red]\x1b[2J.txt"
    (tmp_path / name).write_text("\x1b]0;owned\x07 \x9b[/x]\n" * 200, encoding="utf-8")
    args = ["train", name, "--steps", "3", "--preview-every", "0.001s", *tiny]
    finished = on_terminal(*args, cwd=tmp_path)
    assert finished.code == 0
    arrived = finished.stdout
    assert arrived.count(HIDE) == arrived.count(SHOW) == 1
    assert arrived.index(HIDE) < arrived.index(SHOW)
    assert b"\x1b[2J" not in arrived
    plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]|\r", b"", arrived)  # without what Rich draws with
    assert not controls_in(plain)
    shown = plain.decode()
    assert "reading '[red]\\x1b[2J.txt'" in shown
    # The bar, of which only the text is left here, may stand before it on its line.
    assert re.search(r"  \| .*\\x(07|1b|9b)", shown), "no preview was shown"
    assert "━" in shown
    # A name in quotes that was escaped before is escaped no further.
    assert "the model is 'runs/[red]\\x1b[2J/model.safetensors'" in shown


@pytest.mark.slow
@pytest.mark.parametrize("args", [["--quiet"], []], ids=["quiet", "dumb"])
def test_training_draws_nothing_unasked(
    args: list[str], on_terminal: Callable, tiny: list[str], tmp_path: Path
) -> None:
    """On a dumb terminal and with -q, training writes plain lines at most."""
    (tmp_path / "sea.txt").write_text("the sea\n" * 200)
    finished = on_terminal(
        *["train", "sea.txt", "--steps", "3", *tiny, *args],
        cwd=tmp_path,
        env={"FORCE_COLOR": "1"} if args else {"FORCE_COLOR": "1", "TERM": "dumb"},
    )
    assert finished.code == 0
    assert not controls_in(finished.stdout)
    assert bool(finished.text) is not bool(args)


def test_training_into_a_pipe_is_plain(trained) -> None:
    """A pipe receives plain lines, even with FORCE_COLOR."""
    stderr = trained.finished.stderr.encode()
    assert not controls_in(stderr)
    assert b"\r" not in stderr
    assert re.search(r"^ 33%  step 1  epoch .* left$", trained.finished.stderr, re.MULTILINE)


def test_json_on_a_terminal_is_one_line(on_terminal: Callable, trained) -> None:
    """On a terminal too, the JSON of eval is one line."""
    finished = on_terminal("eval", "--json", "-q", "-m", str(trained.directory))
    assert finished.code == 0
    assert len(finished.text.splitlines()) == 1


def test_text_and_notice_do_not_mix(on_terminal: Callable, cycle_model: Path) -> None:
    """The line about the model ends before the text begins."""
    finished = on_terminal("sample", "-m", str(cycle_model), "-n", "5", "--seed", "1")
    assert finished.text == f"charrnn: model {str(cycle_model)!r}, seed 1\nabcdé\n"


def test_help_fits_a_narrow_terminal(start: Callable) -> None:
    """The help has no line of more than 80 characters and no control character."""
    with start("train", "--help", stderr=subprocess.DEVNULL) as process:
        shown, _ = process.communicate(timeout=60)
    assert max(map(len, shown.decode().splitlines())) <= 80
    assert not controls_in(shown)
