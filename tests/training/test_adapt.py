"""Dynamic evaluation: honest, the same however a text arrives, and better on a text of its own."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

import charrnn.training.adapt as adapt
from charrnn.evaluation.reading import Reader
from charrnn.evaluation.surprise import measure
from charrnn.model.mixture import make_network
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.adapt import AdaptiveReader


def random_ids(checkpoint, length, seed=0):
    """Return a text of random characters, shape (N,)."""
    return np.random.default_rng(seed).integers(0, checkpoint.config.vocab_size, length)


@pytest.mark.parametrize("num_networks", [1, 2])
def test_it_predicts_before_it_learns(make_checkpoint, any_kind, num_networks):
    """The first window is that of the plain model; later a character changes only what follows."""
    checkpoint = make_checkpoint(**any_kind, num_networks=num_networks)
    ids = random_ids(checkpoint, 120)
    found = measure(AdaptiveReader(checkpoint), ids).nats
    plain = measure(Reader(make_network(checkpoint.config, checkpoint.arrays)), ids).nats
    np.testing.assert_allclose(found[:33], plain[:33], rtol=1e-4)
    assert not np.allclose(found[33:], plain[33:], rtol=1e-6)
    changed = ids.copy()
    changed[80] = (changed[80] + 1) % checkpoint.config.vocab_size
    again = measure(AdaptiveReader(checkpoint), changed).nats
    np.testing.assert_array_equal(again[:80], found[:80])


@pytest.mark.parametrize("has_ends", [False, True])
@pytest.mark.parametrize("cuts", [[1], [5, 6, 7, 40, 90], list(range(3, 200, 9))], ids=str)
def test_it_does_not_matter_how_a_text_arrives(make_checkpoint, has_ends, cuts):
    """A text in pieces gives the numbers of the whole, also one of documents."""
    checkpoint = make_checkpoint(characters="abcd", scale=2.0)
    if has_ends:
        checkpoint = replace(checkpoint, vocabulary=Vocabulary("abc", separator="\n"))
    ids = random_ids(checkpoint, 200)
    ids[0] = 3
    whole = measure(AdaptiveReader(checkpoint), ids).nats
    reader, borders = AdaptiveReader(checkpoint), [0, *cuts, len(ids)]
    parts = [measure(reader, ids[a:b]).nats for a, b in itertools.pairwise(borders)]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-4)


def test_documents_begin_anew(make_checkpoint, monkeypatch):
    """Without learning each document is predicted as the plain model does."""
    monkeypatch.setattr(adapt, "LEARNING_RATE", 0.0)
    checkpoint = make_checkpoint(characters="abcd", scale=2.0)
    checkpoint = replace(checkpoint, vocabulary=Vocabulary("abc", separator="\n"))
    ids = random_ids(checkpoint, 300)
    ids[0] = 3
    plain = measure(Reader(make_network(checkpoint.config, checkpoint.arrays), end_id=3), ids).nats
    np.testing.assert_allclose(measure(AdaptiveReader(checkpoint), ids).nats, plain, rtol=1e-4)


def test_it_learns_a_text_that_repeats(make_checkpoint):
    """A model that knows nothing finds out what comes again and again."""
    checkpoint = make_checkpoint(characters="abcd", hidden_size=16, embedding_size=8)
    ids = np.tile([0, 1, 2, 3, 3, 1], 800)
    found = measure(AdaptiveReader(checkpoint), ids).nats
    assert found[-300:].mean() < found[1:300].mean() - 0.3


def test_an_update_is_that_of_the_paper(make_checkpoint):
    """The second update against the formula, with gradients of torch."""
    checkpoint = make_checkpoint(hidden_size=4)
    reader = AdaptiveReader(checkpoint)
    ids = random_ids(checkpoint, 65)
    weights = [weight.detach().clone() for weight in reader._weights]
    squares = [torch.zeros_like(weight) for weight in weights]
    gradients_seen = []
    original = torch.autograd.grad

    def grad(loss, over):
        gradients_seen.append(original(loss, over))
        return gradients_seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.autograd, "grad", grad)
        measure(reader, ids)
    assert len(gradients_seen) == 2
    first = [weight.clone() for weight in weights]
    for number, gradients in enumerate(gradients_seen, start=1):
        squares = [s + (g * g - s) / number for s, g in zip(squares, gradients, strict=True)]
        roots = [square.sqrt() for square in squares]
        mean = torch.cat([root.flatten() for root in roots]).mean()
        weights = [
            w
            + (adapt.DECAY * r / mean).clamp(max=1) * (w0 - w)
            - adapt.LEARNING_RATE * (g / (r + adapt.EPSILON)).clamp(-3, 3)
            for w, w0, r, g in zip(weights, first, roots, gradients, strict=True)
        ]
    for found, expected in zip(reader._weights, weights, strict=True):
        torch.testing.assert_close(found.detach(), expected, rtol=1e-4, atol=1e-6)
