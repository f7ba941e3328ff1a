"""What moved a prediction, against the same text written anew for each replacement."""

from __future__ import annotations

import numpy as np

from charrnn.insight.moved import NUM_OTHERS, moved_by
from charrnn.insight.prediction import NUM_BACK, run_to
from charrnn.model.ensemble import softmax
from charrnn.model.predictor import Predictor

PAIR = (3, 1)


def predictor_of(checkpoint):
    """Return the networks of a model."""
    return Predictor(checkpoint.config, checkpoint.arrays)


def slow_moves(checkpoint, ids, first):
    """Return A_t from whole readings."""
    predictor = predictor_of(checkpoint)

    def probs_after(ids):
        logits, _ = predictor.forward(np.array([ids]), predictor.initial_state(1))
        return softmax(logits)[0].astype(np.float64)

    def odds(ids):
        last = probs_after(ids)[-1]
        return np.log(last[PAIR[0]] / last[PAIR[1]])

    everywhere = probs_after(ids)
    moves = []
    for place in range(first, len(ids)):
        before = everywhere[place - 1]
        others = [id for id in np.argsort(-before) if id != ids[place]][:NUM_OTHERS]
        weights = before[others] / before[others].sum()
        replaced = [odds([*ids[:place], id, *ids[place + 1 :]]) for id in others]
        moves.append(odds(ids) - weights @ replaced)
    return np.array(moves)


def test_moves_are_those_of_replaced_texts(any_kind, make_checkpoint, text_of, watch):
    """For every cell, with two networks, from the second character on."""
    checkpoint = make_checkpoint(**any_kind, num_networks=2, scale=2.0)
    text = text_of(checkpoint, 12)
    run = run_to(watch(checkpoint), text, 11)
    moves = moved_by(predictor_of(checkpoint), run, *PAIR)
    expected = slow_moves(checkpoint, text.ids[:11].tolist(), 1)
    np.testing.assert_allclose(moves, expected, atol=1e-4)


def test_only_the_last_characters_are_asked(make_checkpoint, text_of, watch):
    """Of a long text, 64 characters."""
    checkpoint = make_checkpoint()
    run = run_to(watch(checkpoint), text_of(checkpoint, 200), 150)
    moves = moved_by(predictor_of(checkpoint), run, *PAIR)
    assert moves.shape == (NUM_BACK,)
    expected = slow_moves(checkpoint, text_of(checkpoint, 200).ids[:150].tolist(), 148)
    np.testing.assert_allclose(moves[-2:], expected, atol=1e-4)


def test_the_second_character_of_a_text_was_moved_by_none(make_checkpoint, text_of, watch):
    """The first character is given, so nothing else was expected there."""
    checkpoint = make_checkpoint()
    run = run_to(watch(checkpoint), text_of(checkpoint, 5), 1)
    assert moved_by(predictor_of(checkpoint), run, *PAIR).shape == (0,)
