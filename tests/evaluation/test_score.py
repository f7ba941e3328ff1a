"""Scores against a slow sum, numbers by hand, and laws."""

from __future__ import annotations

import math

import numpy as np
import pytest

import charrnn.evaluation.reader
from charrnn.evaluation.score import Score, score
from charrnn.generation.sampling import log_probs
from charrnn.model.predictor import Predictor

WARM_UP_CHARS = 512  # what a part reads of the text before it
PART_CHARS = 2048


def network_of(checkpoint):
    """Return the network of a model."""
    return Predictor(checkpoint.config, checkpoint.arrays)


def random_ids(checkpoint, length):
    """Return a text of random characters, shape (N,)."""
    rng = np.random.default_rng(31)
    return rng.integers(0, checkpoint.config.vocab_size, length).astype(np.uint8)


def slow_score(network, ids, begin=0):
    """Return nats and hits of a text read step by step, counted from ``begin``."""
    state = network.initial_state(1)
    nats, correct = 0.0, 0
    for place in range(len(ids) - 1):
        logits, state = network.forward(ids[None, place : place + 1].astype(np.int64), state)
        if place >= begin:
            nats -= float(log_probs(logits)[0, 0, ids[place + 1]])
            correct += int(logits[0, 0].argmax() == ids[place + 1])
    return nats, correct


