"""The README agrees with the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import charrnn
from charrnn.cli.app import app
from charrnn.model.cells.registry import CELLS

COMMANDS = ("train", "sample", "eval", "look", "page", "info")
ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
GENERATED = re.compile(r"<!-- \[\[\[cog.*?<!-- \[\[\[end\]\]\] -->", re.DOTALL)
PROSE = GENERATED.sub("", README)


def commands(text: str) -> list[tuple[str, str]]:
    """Return the uses of the program in a text: the command and the rest of the line."""
    return re.findall(rf"charrnn ({'|'.join(COMMANDS)})\b([^\n`|]*)", text)


def unknown_options(text: str) -> set[str]:
    """Return the options that a text gives to commands whose help does not list them."""
    unknown = set()
    for command, rest in commands(text):
        help_text = CliRunner().invoke(app, [command, "--help"]).output
        for option in re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest):
            if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_text):
                unknown.add(f"{command} {option}")
    return unknown


def test_every_option_in_the_readme_exists() -> None:
    """The help of each command lists every option that the README gives to it."""
    assert {command for command, _ in commands(PROSE)} == set(COMMANDS)
    assert unknown_options(PROSE) == set()


def test_the_check_of_options_can_fail() -> None:
    """An option that never existed is reported."""
    assert unknown_options("charrnn sample --wings 2") == {"sample --wings"}


def test_the_shell_blocks_install_and_test() -> None:
    """``.ci/run`` runs the first block, which ends with a sample, and the second, which tests."""
    install, test = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert "constraints.txt" in install
    assert "constraints.txt" in test
    assert install.strip().endswith(".venv/bin/charrnn sample")
    assert test.strip().endswith(".venv/bin/pytest")


def test_python_example_uses_public_names() -> None:
    """The package exports every name that the Python example takes from it."""
    (example,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    names = set(re.findall(r"\bcharrnn\.(\w+)", example))
    assert names
    assert names <= set(charrnn.__all__)
    methods = set(re.findall(r"\bmodel\.(\w+)\(", example))
    assert methods
    assert all(hasattr(charrnn.Model, method) for method in methods)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_is_explained(cell: str) -> None:
    """The table of cells has a row for each."""
    assert f"| `{cell}` |" in README


def test_every_room_is_in_the_layout() -> None:
    """The layout names every package of charrnn."""
    layout = README.partition("## Layout")[2].partition("\n## ")[0]
    folders = [path.parent for path in ROOT.glob("charrnn/**/__init__.py")]
    assert {f"{folder.name}/" for folder in folders} <= set(layout.split())


def test_every_relative_link_leads_somewhere() -> None:
    """Links to files of the repository are not broken."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []
