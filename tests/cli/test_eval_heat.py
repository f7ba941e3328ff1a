"""``charrnn eval``: heat maps on a terminal and in pipes, pages and pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

LINES = "abé\n\ncab d\n漢漢漢\n"


@pytest.fixture
def lines_file(tmp_path: Path) -> Path:
    """A file of five lines."""
    path = tmp_path / "lines.txt"
    path.write_text(LINES, encoding="utf-8")
    return path


def test_heat_in_a_pipe_is_digits(
    invoke: Callable, uniform_model: Path, lines_file: Path, monkeypatch
) -> None:
    """Without a terminal, digits below the lines replace the colours."""
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    finished = invoke(
        "eval", "-q", "-m", str(uniform_model), str(lines_file), "--heat", "--no-memory"
    )
    assert b"\x1b" not in finished.stdout
    assert "\nab\u00e9\u21b5\n 333\n" in finished.text
    assert "bits per character        3.0000" in finished.text


@pytest.mark.slow
def test_heat_on_a_terminal_is_coloured_and_harmless(
    on_terminal: Callable, write_uniform: Callable, tmp_path: Path
) -> None:
    """The only escape sequences are our colours; control characters of the text are escaped."""
    model = write_uniform(tmp_path / "model", "\n\x07\x1babc]")
    (tmp_path / "bad").write_text("abc\x1b]0;a\x07\n")
    args = ["eval", "-q", "-m", str(model), str(tmp_path / "bad"), "--heat"]
    finished = on_terminal(*args)
    assert finished.code == 0
    left = re.sub(rb"\x1b\[(0|48;5;\d+;38;5;\d+)m", b"", finished.stdout)
    assert b"\x1b" not in left
    assert b"\x07" not in left
    assert b"\\x1b" in left
    assert b"\x1b" not in on_terminal(*args, env={"TERM": "dumb"}).stdout


def test_pages_and_pictures_are_written(
    uniform_model: Path, invoke: Callable, lines_file: Path, tmp_path: Path
) -> None:
    """Page and picture hold the loss that the table has."""
    args = ["eval", "-q", "-m", str(uniform_model), str(lines_file)]
    finished = invoke(*args, "--html", "out.html", "--svg", "out.svg")
    assert finished.code == 0
    assert finished.text == invoke(*args).text
    (bits,) = re.findall(r"^bits per character +(\S+)", finished.text, re.MULTILINE)
    for name in ("out.html", "out.svg"):
        written = (tmp_path / name).read_text(encoding="utf-8")
        assert "bits per character" in written
        assert bits in written
    assert "é" in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_a_page_of_nothing_is_not_left_behind(
    uniform_model: Path, invoke: Callable, tmp_path: Path
) -> None:
    """If nothing can be shown, the old page stays."""
    (tmp_path / "empty").write_text("")
    (tmp_path / "out.html").write_text("older")
    finished = invoke("eval", "-q", "-m", str(uniform_model), "empty", "--html", "out.html")
    assert finished.code == 1
    assert (tmp_path / "out.html").read_text() == "older"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_colours_can_be_asked_for_in_a_pipe(
    invoke: Callable, uniform_model: Path, lines_file: Path, monkeypatch
) -> None:
    """``--heat --color always | less -R`` shows colours; the option beats the environment."""
    args = ["eval", "-q", "-m", str(uniform_model), str(lines_file), "--heat", "--color"]
    assert b"\x1b[48;5;216" in invoke(*args, "always").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert b"\x1b[48;5;216" in invoke(*args, "always").stdout
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert b"\x1b" not in invoke(*args, "never").stdout
    assert b"\x1b[48;5;216" in invoke(*args, "auto").stdout


@pytest.mark.parametrize("option", ["--html", "--svg"])
def test_pages_and_pictures_go_to_standard_output(
    uniform_model: Path, invoke: Callable, lines_file: Path, tmp_path: Path, option: str
) -> None:
    """With ``-``, stdout holds exactly the content of the file."""
    args = ["eval", "-q", "-m", str(uniform_model), str(lines_file), option]
    assert invoke(*args, "out").code == 0
    assert invoke(*args, "-").stdout == (tmp_path / "out").read_bytes()
    assert not (tmp_path / "-").exists()
