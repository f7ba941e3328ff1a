"""A file name is any bytes but NUL and slash; every command takes it or refuses it in one line."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

NAMES = {
    "not UTF-8": b"caf\xe9\xff.txt",
    "newline": b"two\nlines.txt",
    "escape": "\x1b[31mred\x9b.txt".encode(),
    "dash": b"-n",
    "longest": b"n" * 251 + b".txt",
    "right to left": "\u202etxt.exe\u2028".encode(),
}
# All have the odd name: FILE is a text, BAD is not, FOLDER holds one, MODEL is a model, OUT is new.
COMMANDS = {
    "eval": "eval -m plain -- FILE",
    "eval of two files by file": "eval -m plain --by file -- FILE b.txt",
    "eval by line as JSON": "eval -m plain --by line --json -- FILE",
    "eval by character": "eval -m plain --by char --sort -- FILE",
    "eval as heat": "eval -m plain --heat -- FILE b.txt",
    "eval of a folder": "eval -m plain -- FOLDER",
    "eval with a model": "eval --model=MODEL b.txt",
    "eval of a missing file": "eval -m plain -- OUT",
    "sample": "sample --model=MODEL -n 3",
    "sample without a model": "sample --model=OUT -n 3",
    "sample with a prompt": "sample -m plain -n 3 --prompt-file=FILE",
    "info": "info -- MODEL",
    "info as JSON": "info --json -- MODEL",
    "info of a text": "info -- FILE",
    "eval to HTML": "eval -m plain --html=OUT b.txt",
    "eval to SVG": "eval -m plain --svg=OUT b.txt",
    "info with a plot": "info --plot=OUT -- plain",
    "corpus that is not text": "train -q -o run --steps 1 -- BAD",
    "corpus": "train -q -o run --steps 1 -- FILE",
    "validation text": "train -q -o run --steps 1 --val=FILE b.txt",
    "run directory": "train -q --out=OUT --steps 1 b.txt",
    "first weights": "train -q -o run --steps 1 --init-from=MODEL b.txt",
    "resume": "train -q --resume --out=OUT",
}
TEXT = b"abcd\xc3\xa9\n" * 40


@pytest.fixture
def run(tmp_path: Path, cycle_model: Path, invoke: Callable, tiny: list[str]) -> Callable:
    """Run a command with an odd name for a text, a model, a folder, and a path to write to."""

    def run_command(command: str, name: bytes) -> object:
        odd = os.fsdecode(name)
        (tmp_path / "b.txt").write_bytes(TEXT)
        shutil.copy(cycle_model, tmp_path / "plain")
        if "MODEL" in command:
            shutil.copy(cycle_model, tmp_path / odd)
        elif "FILE" in command or "BAD" in command:
            (tmp_path / odd).write_bytes(TEXT if "FILE" in command else b"\xff")
        elif "FOLDER" in command:
            (tmp_path / odd).mkdir()
            (tmp_path / odd / os.fsdecode(name[:-4] + b".txt")).write_bytes(TEXT)
        # The path is relative, so that a leading dash is the first byte that the program sees.
        words = [
            re.sub("FILE|BAD|FOLDER|MODEL|OUT", lambda _: odd, word) for word in command.split()
        ]
        if words[0] == "train":
            words[1:1] = tiny
        return invoke(*words)

    return run_command


@pytest.mark.parametrize(
    ("command", "name"),
    [
        pytest.param(command, name, id=f"{what}-{which}")
        for what, command in COMMANDS.items()
        for which, name in NAMES.items()
    ],
)
def test_a_command_takes_any_name(command: str, name: bytes, run: Callable) -> None:
    """The command succeeds, or one printable line names the mistake; it never raises."""
    finished = run(command, name)
    assert all(line.isprintable() for line in finished.error_lines), finished.stderr
    errors = [line for line in finished.error_lines if line.startswith("charrnn: error: ")]
    assert finished.code in (0, 1, 2)
    assert len(errors) == (finished.code != 0)
