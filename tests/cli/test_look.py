"""``charrnn look``: questions through the program, in pipes and on a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

LINE = "abcdé abc dé\n"


@pytest.fixture
def lines_file(tmp_path: Path) -> Path:
    """A text of 1,040 characters."""
    path = tmp_path / "lines.txt"
    path.write_text(LINE * 80, encoding="utf-8")
    return path


def test_why_this_character(invoke: Callable, cycle_model: Path, tmp_path: Path) -> None:
    """The model of a cycle is sure of the next character, and says which part said it."""
    (tmp_path / "cycle.txt").write_text("abcdé\nabcdé\n", encoding="utf-8")
    finished = invoke("look", "-q", "-m", str(cycle_model), "cycle.txt", "--at", "4")
    assert finished.code == 0
    first, second, *_ = finished.text.splitlines()
    assert first == 'character 4: "d" after abc'
    assert second.endswith("the likeliest")
    assert "Which part said" in finished.text
    assert re.search(r'^ +\+\d+\.\d{3}  "c" +1 back$', finished.text, re.MULTILINE)


def test_places_by_number_and_by_text_are_the_same(
    invoke: Callable, uniform_model: Path, lines_file: Path
) -> None:
    """The last character of what is found; and from the end backwards."""
    args = ["look", "-q", "-m", str(uniform_model), str(lines_file)]
    by_number = invoke(*args, "--at", "9")
    assert by_number.text == invoke(*args, "--find", "é abc").text
    assert by_number.text == invoke(*args, "--at", str(9 - len(LINE) * 80 - 1)).text


def test_json_has_the_parts(invoke: Callable, uniform_model: Path, lines_file: Path) -> None:
    """One object, whose parts add up."""
    args = ["-m", str(uniform_model), str(lines_file), "--at", "500", "--reach", "--json"]
    finished = invoke("look", "-q", *args)
    found = json.loads(finished.stdout)
    assert found["schema"] == 1
    for each in found["prediction"]["candidates"]:
        parts = [*each["networks"], *(part["adds"] for part in each["contexts"]), each["rest"]]
        assert sum(parts) == pytest.approx(each["prob"], abs=1e-6)
    assert len(found["prediction"]["moved"]) == 64
    assert set(found["reach"]["curves"]) == {
        "networks",
        "after shuffled text",
        "after foreign text",
        "with the memory",
    }


def test_the_overview_adds_up_to_the_evaluation(
    invoke: Callable, uniform_model: Path, lines_file: Path
) -> None:
    """Kinds of characters have the loss that ``eval`` measures."""
    found = json.loads(
        invoke("look", "-q", "-m", str(uniform_model), str(lines_file), "--json").stdout
    )
    measured = json.loads(
        invoke("eval", "-q", "-m", str(uniform_model), str(lines_file), "--json").stdout
    )
    kinds = found["models"][0]["kinds"]
    assert sum(kind["chars"] for kind in kinds) == measured["chars"]
    nats = sum(kind["nats"] for kind in kinds)
    assert nats / measured["chars"] == pytest.approx(measured["nats_per_char"], rel=1e-4)


def test_two_models_side_by_side(
    invoke: Callable, uniform_model: Path, cycle_model: Path, lines_file: Path
) -> None:
    """A column for each."""
    finished = invoke(
        "look", "-q", "-m", str(uniform_model), "-m", str(cycle_model), str(lines_file)
    )
    assert finished.code == 0
    assert "model 0" in finished.text
    assert "model 1, layer 0" in finished.text


def test_a_sample_is_looked_at_in_a_pipe(shell: Callable, cycle_model: Path) -> None:
    """``sample | look - --at -1``."""
    finished = shell(
        '"$@" sample "a" --echo -n 40 -q | "$@" look - --at -1 -q',
        env={"CHARRNN_MODEL": str(cycle_model)},
    )
    assert finished.code == 0, finished.stderr
    assert finished.text.startswith("character 41: ")


@pytest.mark.slow
def test_on_a_terminal_it_is_coloured_and_harmless(
    on_terminal: Callable, write_uniform: Callable, tmp_path: Path
) -> None:
    """The only escape sequences are our colours; control characters of the text are escaped."""
    model = write_uniform(tmp_path / "model", "\n\x07\x1babc]")
    (tmp_path / "bad").write_text("abc\x1b]0;a\x07\nab" * 9)
    args = ["look", "-q", "-m", str(model), str(tmp_path / "bad"), "--at", "60"]
    finished = on_terminal(*args)
    assert finished.code == 0
    left = re.sub(rb"\x1b\[(0|48;5;\d+;38;5;\d+)m", b"", finished.stdout)
    assert b"\x1b" not in left
    assert b"\x07" not in left


@pytest.mark.slow
def test_a_bar_shows_on_a_terminal_and_goes(
    on_terminal: Callable, uniform_model: Path, lines_file: Path
) -> None:
    """It is drawn, and taken away before the answer; -q leaves it out."""
    args = ["look", "-m", str(uniform_model), str(lines_file), "--reach"]
    assert b"looking" in on_terminal(*args).stdout
    assert b"looking" not in on_terminal(*args, "-q").stdout


def test_a_picture_and_a_page_are_written(
    invoke: Callable, uniform_model: Path, lines_file: Path, tmp_path: Path
) -> None:
    """Whole files; the picture is XML."""
    args = ["look", "-m", str(uniform_model), str(lines_file)]
    finished = invoke(*args, "--reach", "--svg", "reach.svg", "--html", "look.html")
    assert finished.code == 0
    ElementTree.parse(tmp_path / "reach.svg")
    assert (tmp_path / "look.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "'look.html'" in finished.stderr
    assert invoke(*args, "-q", "--html", "-").stdout == (tmp_path / "look.html").read_bytes()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--at", "0"], "--at: there is no character 0"),
        (["--at", "9999"], "--at: there is no character 9999; the text has 1,040"),
        (["--at", "1"], "--at: the first character is given"),
        (["--find", "xyz"], "--find: the text has no 'xyz'"),
        (["--find", ""], "--find: the text has no ''"),
        (["--at", "3", "--find", "a"], "--at and --find exclude each other"),
        (["--feature", "("], "--feature"),
        (["--units", "--feature", "("], "--feature: '(' is not a regular expression"),
        (["--svg", "a.svg"], "--svg: draws what --reach or --units finds"),
        (["--units"], "the search for units takes 8,000 or more"),
        (["--html", "no/folder.html"], "--html: no folder"),
        (["--reach", "--json", "--svg", "-"], "--svg: --json writes to stdout too"),
        (["--html", "a.html", "--json"], "--json: there is no question to answer"),
        (["--at", "5", "-m", "other"], "--model: only losses and gates are compared"),
    ],
)
def test_mistakes_are_one_line(
    invoke: Callable, uniform_model: Path, lines_file: Path, args: list[str], message: str
) -> None:
    """They name the option and say what to do."""
    finished = invoke("look", "-q", "-m", str(uniform_model), str(lines_file), *args)
    assert finished.code in (1, 2)
    (line,) = finished.error_lines
    assert line.startswith("charrnn: error: ")
    assert message in line
    assert finished.stdout == b""


def test_without_a_file_the_validation_text_is_read(charrnn: Callable, trained) -> None:
    """It stands beside the model."""
    finished = charrnn("look", "-q", "-m", str(trained.directory))
    assert finished.code == 0, finished.stderr
    assert "Where the loss is" in finished.text


def test_a_held_unit_changes_what_is_written(charrnn: Callable, trained) -> None:
    """The same seed writes another text; a value that changes nothing would be no hold."""
    args = ["sample", "-q", "-m", str(trained.directory), "--seed", "1", "-n", "200", "-t", "1"]
    free = charrnn(*args)
    held = charrnn(*args, "--set-unit", "0:3=1", "--set-unit", "0:5=-1")
    assert held.code == 0
    assert held.text != free.text
    assert held.text == charrnn(*args, "--set-unit", "0:5=-1", "--set-unit", "0:3=1").text


@pytest.mark.parametrize("unit", ["0", "0:1", "0:8=1", "1:0=1", "0:1=x", "0:1=nan", "-1:0=1"])
def test_units_that_are_not_there_are_refused(charrnn: Callable, trained, unit: str) -> None:
    """One line that names the option."""
    finished = charrnn("sample", "-q", "-m", str(trained.directory), "--set-unit", unit)
    assert finished.code == 2
    assert finished.stderr.startswith("charrnn: error: --set-unit: ")
    assert len(finished.error_lines) == 1
