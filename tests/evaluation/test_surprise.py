"""Surprise against its definition, passages against their texts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from charrnn.corpus.documents import cut_documents
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.surprise import measure, measure_ids, measure_text
from charrnn.generation.sampling import log_probs
from charrnn.model.predictor import Predictor
from charrnn.text.vocabulary import Vocabulary


def network_of(checkpoint):
    """Return the network of a model."""
    return Predictor(checkpoint.config, checkpoint.arrays)


def of_documents(checkpoint, separator):
    """Return the model with its last character as the end symbol."""
    characters = checkpoint.vocabulary.characters[:-1]
    return replace(checkpoint, vocabulary=Vocabulary(characters, separator=separator))


def passages_of(checkpoint, *blocks, num_best=0):
    """Return the passages of a text that arrives in blocks."""
    vocabulary = checkpoint.vocabulary
    reader = Reader(network_of(checkpoint), end_id=vocabulary.end_id)
    pieces = cut_documents(blocks, vocabulary.separator)
    return list(measure_text(reader, vocabulary, pieces, num_best))


def test_the_best_are_the_most_likely(make_checkpoint):
    """The alternatives are the K likeliest characters in order, with their probabilities."""
    checkpoint = make_checkpoint(scale=3.0)
    network = network_of(checkpoint)
    ids = np.random.default_rng(1).integers(0, 7, 200)
    found = measure(Reader(network), ids, num_best=3)
    logits, _ = network.forward(ids[None, :-1], network.initial_state(1))
    probs = np.exp(log_probs(logits))[0]
    order = np.argsort(-probs, axis=-1)[:, :3]
    assert (found.best_ids[1:] == order).all()
    np.testing.assert_allclose(
        found.best_probs[1:], np.take_along_axis(probs, order, -1), rtol=1e-5
    )
    assert (found.is_likeliest[1:] == (order[:, 0] == ids[1:])).all()


def test_more_alternatives_than_characters_are_all(make_checkpoint):
    """A small vocabulary has fewer alternatives than requested."""
    checkpoint = make_checkpoint(characters="ab")
    (passage,) = passages_of(checkpoint, "abba", num_best=5)
    assert passage.surprise.best_ids.shape == (4, 2)


@pytest.mark.parametrize("has_unknown", [False, True])
def test_unknown_characters_stay_in_the_text(make_checkpoint, has_unknown):
    """Unknown characters stay in the text, marked, and count only with an unknown symbol."""
    checkpoint = make_checkpoint(characters="abc", has_unknown=has_unknown)
    (passage,) = passages_of(checkpoint, "a?b\u20acc")
    assert passage.text == "a?b\u20acc"
    assert passage.is_unknown.tolist() == [False, True, False, True, False]
    is_counted = [False, has_unknown, True, has_unknown, True]
    assert passage.surprise.is_predicted.tolist() == is_counted
    assert passage.num_bytes == (6 if has_unknown else 2)


@pytest.mark.parametrize("separator", ["\n", "\n\n", "<|end|>"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_documents_keep_their_separators(make_checkpoint, separator, size):
    """The text keeps its separators, and each end is predicted once."""
    checkpoint = of_documents(make_checkpoint(characters="abcd"), separator)
    text = separator.join(["abc", "b", "cab"]) + separator
    blocks = [text[i : i + size] for i in range(0, len(text), size)]
    passages = passages_of(checkpoint, *blocks)
    assert "".join(passage.text for passage in passages) == text
    predicted = np.concatenate([passage.surprise.is_predicted for passage in passages])
    ends = [3, 4 + len(separator), 7 + 2 * len(separator)]  # where separators begin
    is_first = np.isin(np.arange(len(text)), ends)
    is_character = np.array([c in "abc" for c in text.replace("<|end|>", "#######")])
    assert (predicted == (is_first | is_character)).all()
    assert sum(passage.num_bytes for passage in passages) == len(text)


@pytest.mark.parametrize("separator", ["", "\n", "--"])
def test_ids_and_text_are_measured_alike(make_checkpoint, separator):
    """Ids give the same passages as their text."""
    checkpoint = make_checkpoint(characters="abcd")
    if separator:
        checkpoint = of_documents(checkpoint, separator)
    vocabulary = checkpoint.vocabulary
    documents = ["abcab", "c", "ba"]
    ids = [vocabulary.look_up(document) for document in documents]
    if separator:
        end = [[vocabulary.end_id]]
        ids = [*end, *(part for document in ids for part in (document, *end))]
    reader = Reader(network_of(checkpoint), end_id=vocabulary.end_id)
    (found,) = measure_ids(reader, vocabulary, np.concatenate(ids).astype(np.uint8))
    (expected, *_) = passages_of(checkpoint, "".join(d + separator for d in documents))
    assert found.text == expected.text
    np.testing.assert_allclose(found.surprise.nats, expected.surprise.nats, rtol=1e-6)
    assert found.num_bytes == expected.num_bytes