# One stream in windows of 32: lengths around the ends of windows.
def test_one_stream_is_the_exact_sum(make_checkpoint, any_kind):
    """The nats of a text are its negative log-likelihood."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2, scale=2.0, dtype=np.float64)
    network = network_of(checkpoint)
    for length in (2, 3, 32, 33, 34, 65, 300):
        ids = random_ids(checkpoint, length)
        nats, correct = slow_score(network, ids)
        found = score(network, ids, exact=True)
        assert found.nats == pytest.approx(nats, rel=1e-12)  # float64, added up in another order
        assert (found.chars, found.correct) == (length - 1, correct)


def test_single_precision_is_enough(make_checkpoint, kind):
    """Scores in float32 and float64 agree to six digits."""
    single = make_checkpoint(**kind, num_layers=2, scale=2.0)
    double = {name: array.astype(np.float64) for name, array in single.arrays.items()}
    ids = random_ids(single, 300)
    expected = score(Predictor(single.config, double), ids, exact=True)
    # Each logit is known to about 1e-6, and the errors of 299 of them mostly cancel.
    assert score(network_of(single), ids, exact=True).nats == pytest.approx(expected.nats, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("length", [2049, 2050, 4200])
def test_parts_are_exact_but_for_their_short_memory(make_checkpoint, any_kind, length):
    """Each part after the first is scored after a warm-up of 512 characters."""
    checkpoint = make_checkpoint(**any_kind, scale=2.0, dtype=np.float64)
    network, ids = network_of(checkpoint), random_ids(checkpoint, length)
    found = score(network, ids)
    nats = correct = 0
    for begin in range(0, length - 1, PART_CHARS):
        end = min(begin + PART_CHARS, length - 1)
        read_from = max(begin - WARM_UP_CHARS, 0)
        part = slow_score(network, ids[read_from : end + 1], begin - read_from)
        nats += part[0]
        correct += part[1]
    assert found.nats == pytest.approx(nats, rel=1e-12)  # float64, added up in another order
    assert (found.chars, found.correct) == (length - 1, correct)


@pytest.mark.slow
def test_parts_agree_with_one_stream(make_checkpoint, kind):
    """For a model with a short memory, fast and exact scores agree to four digits."""
    checkpoint = make_checkpoint(**kind, hidden_size=8)
    network, ids = network_of(checkpoint), random_ids(checkpoint, 20_000)
    exact = score(network, ids, exact=True)
    fast = score(network, ids)
    assert fast.chars == exact.chars == 19_999
    assert fast.nats_per_char == pytest.approx(exact.nats_per_char, rel=0, abs=5e-5)


@pytest.mark.parametrize("seq_length", [1, 5])
def test_the_length_of_windows_does_not_matter(make_checkpoint, monkeypatch, seq_length):
    """Short windows give the same score."""
    checkpoint = make_checkpoint(scale=2.0, dtype=np.float64)
    network, ids = network_of(checkpoint), random_ids(checkpoint, 4200)
    expected = score(network, ids)
    logits = 3 * seq_length * checkpoint.config.vocab_size  # of the three parts
    monkeypatch.setattr(charrnn.evaluation.reader, "MAX_WINDOW_LOGITS", logits)
    found = score(network, ids)
    assert found.nats == pytest.approx(expected.nats, rel=1e-12)  # added up in another order
    assert found.correct == expected.correct


@pytest.mark.parametrize("exact", [True, False])
def test_a_uniform_model_needs_log2_of_v_bits(make_checkpoint, kind, exact):
    """A uniform model needs log2(V) bits per character, and always guesses id 0."""
    for vocab_size in (1, 2, 7, 200):
        characters = "".join(chr(0x100 + i) for i in range(vocab_size))
        checkpoint = make_checkpoint(**kind, characters=characters, scale=0.0)
        ids = random_ids(checkpoint, 1100)
        found = score(network_of(checkpoint), ids, exact=exact)
        # The logits are float32, known to 1.2e-7.
        assert found.bits_per_char == pytest.approx(math.log2(vocab_size), rel=3e-7)
        assert found.perplexity == pytest.approx(vocab_size, rel=3e-6)
        assert found.correct == (ids[1:] == 0).sum()


def test_a_score_is_finite_for_huge_logits(make_checkpoint):
    """A wrong logit of 1e4 costs its margin, a right one nothing."""
    checkpoint = make_checkpoint(characters="ab", scale=0.0)
    checkpoint.arrays["output.bias"][:] = [-1e4, 1e4]
    found = score(network_of(checkpoint), np.array([0, 1, 1, 0, 1]))
    assert found == Score(2e4, 4, 3, 2e4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_any_kind_of_ids_is_scored_alike(make_checkpoint, dtype):
    """The dtype of the ids does not change the score."""
    checkpoint = make_checkpoint(scale=2.0)
    ids = random_ids(checkpoint, 100)
    network = network_of(checkpoint)
    assert score(network, ids.astype(dtype)) == score(network, ids)


@pytest.mark.parametrize("length", [0, 1])
def test_a_text_without_a_prediction_is_refused(make_checkpoint, length):
    """Fewer than two characters predict nothing."""
    checkpoint = make_checkpoint()
    with pytest.raises(ValueError, match="nothing to predict"):
        score(network_of(checkpoint), random_ids(checkpoint, length))


def test_units_by_hand():
    """Eight characters of two bits each, in twelve bytes, three of them guessed."""
    found = Score(16 * math.log(2), 8, 3, 20.0)
    # One or two roundings of float64.
    assert found.nats_per_char == pytest.approx(2 * 0.6931471805599453, rel=1e-15)
    assert found.bits_per_char == pytest.approx(2, rel=1e-15)
    assert found.perplexity == pytest.approx(4, rel=1e-15)
    assert found.bits_per_byte(12) == pytest.approx(16 / 12, rel=1e-15)
    assert found.accuracy == 0.375


def test_a_certain_prediction_costs_nothing():
    """Without surprise there are zero nats and bits and a perplexity of one."""
    found = Score(0.0, 5, 5, 0.0)
    assert (found.nats_per_char, found.bits_per_char, found.bits_per_byte(5)) == (0, 0, 0)
    assert (found.perplexity, found.accuracy) == (1, 1)


def test_a_perplexity_beyond_all_numbers_is_infinite():
    """A surprise of more than 709 nats a character has a perplexity, though no finite one."""
    assert Score(2e4, 4, 0, 2e4).perplexity == math.inf
