"""The commands of the README's section on sampling, run verbatim."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("\n## Sample\n")[2].partition("\n## ")[0]
COMMANDS = [
    command
    for command in re.findall(r"^\$ (.*charrnn sample.*)$", SECTION, re.MULTILINE)
    if "--novel" not in command  # which needs a model of a real text
]


def test_there_are_commands() -> None:
    """The section shows how to use the program."""
    assert len(COMMANDS) > 5


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_works(command: str, write_uniform: Callable, tmp_path: Path) -> None:
    """A command succeeds, reports no error and writes a text.

    Only the endless text is cut sooner, after 5,000 characters in place of 100,000.
    """
    if missing := [name for name in ("jq",) if f"{name} " in command and not shutil.which(name)]:
        pytest.skip(f"there is no {missing[0]} here")
    write_uniform(
        tmp_path / "runs/harbour/model.safetensors", "\n" + "".join(map(chr, range(32, 127)))
    )
    (tmp_path / "begin.txt").write_text("NELL:\n")
    program = f'set -e; charrnn() {{ "{sys.executable}" -m charrnn "$@"; }}\n{command}'.replace(
        "100000", "5000"
    )
    done = subprocess.run(
        ["sh", "-c", program], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert b"error" not in done.stderr
    written = done.stdout + b"".join(path.read_bytes() for path in tmp_path.glob("[ns]*.txt"))
    assert written
