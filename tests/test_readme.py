"""The README, held against the program."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from charrnn.cli.app import app
from charrnn.model.cells.registry import CELLS

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
OURS = README.partition("<!-- [[[cog")[0]  # what is not generated


def commands(text: str) -> list[tuple[str, str]]:
    """Return each command of the program in a text: its name and the rest of the line."""
    return re.findall(r"charrnn (train|sample|eval|info)\b([^\n`|]*)", text)


@pytest.mark.parametrize("command", ["train", "sample", "eval", "info"])
def test_every_option_that_the_readme_uses_exists(command: str) -> None:
    """No command of the README has an option that its help does not name."""
    help_text = CliRunner().invoke(app, [command, "--help"]).output
    used = [rest for name, rest in commands(OURS) if name == command]
    assert used
    for option in re.findall(r"(?<!\S)--?[a-z][a-z-]*", " ".join(used)):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_text), option


def test_the_check_of_options_can_fail() -> None:
    """An option that was never there is found out."""
    help_text = CliRunner().invoke(app, ["sample", "--help"]).output
    ((_, rest),) = commands("charrnn sample --wings 2")
    assert not re.search(r"(?<![\w-])--wings(?![\w-])", help_text)
    assert "--wings" in rest


def test_the_two_commands_are_there() -> None:
    """The first block of shell installs and ends with text, the second installs and tests."""
    install, test = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert "constraints.txt" in install
    assert "constraints.txt" in test
    assert install.strip().endswith(".venv/bin/charrnn sample")
    assert test.strip().endswith(".venv/bin/pytest")


def test_every_cell_is_explained() -> None:
    """Each cell that can be chosen has its row in the README."""
    for cell in CELLS:
        assert f"| `{cell}` |" in README


def test_every_folder_of_the_package_is_in_the_layout() -> None:
    """The layout names every room."""
    package = Path(__file__).parent.parent / "charrnn"
    layout = README.partition("## Layout")[2]
    for room in package.iterdir():
        if room.is_dir() and (room / "__init__.py").exists():
            assert f"{room.name}/" in layout
