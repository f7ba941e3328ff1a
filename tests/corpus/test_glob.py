"""Patterns choose the files of a folder; several patterns add."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charrnn.corpus.find import find_files
from charrnn.errors import ConfigError, TextError


@pytest.mark.parametrize(
    ("glob", "text"),
    [
        (["*.txt", "*.md"], "<a.txt><c/b.md><c/d/e.txt>"),
        (["*.txt", "a.*"], "<a.txt><c/d/e.txt>"),
        (["**.txt"], "<a.txt><c/d/e.txt>"),
        (["**/*.txt"], "<a.txt><c/d/e.txt>"),
        (["c/**/e.*", "./a.*"], "<a.txt><c/d/e.txt>"),
        (["/*.txt"], "<a.txt>"),
        (["/c/*"], "<c/b.md>"),
        (["/c/**"], "<c/b.md><c/d/e.txt>"),
    ],
    ids=" ".join,
)
def test_patterns_add(
    read: Callable[..., Any], tmp_path: Path, glob: list[str] | str, text: str
) -> None:
    """A file is read once if any pattern matches; ``**`` and a leading ``/`` work as in Git."""
    (tmp_path / "c" / "d").mkdir(parents=True)
    for name in ("a.txt", "c/b.md", "c/d/e.txt"):
        (tmp_path / name).write_text(f"<{name}>")
    assert read(tmp_path, glob=tuple(glob)) == text


@pytest.mark.parametrize("glob", ["", "/", "."])
def test_a_pattern_without_a_name_is_refused(tmp_path: Path, glob: str) -> None:
    """A pattern that no file can match is a wrong option."""
    with pytest.raises(ConfigError, match="`glob`"):
        find_files([str(tmp_path)], [glob])


@pytest.mark.parametrize("glob", ["/x", "../*.txt", "["])
def test_a_pattern_that_matches_nothing_is_named(tmp_path: Path, glob: str) -> None:
    """A pattern outside the folder, or a broken one, matches nothing."""
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(TextError) as caught:
        find_files([str(tmp_path)], [glob])
    assert repr(glob) in str(caught.value)
