"""Hashes of contexts, against the contexts written out; in blocks, and by character."""

from __future__ import annotations

import numpy as np
import pytest

from charrnn.memory.recent.contexts import LENGTHS, NUM_KINDS, SKIPS, Contexts
from charrnn.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary("\n Aab'c", separator="")
DOCUMENTS = Vocabulary(" ab", separator="\n")


def written(vocabulary: Vocabulary, ids: np.ndarray, place: int) -> list[tuple]:
    """Return the contexts after a place, written out."""
    text = vocabulary.decode(ids)
    before = ids[: place + 1].tolist()
    if vocabulary.end_id in before:  # a document begins with an end symbol
        before = before[len(before) - 1 - before[::-1].index(vocabulary.end_id) :]
    digits = [-1] * 24 + before
    contexts: list[tuple] = [tuple(digits[-length:]) for length in LENGTHS]
    contexts += [tuple(digits[-back] for back in backs) for backs in SKIPS]
    words, word = [0], ""
    for character in text[: place + 1]:
        if character.isalnum():
            word += character.lower()
        elif word:
            words.append(word)
            word = ""
        if character == vocabulary.separator:
            words = [0]
    return [*contexts, (word, before[-1]), (word, words[-1], before[-1])]


@pytest.mark.parametrize("vocabulary", [VOCABULARY, DOCUMENTS])
def test_equal_contexts_and_no_others_have_equal_hashes(vocabulary: Vocabulary) -> None:
    """Two places share a hash exactly if they share that context, written out."""
    ids = np.random.default_rng(1).integers(0, vocabulary.size, 400)
    contexts = Contexts(vocabulary)
    hashes, _ = contexts.read(ids, contexts.start(1))
    for kind in range(NUM_KINDS):
        by_context: dict[tuple, int] = {}
        for place in range(len(ids)):
            context = written(vocabulary, ids, place)[kind]
            assert by_context.setdefault(context, hashes[place, kind]) == hashes[place, kind]
        assert len(set(by_context.values())) == len(by_context)


def test_kinds_do_not_share_hashes() -> None:
    """A word of one letter is not a context of one character."""
    contexts = Contexts(VOCABULARY)
    hashes, _ = contexts.read(np.random.default_rng(2).integers(0, 7, 300), contexts.start(1))
    kinds = [set(hashes[:, kind].tolist()) for kind in range(NUM_KINDS)]
    assert len(set().union(*kinds)) == sum(map(len, kinds))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_blocks_do_not_matter(size: int) -> None:
    """A text has the same hashes whatever the blocks, and character by character."""
    ids = np.random.default_rng(3).integers(0, 7, 200)
    contexts = Contexts(VOCABULARY)
    whole, _ = contexts.read(ids, contexts.start(1))
    state, steps = contexts.start(1), contexts.start(2)
    for begin in range(0, len(ids), size):
        hashes, state = contexts.read(ids[begin : begin + size], state)
        np.testing.assert_array_equal(hashes, whole[begin : begin + size])
    for place, id in enumerate(ids):
        hashes, steps = contexts.step(np.array([id, ids[-1 - place]]), steps)
        np.testing.assert_array_equal(hashes[0], whole[place])
