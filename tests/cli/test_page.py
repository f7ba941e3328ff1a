"""``charrnn page``: a model as one page, through the program."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest


def test_a_page_is_written_and_its_loss_is_told(charrnn: Callable, trained, tmp_path: Path) -> None:
    """It is named after the run; what rounding costs stands on standard error and in the page."""
    finished = charrnn("page", "-m", str(trained.directory), cwd=tmp_path)
    assert finished.code == 0, finished.stderr
    assert finished.stdout == b""
    page = (tmp_path / "harbour.html").read_text(encoding="utf-8")
    size, losses = finished.error_lines
    assert "'harbour.html'" in size
    before, after = map(float, re.findall(r"\d\.\d{4}", losses))
    assert abs(before - after) < 0.01
    assert f"{after:.4f} nats" in page
    assert "Write with harbour" in page


def test_the_same_page_goes_to_standard_output(charrnn: Callable, trained, tmp_path: Path) -> None:
    """With another name, and without the memory."""
    args = ["page", "-q", "-m", str(trained.directory), "--name", "Boats & <co>", "--memory", "0"]
    finished = charrnn(*args, "-o", "-")
    assert charrnn(*args, "-o", "boats.html", cwd=tmp_path).stdout == b""
    assert finished.stdout == (tmp_path / "boats.html").read_bytes()
    assert finished.stderr == ""
    assert b"Boats &amp; &lt;co&gt;" in finished.stdout
    assert b'"name":"index"' not in finished.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--memory", "lots"], "--memory: invalid size"),
        (["-o", "no/folder.html"], "--out: no folder"),
        (["-o", "-", "--open"], "--open: a page on stdout cannot be opened"),
        (["-m", "nothing"], "nothing"),
    ],
)
def test_mistakes_are_one_line(invoke: Callable, args: list[str], message: str) -> None:
    """They name the option and say what to do."""
    finished = invoke("page", "-q", *args)
    assert finished.code in (1, 2)
    (line,) = finished.error_lines
    assert message in line
