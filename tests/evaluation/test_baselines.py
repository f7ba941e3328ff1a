"""Baselines against slow definitions and laws."""

from __future__ import annotations

import lzma
import math
from collections import Counter

import numpy as np
import pytest

import charrnn.evaluation.baselines as baselines
from charrnn.evaluation.baselines import (
    order_losses,
    text_baselines,
    validation_baselines,
)
from charrnn.text.vocabulary import Vocabulary

XZ_6 = [{"id": lzma.FILTER_LZMA2, "preset": 6}]


def slow_prob(train, context, character, vocab_size):
    """Return the smoothed probability of a character, directly from the definition."""
    if context is None:
        return 1 / vocab_size
    order = len(context)
    followers = Counter(
        train[i] for i in range(order, len(train)) if train[i - order : i] == context
    )
    shorter = slow_prob(train, context[1:] if order else None, character, vocab_size)
    n, t = sum(followers.values()), len(followers)
    return (followers[character] + t * shorter) / (n + t) if n else shorter


@pytest.mark.parametrize("seed", range(3))
def test_order_losses_are_those_of_the_definition(seed):
    """The vectorised counts agree with counting one by one."""
    rng = np.random.default_rng(seed)
    train = rng.choice(5, 200, p=[0.5, 0.3, 0.1, 0.06, 0.04])
    val = rng.integers(0, 6, 50)  # 5 was never seen
    text = "".join(map(str, train))
    losses = []
    for order in (0, 2):
        probs = []
        for place in range(1, len(val)):
            context = "".join(map(str, val[max(place - order, 0) : place]))
            probs.append(slow_prob(text, context, str(val[place]), 6))
        losses.append(-np.mean(np.log(probs)))
    assert order_losses(train, val, 6) == pytest.approx(losses, rel=1e-12)


def test_probabilities_of_all_characters_add_up_to_one():
    """The probabilities of all next characters sum to 1."""
    rng = np.random.default_rng(3)
    train = rng.integers(0, 4, 60)
    for context in ([0, 1], [3, 3], [4, 0], [4, 4]):
        probs = []
        for character in range(5):
            val = np.array([*context, character])
            order_2 = order_losses(train, val, 5)[1]
            first = order_losses(train, val[:2], 5)[1]
            probs.append(math.exp(first - 2 * order_2))
        assert sum(probs) == pytest.approx(1, rel=1e-9)


def test_what_was_learned_is_no_surprise():
    """A text determined by its last two characters has no loss at order 2."""
    train = np.tile([0, 1, 2, 3], 3000)
    order_0, order_2 = order_losses(train, train[:400], 4)
    assert order_0 == pytest.approx(math.log(4), rel=1e-3)
    assert order_2 < 0.01


def test_an_empty_training_text_leaves_all_alike():
    """Without counts the prediction is uniform."""
    val = np.array([0, 1, 2])
    losses = order_losses(np.zeros(0, np.int64), val, 8)
    assert losses == pytest.approx([math.log(8)] * 2)


def test_baselines_of_a_text_alone():
    """Uniform and order 0 by hand, xz by its raw format."""
    text = "aaab" * 100
    uniform, order_0, xz = text_baselines(Vocabulary("ab"), text)
    assert uniform.bits_per_char == pytest.approx(1)
    assert order_0.bits_per_char == pytest.approx(-0.75 * math.log2(0.75) + 0.5, rel=1e-12)
    size = len(lzma.compress(text.encode(), lzma.FORMAT_RAW, filters=XZ_6))
    assert xz.bits_per_char == pytest.approx(8 * size / 400)


def test_the_container_of_xz_does_not_count():
    """Sixty bytes of headers and checksum would be 18 bits a character of a short text."""
    text = "abcdefghijklmnopqrstuvwxyz."
    xz = text_baselines(Vocabulary("ab"), text)[2]
    assert xz.bits_per_char < 10
    assert "without its container" in xz.note


def test_baselines_of_a_validation_text():
    """Four baselines; xz is the difference of two compressed sizes."""
    rng = np.random.default_rng(4)
    vocabulary = Vocabulary("abcd", has_unknown=True)
    phrase = rng.integers(0, 4, 3000)
    train, val = np.tile(phrase, 3).astype(np.uint8), phrase.astype(np.uint8)
    found = validation_baselines(vocabulary, train, val)
    assert [baseline.name for baseline in found] == ["uniform", "order 0", "order 2", "xz"]
    assert found[0].bits_per_char == pytest.approx(math.log2(5))
    sizes = [
        len(lzma.compress(vocabulary.decode(ids).encode(), lzma.FORMAT_RAW, filters=XZ_6))
        for ids in (train, np.concatenate([train, val]))
    ]
    assert found[3].bits_per_char == pytest.approx(8 * (sizes[1] - sizes[0]) / 3000)
    assert found[3].bits_per_char < 0.1
    assert all("\n" not in str(baseline) for baseline in found)


def test_long_texts_are_cut(monkeypatch):
    """Long texts are cut, and the note says so."""
    for name, value in [("MAX_COUNTED", 500), ("MAX_MEASURED", 100), ("MAX_COMPRESSED", 200)]:
        monkeypatch.setattr(baselines, name, value)
    rng = np.random.default_rng(5)
    ids = rng.integers(0, 4, 2000).astype(np.uint8)
    found = validation_baselines(Vocabulary("abcd"), ids[:1500], ids[1500:])
    short = validation_baselines(Vocabulary("abcd"), ids[1000:1500], ids[1500:1600])
    assert [y.nats_per_char for y in found] == [y.nats_per_char for y in short]
    assert "the last 200 characters" in found[3].note
