"""Mixtures of networks and counts, against the weighted mean written out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from charrnn.evaluation.score import score
from charrnn.generation.chunks import in_order
from charrnn.generation.generator import Generator, sample_rng
from charrnn.generation.params import SamplingParams, StopCriteria
from charrnn.generation.sampling import log_probs
from charrnn.memory.context_model import ContextModel
from charrnn.memory.counting import count_followers
from charrnn.model.checkpoint import read_checkpoint, write_checkpoint
from charrnn.model.matmul import rowwise_matmul
from charrnn.model.predictor import make_predictor

IDS = np.random.default_rng(1).integers(0, 7, (3, 20))


@pytest.fixture(params=[1, 3])
def checkpoint(request, make_checkpoint):
    """A model with counts, with one network or several."""
    model = make_checkpoint("gru", num_networks=request.param, ngrams=2, counts=3, scale=3.0)
    text = np.random.default_rng(2).zipf(1.5, 2000).clip(max=7) - 1
    counts = count_followers(text, 7, 3, None)
    return dataclasses.replace(model, counts=dataclasses.replace(counts, share=0.3))


def network_of(checkpoint):
    """Return the predictor of the whole model."""
    return make_predictor(checkpoint.config, checkpoint.arrays, checkpoint.counts)


def test_the_probability_is_the_weighted_mean(checkpoint):
    """The oracle runs each part separately and averages."""
    plain = make_predictor(checkpoint.config, checkpoint.arrays)
    logits, _ = plain.forward(IDS, plain.initial_state(3))
    model = ContextModel(checkpoint.counts)
    by_counts, _ = model.read(IDS, model.no_context(3))
    mixture = network_of(checkpoint)
    found, _ = mixture.forward(IDS, mixture.initial_state(3))
    expected = 0.7 * np.exp(log_probs(logits)) + 0.3 * by_counts
    np.testing.assert_allclose(np.exp(found), expected, rtol=1e-5)
    assert np.abs(np.exp(log_probs(logits)) - by_counts).max() > 0.3  # so the mean is neither


def test_state_is_carried(checkpoint, check_state):
    """The state of the counts is carried with that of the networks."""
    check_state(network_of(checkpoint), IDS)


def test_a_stream_does_not_depend_on_the_others(checkpoint):
    """With rowwise products, bit for bit."""
    mixture = network_of(checkpoint)
    batched_matmul, _ = mixture.forward(IDS, mixture.initial_state(3), rowwise_matmul)
    for row in range(3):
        alone, _ = mixture.forward(IDS[row : row + 1], mixture.initial_state(1), rowwise_matmul)
        np.testing.assert_array_equal(alone[0], batched_matmul[row])


def test_what_neither_holds_for_possible_stays_finite(checkpoint):
    """A network certain of one character, and counts with a weight of zero."""
    arrays = {name: array * np.float32(1e4) for name, array in checkpoint.arrays.items()}
    counts = dataclasses.replace(checkpoint.counts, share=0.0)
    mixture = make_predictor(checkpoint.config, arrays, counts)
    found, _ = mixture.forward(IDS, mixture.initial_state(3))
    assert np.isfinite(found).all()


def test_the_file_predicts_what_the_model_does(checkpoint, tmp_path, is_equal):
    """Counts survive the file, and a text scores the same."""
    path = tmp_path / "model.safetensors"
    write_checkpoint(path, checkpoint)
    again = read_checkpoint(path)
    assert is_equal(checkpoint, again)
    assert again.counts is not None
    assert again.counts.share == 0.3
    ids = IDS.reshape(-1)
    assert score(network_of(again), ids).nats == score(network_of(checkpoint), ids).nats


@pytest.mark.parametrize("asked", [0, 2])
def test_a_file_that_lacks_what_it_says_is_refused(checkpoint, asked, tmp_path, refusal):
    """Superfluous and missing counts are refused."""
    config = dataclasses.replace(checkpoint.config, counts=asked)
    counts = None if asked else checkpoint.counts
    path = tmp_path / "model.safetensors"
    write_checkpoint(path, dataclasses.replace(checkpoint, config=config, counts=counts))
    assert "counts" in refusal(path)


def test_characters_are_drawn_as_often_as_they_are_likely(checkpoint):
    """In many samples, each character has its share within five standard deviations."""
    mixture, many = network_of(checkpoint), 4000
    prompt = IDS[0]
    logits, _ = mixture.forward(prompt[None], mixture.initial_state(1))
    probs = np.exp(logits[0, -1].astype(np.float64))
    generator = Generator(
        mixture,
        checkpoint.vocabulary,
        prompt,
        params=SamplingParams(temperature=1.0),
        criteria=StopCriteria(length=1),
    )
    drawn = [
        checkpoint.vocabulary.encode(each.character)[0]
        for piece in in_order(generator.write(lambda index: sample_rng(5, index), many))
        for each in piece.drawn
    ]
    found = np.bincount(drawn, minlength=7) / many
    assert (np.abs(found - probs) <= 5 * np.sqrt(probs * (1 - probs) / many) + 1e-9).all()
