"""``docs/regenerate.py`` shortens an output as the old one was shortened."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parent.parent / "docs/regenerate.py"
OUTPUT = "title\nrow 1\nrow 2\nrow 3\nfound: 7\nnote\nend 9\n"


@pytest.fixture(scope="module")
def regenerate() -> ModuleType:
    """The script."""
    spec = importlib.util.spec_from_file_location("regenerate", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        ("title\nrow 5\n", OUTPUT),
        ("title\n...\nend 1\n", "title\n...\nend 9\n"),
        ("title\nrow 8\n...\n", "title\nrow 1\n...\n"),
        ("title\n...\nfound: 5\n...\n", "title\n...\nfound: 7\n...\n"),
        ("title\n...\nfound: 5\nnote\n...\nend 2\n", "title\n...\nfound: 7\nnote\n...\nend 9\n"),
        ("title\nrow 1\nrow 2\nrow 3\nfound: 7\nnote\n...\nend 9\n", OUTPUT),
    ],
    ids=["in full", "the end", "no end", "a part between", "a longer part", "nothing to leave out"],
)
def test_an_output_is_shortened_as_before(regenerate: ModuleType, old: str, expected: str) -> None:
    """Its beginning, its end, and the parts that begin alike."""
    assert regenerate.shortened(OUTPUT, old) == expected


def test_a_part_that_is_gone_is_named(regenerate: ModuleType) -> None:
    """An output that has changed in kind is for its author."""
    with pytest.raises(SystemExit, match="lost: 3"):
        regenerate.shortened(OUTPUT, "title\n...\nlost: 3\n...\n")


def test_the_outputs_of_a_block_are_replaced(regenerate: ModuleType, tmp_path: Path) -> None:
    """Of each command its own."""
    block = "$ echo 1; echo 2\nold\n...\n$ echo 3\n"
    assert regenerate.run_again(block, tmp_path) == "$ echo 1; echo 2\n1\n...\n$ echo 3\n3\n"
