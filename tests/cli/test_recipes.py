"""The recipes of the README, run as they stand there by a real shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("\n## Recipes for the shell\n")[2].partition("\n## ")[0]
RECIPES = re.findall(r"^\$ (.*)$", SECTION, re.MULTILINE)
LOG = "".join(f"Die Boote lagen {i} Tage still.\n" for i in range(100)) + "XyZzY%%$ 7\n"


@pytest.fixture
def folder(tmp_path: Path, trained) -> Path:
    """A folder as a user may have one: texts, runs, and programs to call."""
    shutil.copytree(trained.directory, tmp_path / "runs" / "harbour")
    for name in ("essay.txt", "b.txt", "app.log"):
        (tmp_path / name).write_text(LOG)
    programs = tmp_path / "bin"
    programs.mkdir()
    scripts = {
        "charrnn": f'exec {sys.executable} -m charrnn "$@"',
        "journalctl": f"cat {tmp_path}/app.log",
    }
    for name, line in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    return tmp_path


def test_there_are_recipes() -> None:
    """The section is found; an empty one would test nothing."""
    assert len(RECIPES) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_does_what_it_says(folder: Path, recipe: str) -> None:
    """Each of them succeeds, says nothing of an error, and writes something."""
    programs = re.findall(r"(?:^|\| )(\w+)", recipe)
    path = f"{folder}/bin:{os.environ['PATH']}"
    if missing := [program for program in programs if not shutil.which(program, path=path)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    env = {**os.environ, "PATH": path, "LESS": "-E"}
    env.pop("CHARRNN_MODEL", None)
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
    assert done.stdout
