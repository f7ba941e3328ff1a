"""``charrnn eval``: rows, through real pipes, and what all views have in common."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import time
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


def test_by_line_gives_a_row_for_each_line(uniform_model: Path, charrnn: Callable) -> None:
    """Each line of stdin gives a row: nats, bits, number of characters, text."""
    finished = charrnn(
        *("eval", "-q", "-m", str(uniform_model), "-", "--by", "line", "--no-memory"),
        stdin=LINES.encode(),
    )
    assert finished.code == 0
    rows = [line.split("\t") for line in finished.text.splitlines()]
    assert [row[3] for row in rows] == LINES.splitlines()
    assert [int(row[2]) for row in rows] == [3, 1, 6, 4]  # the first character is given
    assert all(float(row[1]) == pytest.approx(3, abs=1e-3) for row in rows)
    assert float(rows[2][0]) == pytest.approx(18 * math.log(2), abs=1e-3)


@pytest.mark.parametrize("by", ["line", "char", "file"])
def test_rows_add_up_to_the_whole(
    trained, invoke: Callable, by: str, tmp_path: Path, text: str
) -> None:
    """The rows add up to the score of the file."""
    (tmp_path / "some.txt").write_text(text[:900], encoding="utf-8")
    args = ["eval", "-q", "-m", str(trained.directory), "some.txt", "--json"]
    whole = json.loads(invoke(*args).text)
    rows = [json.loads(line) for line in invoke(*args, "--by", by).text.splitlines()]
    if by == "char":
        nats = sum(row["bits"] or 0 for row in rows) * math.log(2)
        assert "".join(row["text"] for row in rows) == text[:900]
        assert sum(row["bits"] is not None for row in rows) == whole["chars"]
    else:
        nats = sum(row["nats"] for row in rows)
        assert sum(row["chars"] for row in rows) == whole["chars"]
    assert nats / whole["chars"] == pytest.approx(whole["nats_per_char"], rel=1e-9)
    assert all(row["schema"] == 1 and row["file"] == "some.txt" for row in rows)


def test_a_line_is_shown_when_it_is_complete(uniform_model: Path, start: Callable) -> None:
    """From a slow pipe, each row appears as soon as its line is complete."""
    args = ["eval", "-q", "-m", str(uniform_model), "-", "--by", "line"]
    with start(*args, stdin=subprocess.PIPE) as process:
        for line in ("abc", "a b c"):
            process.stdin.write(line[:2].encode())
            process.stdin.flush()
            time.sleep(0.05)
            process.stdin.write(line[2:].encode() + b"\n")
            process.stdin.flush()
            assert process.stdout.readline().decode().endswith(f"\t{line}\n")
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(30) == 0


def test_sorting_puts_the_most_surprising_first(
    cycle_model: Path, invoke: Callable, tmp_path: Path
) -> None:
    """Rows are sorted by bits per character, descending; ties keep their order."""
    (tmp_path / "log").write_text("abcdé\n" * 3 + "dbadc\n" + "abcdé\n" * 2, encoding="utf-8")
    args = ["eval", "-q", "-m", str(cycle_model), "log", "--by", "line", "--sort", "--json"]
    rows = [json.loads(line) for line in invoke(*args).text.splitlines()]
    assert rows[0]["text"] == "dbadc"
    bits = [row["bits_per_char"] for row in rows]
    assert bits == sorted(bits, reverse=True)
    equals = [row["line"] for row in rows if row["bits_per_char"] == bits[-1]]
    assert equals == sorted(equals)


def test_files_are_rows_of_their_own(uniform_model: Path, invoke: Callable, tmp_path) -> None:
    """Each file is a text of its own; its name is the last column."""
    (tmp_path / "one").write_text("abc")
    (tmp_path / "two").write_text("dab")
    rows = invoke("eval", "-q", "-m", str(uniform_model), "one", "two", "--by", "file").text
    assert [line.split("\t")[2:] for line in rows.splitlines()] == [["2", "one"], ["2", "two"]]


def test_nothing_in_is_nothing_out(uniform_model: Path, charrnn: Callable) -> None:
    """A filter of nothing succeeds and prints nothing."""
    args = ["eval", "-q", "-m", str(uniform_model), "-", "--by", "line"]
    finished = charrnn(*args, stdin=b"")
    assert (finished.code, finished.stdout, finished.stderr) == (0, b"", "")


def test_the_reader_of_rows_may_leave(shell: Callable, uniform_model: Path, tmp_path) -> None:
    """``head`` ends the command early, silently, with exit code 0."""
    (tmp_path / "long").write_text("abc d\n" * 50_000)
    line = '{ "$@"; echo "code $?" >&2; } | head -n 2'
    finished = shell(
        line, "eval", "-q", "-m", str(uniform_model), str(tmp_path / "long"), "--by", "line"
    )
    assert finished.error_lines == ["code 0"]
    assert len(finished.text.splitlines()) == 2


def test_a_full_disk_is_one_line(shell: Callable, uniform_model: Path, lines_file: Path) -> None:
    """A full disk is an error of one line."""
    args = ["eval", "-q", "-m", str(uniform_model), str(lines_file), "--by", "line"]
    finished = shell('"$@" > /dev/full', *args)
    assert finished.code == 1
    assert finished.error_lines == ["charrnn: error: standard output: No space left on device"]


def test_rows_are_utf_8_in_every_locale(
    charrnn: Callable, uniform_model: Path, lines_file: Path
) -> None:
    """The text of a row has the bytes of the file."""
    args = ["eval", "-q", "-m", str(uniform_model), str(lines_file), "--by", "line"]
    env = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    assert "\tab\u00e9\n".encode() in charrnn(*args, env=env).stdout


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["--sort"], "--sort"),
        (["--heat", "--json"], "--heat"),
        (["--heat", "--by", "line"], "--heat"),
        (["--html", "missing/page.html"], "--html"),
        (["--svg", "."], "--svg"),
        (["--html", "/dev/null"], "--html"),
        (["--by", "word"], "--by"),
        (["--top", "3"], "--top"),
        (["--by", "line", "--top", "0"], "--top"),
        (["--html", "-", "--by", "line"], "--html"),
        (["--svg", "-", "--json"], "--json"),
        (["--svg", "-", "--heat"], "--heat"),
        (["--html", "-", "--svg", "-"], "--svg"),
        (["--heat", "--color", "red"], "--color"),
    ],
    ids=str,
)
def test_wrong_usage_is_one_line(
    invoke: Callable, uniform_model: Path, lines_file: Path, args: list[str], word: str
) -> None:
    """Contradictory options are refused before anything is read."""
    finished = invoke("eval", "-m", str(uniform_model), str(lines_file), *args)
    assert (finished.code, finished.stdout) == (2, b"")
    (line,) = finished.error_lines
    assert word in line


def test_training_ends_with_baselines(trained, invoke: Callable) -> None:
    """Training ends with one line for each baseline, equal to those of eval."""
    lines = [line for line in trained.finished.error_lines if "for comparison" in line]
    names = [
        re.match(r"charrnn: for comparison, ([\w ]+): \d+\.\d{4} bits", line)[1] for line in lines
    ]
    assert names == ["uniform", "order 0", "order 2", "xz"]
    values = json.loads(invoke("eval", "-q", "--json", "-m", str(trained.directory)).text)
    for line, yardstick in zip(lines, values["yardsticks"], strict=True):
        assert f"{yardstick['bits_per_char']:.4f}" in line


def test_names_that_are_not_utf_8_do_no_harm(
    invoke: Callable, uniform_model: Path, tmp_path: Path
) -> None:
    """Every view can show any file name; JSON gives the exact name."""
    name = os.fsdecode(b"x\xff")
    for path in (tmp_path / name, tmp_path / "other"):
        path.write_text("ab\ncd\n")
    args = ["eval", "-q", "-m", str(uniform_model), str(tmp_path / name), str(tmp_path / "other")]
    page, picture = tmp_path / "page", tmp_path / "picture"
    for more in (["--by", "line", "--json"], ["--heat"], ["--html", page, "--svg", picture]):
        finished = invoke(*args, *map(str, more))
        assert (finished.code, finished.stderr) == (0, ""), more
        if "--json" in more:
            assert json.loads(finished.text.splitlines()[0])["file"].endswith(name)
        if "--heat" in more:
            assert "x\\udcff <==" in finished.text
    assert "x\\xff" in page.read_text(encoding="utf-8")
    assert "x\\xff" in picture.read_text(encoding="utf-8")


@pytest.mark.parametrize("view", [[], ["--by", "line"], ["--by", "char", "--json"], ["--heat"]])
def test_surrogates_in_a_text_do_no_harm(
    invoke: Callable, uniform_model: Path, tmp_path: Path, view: list[str]
) -> None:
    """Some encodings can spell lone surrogates; every view escapes them."""
    (tmp_path / "escaped").write_text("ab\\ud800cd\\n")
    args = ["eval", "-q", "-m", str(uniform_model), "escaped", "--encoding", "unicode_escape"]
    finished = invoke(*args, *view)
    assert (finished.code, finished.stderr) == (0, "")
    if view:
        assert "\\ud800" in finished.text


@pytest.mark.parametrize("by", ["line", "char"])
def test_the_top_rows_are_the_first_of_the_sorted_ones(
    cycle_model: Path, invoke: Callable, tmp_path: Path, by: str
) -> None:
    """``--top N`` gives what ``--sort | head -n N`` gives, ties included."""
    (tmp_path / "log").write_text("abcdé\n" * 3 + "dbadc\nba\n" + "abcdé\n" * 2, encoding="utf-8")
    args = ["eval", "-q", "-m", str(cycle_model), "log", "--by", by, "--json"]
    expected = invoke(*args, "--sort").text.splitlines()
    for top in (1, 3, 5, 1000):
        assert invoke(*args, "--top", str(top)).text.splitlines() == expected[:top]


@pytest.mark.parametrize("by", ["line", "char"])
def test_rows_of_several_files_name_their_places(
    uniform_model: Path, invoke: Callable, tmp_path: Path, by: str
) -> None:
    """With several files, each row has a column ``file:number``."""
    (tmp_path / "one").write_text("ab\nc")
    (tmp_path / "two").write_text("d")
    args = ["eval", "-q", "-m", str(uniform_model), "--by", by]
    rows = [row.split("\t") for row in invoke(*args, "one", "two").text.splitlines()]
    numbers = {"line": ["one:1", "one:2"], "char": ["one:1", "one:2", "one:3", "one:4"]}
    assert [row[-2] for row in rows] == [*numbers[by], "two:1"]
    rows = [row.split("\t") for row in invoke(*args, "two").text.splitlines()]
    assert len(rows[0]) == (4 if by == "line" else 2)


def test_the_end_of_a_document_is_shown(
    invoke: Callable, write_uniform: Callable, tmp_path: Path
) -> None:
    """A separator of several characters is one alternative, in JSON and on a page."""
    model = write_uniform(tmp_path / "model", "ab", separator="\n\n")
    (tmp_path / "documents").write_text("ab\n\nb\n\n")
    args = ["eval", "-q", "-m", str(model), "documents"]
    rows = [json.loads(row) for row in invoke(*args, "--by", "char", "--json").text.splitlines()]
    assert [row["index"] for row in rows] == list(range(1, len(rows) + 1))
    shares = [[part["share"] for part in row["parts"]] for row in rows if row["bits"] is not None]
    assert all(0.9 < sum(each) < 1.01 for each in shares)
    assert {text for text, _ in rows[0]["best"]} == {"a", "b", "\n\n"}
    assert invoke(*args, "--html", "page").code == 0
    assert "\u21b5\u21b5  33.3%" in (tmp_path / "page").read_text(encoding="utf-8")
