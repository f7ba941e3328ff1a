"""Texts before which a sample ends: found as they are written, and held back until it is sure."""

from __future__ import annotations

from collections.abc import Sequence

from charrnn.errors import ConfigError
from charrnn.text.vocabulary import Vocabulary


def stop_texts(stops: Sequence[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return what a user typed as characters of a vocabulary.

    Raises:
        ConfigError: If one has characters that the model never writes.
    """
    texts = tuple(vocabulary.from_user(stop) for stop in stops)
    for stop, text in zip(stops, texts, strict=True):
        if (vocabulary.look_up(text) < 0).any():
            raise ConfigError(
                f"--stop: {stop!r} has characters that the model never writes; give another text"
            )
    return texts


def stop_at_end(text: str, stops: Sequence[str]) -> int:
    """Return how many characters at the end of a text are a stop text; 0 if none are.

    Where several end there it is the longest.
    """
    return max((len(stop) for stop in stops if text.endswith(stop)), default=0)
