"""Patterns choose the files of a folder; several patterns and several names add."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charrnn.corpus.find import find_files
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import build_corpus, open_corpus
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


def test_several_sources_are_one_text(tmp_path: Path, run: Path) -> None:
    """Files and folders are joined in order, and the split is made in the whole."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.md").write_text("b" * 30)
    (tmp_path / "folder" / "a.md").write_text("a" * 30)
    (tmp_path / "c").write_text("c" * 40)
    names = [str(tmp_path / "c"), str(tmp_path / "folder")]
    corpus = build_corpus(run, names, CorpusOptions(glob=("*.md",)))
    assert corpus.vocabulary.decode(corpus.ids) == "c" * 40 + "a" * 30 + "b" * 30
    assert corpus.num_train == 90


def test_sources_are_absolute(tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the text came from is kept so that it is found from any folder."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("the quick brown fox jumps over the lazy dog")
    (tmp_path / "val.txt").write_text("the quick brown fox jumps over the lazy dog")
    monkeypatch.chdir(tmp_path)
    with Path("val.txt").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        corpus = build_corpus(run, ["folder", "-"], CorpusOptions(val="val.txt"))
    resolved = tmp_path.resolve()
    expected = (str(resolved / "folder" / "a.txt"), "-", str(resolved / "val.txt"))
    assert corpus.sources == open_corpus(run).sources == expected
