"""README and docs agree with the program and with one another."""

from __future__ import annotations

import re
import subprocess
import sys
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
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
ALL = {"../README.md": README, **PAGES}
CONTENTS = re.findall(r"^\d+\. \[[^\]]+\]\(([^)]+)\)", PAGES["README.md"], re.MULTILINE)


def commands(text: str) -> list[tuple[str, str]]:
    """Return the uses of the program in a text: the command and the rest of the line."""
    text = re.sub(r"\$\(.*?\)", "", text)  # what other programs say
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


@pytest.mark.parametrize("name", ALL)
def test_every_option_exists(name: str) -> None:
    """The help of each command lists every option that a page gives to it."""
    assert unknown_options(GENERATED.sub("", ALL[name])) == set()


def test_the_readme_is_short() -> None:
    """It can be read before a model has trained, and shows every command."""
    assert len(README) <= 12_000
    assert {command for command, _ in commands(README)} == set(COMMANDS)


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
    assert f"| `{cell}` |" in PAGES["how-it-works.md"]


def test_every_room_is_in_the_layout() -> None:
    """The layout names every package of charrnn."""
    folders = [path.parent for path in ROOT.glob("charrnn/**/__init__.py")]
    assert {f"{folder.name}/" for folder in folders} <= set(PAGES["architecture.md"].split())


def test_the_contents_list_every_page() -> None:
    """Each page is there once."""
    assert sorted([*CONTENTS, "README.md"]) == sorted(PAGES)


def test_each_page_leads_to_the_next() -> None:
    """The last line of a page links to the page that the contents list after it."""
    for name, following in zip(CONTENTS, [*CONTENTS[1:], "README.md"], strict=True):
        assert f"]({following})" in PAGES[name].splitlines()[-1]


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(name: str, text: str) -> list[str]:
    """Return the links of a page to files or headings that are not there."""
    broken = []
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        target = (ROOT / "docs" / name).parent / path if path else ROOT / "docs" / name
        target = target.resolve()
        is_broken = not target.exists()
        if anchor and not is_broken:
            is_broken = anchor not in anchors(target.read_text(encoding="utf-8"))
        if is_broken:
            broken.append(link)
    return broken


@pytest.mark.parametrize("name", ALL)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    """Links to files of the repository and to headings are not broken."""
    assert broken_links(name, ALL[name]) == []


def test_the_check_of_links_can_fail() -> None:
    """A file and a heading that never existed are reported."""
    text = "[a](wings.md) [b](training.md#wings) [c](training.md#stop-and-resume)"
    assert broken_links("README.md", text) == ["wings.md", "training.md#wings"]


@pytest.mark.parametrize("name", ["loss", "processes"])
def test_pictures_of_figures_are_current(name: str) -> None:
    """A picture is what its script draws from the records."""
    drawn = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/pictures.py"), name],
        check=True,
        capture_output=True,
        text=True,
    )
    assert drawn.stdout == (ROOT / f"docs/pictures/{name}.svg").read_text(encoding="utf-8")


# These are notes: the course speaks of one model, and experiments are not repeated.
NOTES = ("understanding.md", "experiments.md", "## What was tried")


def untraced(name: str, text: str) -> list[str]:
    """Return the rows of tables with losses or shares that do not come from a record."""
    heading, rows = name, []
    for line in GENERATED.sub("", text).splitlines():
        if line.startswith("#"):
            heading = line
        if line.startswith("|") and re.search(r"\d\.\d{3}\b|\d %", line):
            rows += [] if {name, heading} & {*NOTES} else [line]
    return rows


@pytest.mark.parametrize("name", ALL)
def test_tables_of_figures_are_generated(name: str) -> None:
    """Every table of losses or shares is made from a file of ``benchmarks/results``, or a note."""
    assert untraced(name, ALL[name]) == []


def test_the_check_of_figures_can_fail() -> None:
    """A table that was typed is reported, one that was generated is not."""
    row = "| wings | 1.234 |"
    made = f"<!-- [[[cog x ]]] -->\n{row}\n<!-- [[[end]]] -->"
    assert untraced("memory.md", f"## Speed\n{row}\n{made}\n## What was tried\n{row}") == [row]
