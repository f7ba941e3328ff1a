"""Models, texts and looks at them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from charrnn.insight.look import Look
from charrnn.insight.text import Text, make_text
from charrnn.insight.watch import Watched
from charrnn.memory.index import build_index
from charrnn.memory.memory import Memory
from charrnn.model.checkpoint import Checkpoint
from charrnn.model.predictor import Predictor
from charrnn.text.vocabulary import Vocabulary

STORY = Path(__file__).parents[2] / "corpora" / "harbour.txt"


@pytest.fixture(scope="session")
def text_of() -> Callable[..., Text]:
    """Return a maker of random texts over the characters of a model."""

    def make(checkpoint: Checkpoint, num: int, seed: int = 1) -> Text:
        characters = checkpoint.vocabulary.characters
        ids = np.random.default_rng(seed).integers(0, len(characters), num)
        return make_text(checkpoint.vocabulary, "".join(characters[id] for id in ids))

    return make


@pytest.fixture(scope="session")
def look_at() -> Callable[..., Look]:
    """Return a maker of looks, with the memory of a training text if there is one."""

    def make(checkpoint: Checkpoint, text: Text, trained_on: str | None = None) -> Look:
        predictor = Predictor(checkpoint.config, checkpoint.arrays)
        if trained_on is None:
            return Look(checkpoint, predictor, None, text)
        vocabulary = checkpoint.vocabulary
        index = build_index(vocabulary.encode(trained_on, "skip"), vocabulary.size)
        return Look(checkpoint, predictor, Memory(vocabulary, index), text)

    return make


@pytest.fixture(scope="session")
def watch() -> Callable[[Checkpoint], Watched]:
    """Return a maker of watched models."""
    return lambda checkpoint: Watched(checkpoint.config, checkpoint.arrays)


@pytest.fixture(scope="session")
def story() -> str:
    """The beginning of the story that ships with the program."""
    return STORY.read_text(encoding="utf-8")[:24_000]


@pytest.fixture(scope="session")
def story_vocabulary(story: str) -> Vocabulary:
    """Its characters."""
    return Vocabulary("".join(sorted(set(story))))
