"""Benchmarks use names that the package has; no other test runs them."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent.parent / "benchmarks").glob("*.py"))


def missing_names(source: str) -> list[str]:
    """Return the names that a script imports from charrnn but charrnn does not have."""
    return [
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("charrnn")
        for alias in node.names
        if not hasattr(importlib.import_module(node.module), alias.name)
    ]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_imports_what_exists(script: Path) -> None:
    """Every name that the script imports from the package exists."""
    assert missing_names(script.read_text(encoding="utf-8")) == []


def test_the_check_can_fail() -> None:
    """A name that never existed is reported."""
    assert missing_names("from charrnn.units import furlongs") == ["charrnn.units.furlongs"]
