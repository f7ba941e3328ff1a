"""A memory that reads a text: what it may know when, and what it may not."""

from __future__ import annotations

import numpy as np
import pytest

from charrnn.memory.expected import expect
from charrnn.memory.index import build_index
from charrnn.memory.memory import Memory
from charrnn.memory.text_memory import TextMemory
from charrnn.model.ensemble import log_softmax
from charrnn.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary("\n abcde")
DOCUMENTS = Vocabulary(" abcde", separator="\n")
END = 6


def make_ids(num: int, seed: int = 1) -> np.ndarray:
    """Return a text in which words come again."""
    rng = np.random.default_rng(seed)
    words = [[*rng.integers(2, 6, rng.integers(2, 6)).tolist(), 1] for _ in range(12)]
    chosen = rng.integers(0, 12, num)
    return np.array([id for word in chosen for id in words[word]][:num])


@pytest.fixture(params=[False, True], ids=["read", "read and trained"])
def memory(request) -> Memory:
    """A memory, with a training text or without."""
    index = build_index(make_ids(2000, 2), 7) if request.param else None
    return Memory(VOCABULARY, index)


def mixed(memory: Memory, ids: np.ndarray, sizes: list[int], logits=None) -> np.ndarray:
    """Return the probabilities of all characters but the first, read in blocks of some sizes.

    The networks expect what the logits say, by default something at random.
    """
    if logits is None:
        logits = np.random.default_rng(5).normal(size=(len(ids), 7))
    log_probs = log_softmax(logits.astype(np.float32))
    text, parts, place = TextMemory(memory), [], 0
    for block in np.split(ids, np.cumsum(sizes)):
        first = int(place == 0)
        if not len(block):
            continue
        expected = expect(log_probs[place : place + len(block)])
        for _ in text.follow(block, expected):
            pass
        parts.append(expected.probs[first:])
        place += len(block)
    return np.concatenate(parts)


def test_probabilities_sum_to_one(memory) -> None:
    """Wherever a text stands."""
    np.testing.assert_allclose(mixed(memory, make_ids(3000), []).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("sizes", [[1] * 99, [2, 62, 1, 64, 500], [2048]])
def test_blocks_do_not_matter(memory, sizes: list[int]) -> None:
    """The gate learns after the same characters however a text arrives."""
    ids = make_ids(2500)
    np.testing.assert_allclose(mixed(memory, ids, sizes), mixed(memory, ids, []), atol=1e-5)


def test_the_future_is_not_known(memory) -> None:
    """Predictions do not depend on the character that comes, nor on any after it."""
    ids = make_ids(500)
    other = ids.copy()
    other[300:] = 6 - other[300:]
    one, two = mixed(memory, ids, []), mixed(memory, other, [])
    np.testing.assert_array_equal(one[:300], two[:300])  # of the characters 1 to 300
    assert (one[300:] != two[300:]).any()


def test_what_comes_again_is_expected(memory) -> None:
    """A text that says the same twice is less surprising the second time."""
    ids = np.tile(make_ids(400), 2)
    probs = mixed(memory, ids, [])
    nats = -np.log(probs[np.arange(len(probs)), ids[1:]])
    assert nats[-300:].mean() < nats[:300].mean() / 2


def test_a_document_does_not_depend_on_others() -> None:
    """Whatever is read before, a document is predicted alike."""
    memory = Memory(DOCUMENTS, build_index(make_ids(2000, 2), 7))
    document = np.append(make_ids(150, 3), END)
    found = []
    for others in ([END], [END, *make_ids(200, 4), END], [END, *document]):
        ids = np.concatenate([others, document])
        found.append(mixed(memory, ids, [], np.zeros((len(ids), 7)))[-len(document) :])
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)
    np.testing.assert_allclose(found[2], found[0], atol=1e-6)


@pytest.mark.parametrize("vocabulary", [VOCABULARY, DOCUMENTS], ids=["text", "document"])
def test_streams_remember_the_text_that_they_share(vocabulary) -> None:
    """A stream predicts at first what the text read on does; equal streams predict alike."""
    memory = Memory(vocabulary, build_index(make_ids(2000, 2), 7))
    ids = np.concatenate([make_ids(600), make_ids(300, 9)])
    if vocabulary.end_id is not None:
        ids[[0, 100]] = vocabulary.end_id
    text = TextMemory(memory)
    list(text.read(ids[:600]))
    streams = text.fork()
    state = tuple(np.repeat(array, 2, axis=0) for array in streams.first_state)
    log_probs = log_softmax(np.random.default_rng(5).normal(size=(2, 7)).astype(np.float32))
    after = TextMemory(memory)
    list(after.read(ids[:600]))
    expected = expect(log_probs[:1])
    for _ in after.follow(ids[600:601], expected):
        pass
    probs, state = streams.mix(ids[[599, 599]], log_probs, state)
    np.testing.assert_allclose(probs[0], expected.probs[0], atol=1e-6)
    for place in range(600, 899):
        probs, state = streams.mix(ids[[place, place]], log_probs[[0, 0]], state)
        np.testing.assert_array_equal(probs[0], probs[1])
        np.testing.assert_allclose(probs.sum(axis=1), 1, rtol=1e-5)
