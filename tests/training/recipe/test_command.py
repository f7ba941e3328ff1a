"""The command that repeats a run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from charrnn.corpus.decode import Decoding
from charrnn.corpus.options import CorpusOptions
from charrnn.training.recipe.command import command_line
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings


def test_everything_that_decides_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Initial weights, reading and the split are named; folders elsewhere are not."""
    monkeypatch.chdir(tmp_path)
    recipe = resolve(Settings(steps=5), num_chars=1000, vocab_size=9)
    recipe = dataclasses.replace(recipe, init_from="runs/my sea")
    options = CorpusOptions(
        decoding=Decoding("latin-1"), min_count=3, val="/secret/val.txt", max_bytes=20_000
    )
    words = command_line([str(tmp_path / "a b.txt"), "/secret/c.txt"], options, recipe)
    assert words[:2] == ["charrnn", "train"]
    assert words[-3:] == ["--", "a b.txt", "c.txt"]
    expected = {"--init-from=runs/my sea", "--min-count=3", "--val=val.txt", "--max-bytes=20000"}
    assert expected | {"--encoding=latin-1", "--steps=5"} <= set(words)
