"""How far back: against a slow re-derivation, and for models whose reach is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from charrnn.errors import TextError
from charrnn.insight.reach import ONE_PER_CENT, Curve, measure_reach
from charrnn.insight.text import Text, make_text
from charrnn.memory.memory import Memory
from charrnn.model.ensemble import softmax
from charrnn.model.predictor import Predictor
from charrnn.text.vocabulary import Vocabulary


def predictor_of(checkpoint):
    """Return the networks of a model."""
    return Predictor(checkpoint.config, checkpoint.arrays)


def without_past(checkpoint):
    """Return a model whose layers do not read their state."""
    arrays = dict(checkpoint.arrays)
    for name in arrays:
        if name.endswith("weight_hh"):
            arrays[name] = np.zeros_like(arrays[name])
    return replace(checkpoint, arrays=arrays)


@pytest.mark.parametrize("ngrams", [1, 2, 3])
def test_a_model_without_past_reaches_its_ngrams(make_checkpoint, text_of, ngrams):
    """An Elman network that does not read its state sees the last characters alone."""
    checkpoint = without_past(make_checkpoint("rnn", ngrams=ngrams, scale=3.0))
    found = measure_reach(predictor_of(checkpoint), None, text_of(checkpoint, 2000))
    for curve in found.curves().values():
        assert curve.reach is not None
        assert curve.reach <= ngrams
        assert abs(curve.nats[0]) > ONE_PER_CENT or ngrams == 1
        np.testing.assert_allclose(curve.nats[ngrams - 1 :], 0, atol=1e-6)


def test_a_model_that_expects_everything_alike_looks_at_nothing(make_checkpoint, text_of):
    """All differences are zero."""
    checkpoint = make_checkpoint(scale=0.0)
    found = measure_reach(predictor_of(checkpoint), None, text_of(checkpoint, 1000))
    assert found.memory is None
    for curve in found.curves().values():
        assert curve.reach == 1
        np.testing.assert_allclose(curve.nats, 0, atol=1e-6)


def test_losses_are_those_of_short_texts(make_checkpoint, text_of):
    """The difference for one character is the mean over texts that begin with it."""
    checkpoint = make_checkpoint("gru", scale=3.0, num_networks=2)
    text = text_of(checkpoint, 400)
    predictor = predictor_of(checkpoint)
    found = measure_reach(predictor, None, text)
    steps = found.num_steps
    assert steps == 100
    # So many starts that every place of the middle is one.
    starts = np.arange(steps, len(text.ids) - steps)
    assert found.num_starts == len(starts)

    def loss(begin, place):
        logits, _ = predictor.forward(text.ids[None, begin:place], predictor.initial_state(1))
        return -np.log(softmax(logits)[0, -1, text.ids[place]])

    for row, length in ((0, 1), (1, 2), (2, 3)):
        slow = [loss(at, at + length) - loss(0, at + length) for at in starts]
        np.testing.assert_allclose(found.networks.nats[row], np.mean(slow), atol=1e-5)
        assert found.networks.low[row] <= np.mean(slow) <= found.networks.high[row]


def test_a_memory_reaches_as_far_as_a_text_repeats_itself(make_checkpoint, text_of):
    """It misses what it read before the start; the networks, which know nothing, do not."""
    checkpoint = make_checkpoint(scale=0.0, characters="\n abcdefghijk")
    once = text_of(checkpoint, 300).shown
    text = make_text(checkpoint.vocabulary, once * 8)
    found = measure_reach(predictor_of(checkpoint), Memory(checkpoint.vocabulary, None), text)
    assert found.networks.reach == 1
    assert found.memory is not None
    by_length = dict(zip(found.memory.lengths, found.memory.nats, strict=True))
    assert by_length[128] > 1  # it has not yet read the text once
    assert by_length[384] < by_length[128] / 4  # and now it has


def test_no_document_looks_beyond_its_start(make_checkpoint):
    """Documents of up to four characters, their ends included: a longer past loses nothing."""
    vocabulary = Vocabulary("abcd", separator="\n")
    checkpoint = replace(make_checkpoint(characters="abcde", scale=3.0), vocabulary=vocabulary)
    rng = np.random.default_rng(0)
    names = ["".join(rng.choice(list("abcd"), rng.integers(1, 4))) for _ in range(200)]
    text = make_text(vocabulary, "\n".join(names))
    found = measure_reach(predictor_of(checkpoint), Memory(vocabulary, None), text)
    lengths = np.array(found.networks.lengths)
    for curve in (found.networks, found.shuffled, found.foreign):
        nats = np.array(curve.nats)
        assert np.abs(nats[lengths < 4]).max() > 1e-3
        np.testing.assert_allclose(nats[lengths >= 4], 0, atol=1e-6)


def test_a_short_text_is_refused(make_checkpoint, text_of):
    """With a word on how much it takes."""
    checkpoint = make_checkpoint()
    with pytest.raises(TextError, match="takes 256 or more"):
        measure_reach(predictor_of(checkpoint), None, text_of(checkpoint, 255))
    assert isinstance(text_of(checkpoint, 255), Text)


def test_the_reach_is_the_first_length_after_the_last_loss():
    """A curve that goes below one per cent and comes back has not reached its end there."""
    high, low = 2 * ONE_PER_CENT, ONE_PER_CENT / 2
    ends = [0.0] * 4
    assert Curve([1, 2, 3, 4], [high, low, high, low], ends, ends).reach == 4
    assert Curve([1, 2, 3, 4], [low, low, low, low], ends, ends).reach == 1
    assert Curve([1, 2, 3, 4], [low, low, low, high], ends, ends).reach is None
