"""Parts of a prediction add up, to what an evaluation measures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from charrnn.evaluation.reader import Reader
from charrnn.evaluation.surprise import measure
from charrnn.insight.prediction import run_to
from charrnn.insight.text import make_text
from charrnn.memory.index import build_index
from charrnn.memory.memory import Memory
from charrnn.model.ensemble import softmax
from charrnn.model.predictor import Predictor
from charrnn.text.vocabulary import Vocabulary

PLACE = 37


def test_networks_add_up_to_the_probability(any_kind, make_checkpoint, text_of, look_at):
    """Without a memory, what the networks add is the probability that they give together."""
    checkpoint = make_checkpoint(**any_kind, num_networks=2, num_layers=2, scale=3.0)
    text = text_of(checkpoint, 60)
    found = look_at(checkpoint, text).prediction(PLACE)
    predictor = Predictor(checkpoint.config, checkpoint.arrays)
    logits, _ = predictor.forward(text.ids[None, :PLACE], predictor.initial_state(1))
    probs = softmax(logits[0, -1])
    assert found.candidates[0].id == text.ids[PLACE]
    for each in found.candidates:
        assert len(each.networks) == 2
        assert each.contexts == []
        np.testing.assert_allclose(sum(each.networks), each.prob, atol=1e-6)
        np.testing.assert_allclose(each.prob, probs[each.id], atol=1e-6)
    others = [each.prob for each in found.candidates[1:]]
    assert others == sorted(others, reverse=True)


@pytest.mark.parametrize("num_networks", [1, 3])
def test_all_parts_add_up_to_what_eval_measures(make_checkpoint, text_of, look_at, num_networks):
    """With the memory too, at places early and late in a text that repeats itself."""
    checkpoint = make_checkpoint(num_networks=num_networks, scale=2.0)
    text = text_of(checkpoint, 90)
    text = make_text(checkpoint.vocabulary, text.shown * 3)
    trained_on = text_of(checkpoint, 200, seed=2).shown + text.shown[10:60]
    vocabulary = checkpoint.vocabulary
    index = build_index(vocabulary.encode(trained_on), vocabulary.size)
    predictor = Predictor(checkpoint.config, checkpoint.arrays)
    measured = measure(Reader(predictor, memory=Memory(vocabulary, index)), text.ids)
    look = look_at(checkpoint, text, trained_on)
    for place in (1, 30, 120, 250, 269):
        found = look.prediction(place)
        first = found.candidates[0]
        np.testing.assert_allclose(-np.log(first.prob), measured.nats[place], rtol=1e-4)
        for each in found.candidates:
            parts = [*each.networks, *(part["adds"] for part in each.contexts), each.rest]
            assert min(parts) >= 0
            np.testing.assert_allclose(sum(parts), each.prob, atol=1e-6)
    assert first.contexts  # of the third time the memory knows something


def test_probabilities_of_all_candidates_sum_to_one(make_checkpoint, text_of, look_at):
    """A vocabulary of six characters is listed whole."""
    checkpoint = make_checkpoint(characters="\nabcde", scale=2.0)
    text = text_of(checkpoint, 80)
    found = look_at(checkpoint, text, text.shown[20:50]).prediction(60)
    np.testing.assert_allclose(sum(each.prob for each in found.candidates), 1, atol=1e-5)


def test_a_document_is_predicted_from_its_start(make_checkpoint, look_at):
    """What stands before a document changes nothing."""
    checkpoint = make_checkpoint(characters="abcde")
    vocabulary = Vocabulary("abcd", separator="\n")  # the last id is the end symbol
    checkpoint = replace(checkpoint, vocabulary=vocabulary)
    one = make_text(vocabulary, "abcd\ndcba\n")
    two = make_text(vocabulary, "aa\ndcba\n")
    at_end = [look_at(checkpoint, text).prediction(text.place(-2)) for text in (one, two)]
    assert at_end[0].candidates == at_end[1].candidates
    np.testing.assert_array_equal(at_end[0].moved, at_end[1].moved)


def test_a_long_way_is_cut_as_an_evaluation_cuts_it(make_checkpoint, text_of, watch):
    """Beyond the first part of a text, the numbers are those of an evaluation too."""
    checkpoint = make_checkpoint(scale=3.0)
    text = text_of(checkpoint, 5000)
    predictor = Predictor(checkpoint.config, checkpoint.arrays)
    nats = measure(Reader(predictor), text.ids).nats
    for place in (2048, 2049, 4999):
        run = run_to(watch(checkpoint), text, place)
        prob = run.probs[0, -1, text.ids[place]]
        np.testing.assert_allclose(-np.log(prob), nats[place], rtol=1e-4)
