"""A real shell runs the recipes of docs/scoring.md, and each does what its comment promises."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs/scoring.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## Recipes\n")[2].partition("\n## ")[0]
RECIPES = re.findall(r"^\$ (.*)$", SECTION, re.MULTILINE)
STRANGE = "XyZzY%%$ 7"
LOG = "".join(f"Die Boote lagen {i} Tage still.\n" for i in range(30)) + f"{STRANGE}\n"
CSI = "\x1b["


def rows(output: str) -> list[list[str]]:
    """Split the rows of a table into columns: nats, bits per character, length, text."""
    return [line.split("\t") for line in output.splitlines()]


def assert_sorted(output: str) -> None:
    """The most surprising row comes first."""
    bits = [float(row[1]) for row in rows(output)]
    assert len(bits) > 1
    assert bits == sorted(bits, reverse=True)


def strange_lines(output: str) -> None:
    """The ten strangest lines of the log."""
    assert_sorted(output)
    assert len(rows(output)) == 10
    assert STRANGE in [row[3] for row in rows(output)]


def lines_above_3_bits(output: str) -> None:
    """Only lines above 3 bits per character, in the order of the log."""
    assert rows(output)
    assert all(float(row[1]) > 3 for row in rows(output))


def odd_file_first(output: str) -> None:
    """Every text file once, the least similar first."""
    assert_sorted(output)
    assert [row[3] for row in rows(output)] == ["odd.txt", "essay.txt"]


def surprise_in_colours(output: str) -> None:
    """The text, with colours that survive the pipe."""
    assert CSI in output
    assert "Die Boote lagen 0 Tage" in re.sub(r"\x1b\[[\d;]*m", "", output)


def surprising_characters(output: str) -> None:
    """Characters above 5 bits: the character, its bits, and what the model expected."""
    for line in output.splitlines():
        text, bits, best = json.loads(line)
        assert text in LOG
        assert bits > 5
        assert best


def learning_rate(output: str) -> None:
    """One number."""
    assert 0 < float(output) < 1


PROMISES: dict[str, Callable[[str], None]] = {
    "journalctl": strange_lines,
    "awk": lines_above_3_bits,
    "--by file": odd_file_first,
    "--heat": surprise_in_colours,
    "--by char": surprising_characters,
    "info": learning_rate,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, trained) -> Path:
    """A user's folder: texts, runs, and the programs that recipes call."""
    folder = tmp_path_factory.mktemp("recipes")
    shutil.copytree(trained.directory, folder / "runs" / "harbour")
    for name, text in {"essay.txt": LOG, "odd.txt": f"{STRANGE}\n" * 9, "app.log": LOG}.items():
        (folder / name).write_text(text)
    programs = folder / "bin"
    programs.mkdir()
    scripts = {
        "charrnn": f'exec {sys.executable} -m charrnn "$@"',
        "journalctl": f"cat {folder}/app.log",
    }
    for name, line in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    return folder


def test_every_recipe_has_its_promise() -> None:
    """Each recipe is held to exactly one promise, and no promise lacks a recipe."""
    found = [[key for key in PROMISES if key in recipe] for recipe in RECIPES]
    assert sorted(found) == sorted([key] for key in PROMISES)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_does_what_it_says(folder: Path, recipe: str) -> None:
    """The recipe succeeds, reports no error, and its output is what the page promises."""
    programs = re.findall(r"(?:^|\| )(\w+)", recipe)
    path = f"{folder}/bin:{os.environ['PATH']}"
    if missing := [program for program in programs if not shutil.which(program, path=path)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    env = {**os.environ, "PATH": path, "LESS": "-E"}
    for name in ("CHARRNN_MODEL", "NO_COLOR", "FORCE_COLOR"):
        env.pop(name, None)
    done = subprocess.run(
        ["sh", "-c", recipe],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
    (promise,) = (check for key, check in PROMISES.items() if key in recipe)
    promise(done.stdout)
