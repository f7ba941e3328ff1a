"""A prompt in, a stream of characters out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from charrnn.generation.sampling import draw, forbid
from charrnn.model.network import Network
from charrnn.text.vocabulary import Ids, OnUnknown, Vocabulary


def sample_rng(seed: int, index: int = 0) -> np.random.Generator:
    """Return the random generator of one sample: the same whatever others are made beside it."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))


def first_ids(vocabulary: Vocabulary, prompt: str, on_unknown: OnUnknown = "error") -> Ids:
    """Return what a model reads before it writes, shape (T,), T of 1 or more; see ``generate``."""
    ids = vocabulary.encode(vocabulary.from_user(prompt), on_unknown)
    if vocabulary.end_id is not None:
        return np.insert(ids, 0, vocabulary.end_id)
    return ids if len(ids) else np.array([max(vocabulary.characters.find("\n"), 0)])


def generate(
    network: Network,
    vocabulary: Vocabulary,
    prompt: str = "",
    *,
    temperature: float,
    rng: np.random.Generator,
    length: int | None = None,
    on_unknown: OnUnknown = "error",
) -> Iterator[str]:
    """Yield the characters that a model writes after a prompt.

    A model of documents has read the end of another one, and ends when its own ends. Another model
    has without a prompt read a line end where its vocabulary has one, else its first character, so
    that a text begins as a line does.

    Args:
        network: The model.
        vocabulary: Its characters.
        prompt: What is read first; not part of the result.
        temperature: See ``sampling.draw``.
        rng: The source of chance.
        length: How many characters to make at the most; None for no limit.
        on_unknown: See ``Vocabulary.encode``.

    Yields:
        One character at a time; the unknown symbol and the end symbol never.

    Raises:
        UnknownCharacterError: If the prompt has a character that the model never saw.
    """
    ids = first_ids(vocabulary, prompt, on_unknown)
    never = [] if vocabulary.unknown_id is None else [vocabulary.unknown_id]
    state = network.initial_state(1)
    read: Ids = ids[None, :]  # (1, T): first the prompt, then what was drawn last
    for _ in itertools.repeat(None) if length is None else itertools.repeat(None, length):
        logits, state = network.forward(read, state)
        chosen = draw(forbid(logits[:, -1], never), temperature, [rng])
        if chosen[0] == vocabulary.end_id:
            return
        yield vocabulary.characters[chosen[0]]
        read = chosen[:, None]
