"""Many samples together: each as if it were alone, in order, whatever ends them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from charrnn.generation.generator import (
    MAX_AHEAD,
    MAX_TOGETHER,
    Generator,
    first_ids,
    sample_rng,
)
from charrnn.generation.params import SamplingParams, StopCriteria
from charrnn.generation.results import collect
from charrnn.generation.stops import stop_at_end
from charrnn.generation.updates import Drawn, Piece, in_order
from charrnn.model.network import Network
from charrnn.text.prefixes import num_begun

GOLDEN = {
    "rnn-tanh": "eddd\n adbddd \n dd \n \nbadeadded ddbbddbbd",
    "rnn-relu": "ccaaaaacacdacaacacaaaaacaccaddacddcadcac",
    "lstm": "bbdbaaabcddac abbab\na\nbabacddcbaebc\naec\n",
    "gru": "aaba    aaa           a a aaba  b a  ba ",
    "mingru": "aadaaaaaacdaa  ba a\na aaaabbedaaeab\naed ",
    "residual-lstm": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbdbbbbdbb",
    "ngrams-gru": "b\ncb\nbbbbbbabbabbab\nbabbc\ncbcb\n\nc\nb\nccc\n",
    "shared-ngrams-residual-mingru": "ceee\neeeeeeee\neeeee\neeeeeeeeeeeeeeeeeeee",
}


def generator_of(checkpoint, prompt="ab", **options):
    """Return a model that has read a prompt."""
    network = Network(checkpoint.config, checkpoint.arrays)
    ids = first_ids(checkpoint.vocabulary, prompt)
    return Generator(network, checkpoint.vocabulary, ids, **options)


def texts_of(generator, number, seed=3):
    """Return the texts and the reasons of their ends."""
    texts = [""] * number
    reasons = [""] * number
    for piece in generator.write(partial(sample_rng, seed), number):
        assert not reasons[piece.sample], "a finished sample goes on"
        texts[piece.sample] += "".join(drawn.character for drawn in piece.drawn)
        reasons[piece.sample] = piece.finish_reason
    return texts, reasons


@pytest.mark.slow
@pytest.mark.parametrize(
    "ending",
    [
        {"length": 30},
        {"length": 30, "stop": ("a", "bc")},
        {"length": 20, "match": "[a-e ]+(\n[a-e ]+)?"},
        {"length": 25, "stop": ("d",)},
    ],
    ids=str,
)
def test_a_sample_is_the_same_whatever_is_beside_it(make_checkpoint, any_kind, ending):
    """Samples that end at different places, and others that take their rows, change nothing."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2, hidden_size=19, scale=2.0)
    options = {
        "ending": StopCriteria(**ending),
        "params": SamplingParams(temperatures=(1.0, 3.0)),
    }
    generator = generator_of(checkpoint, **options)
    texts, reasons = texts_of(generator, 3 * MAX_TOGETHER)
    assert len(set(texts)) > 10
    for number in (1, 7, MAX_TOGETHER + 1):
        found = texts_of(generator, number)
        assert found == (texts[:number], reasons[:number])


@pytest.mark.parametrize("num_best", [None, 3])
def test_a_sample_is_the_same_whoever_looks(make_checkpoint, num_best):
    """Telling probabilities does not change a text."""
    checkpoint = make_checkpoint(scale=2.0)
    expected = texts_of(generator_of(checkpoint, ending=StopCriteria(length=50)), 5)
    generator = generator_of(checkpoint, ending=StopCriteria(length=50), num_best=num_best)
    assert texts_of(generator, 5) == expected


def test_no_sample_runs_far_ahead(make_checkpoint):
    """While the first sample goes on, the others wait at a distance, and memory is bounded."""
    checkpoint = make_checkpoint(characters="\nab", scale=0.0)
    generator = generator_of(checkpoint, ending=StopCriteria(length=None, stop=("aaa",)))
    finished: set[int] = set()
    first = 0
    for piece in generator.write(partial(sample_rng, 1), 10**9):
        assert piece.sample < first + MAX_AHEAD
        if piece.finish_reason:
            finished.add(piece.sample)
            while first in finished:
                first += 1
        if len(finished) > 500:
            break


def test_pieces_are_put_in_order():
    """The first open sample goes through at once; what is later waits, and is joined."""
    a, b, c, d = (Drawn(character) for character in "abcd")
    pieces = [
        Piece(1, [a]),
        Piece(0, [b]),
        Piece(1, [c], "stop"),
        Piece(2, [d]),
        Piece(0, [a], "length"),
        Piece(2, [b], "length"),
    ]
    coming = iter(pieces)
    found = in_order(coming)
    assert next(found) == Piece(0, [b])
    assert next(coming) == Piece(1, [c], "stop")  # nothing was read ahead
    assert list(in_order(iter(pieces))) == [
        Piece(0, [b]),
        Piece(0, [a], "length"),
        Piece(1, [a, c], "stop"),
        Piece(2, [d]),
        Piece(2, [b], "length"),
    ]


def test_the_end_symbol_ends_a_sample(make_checkpoint):
    """A drawn end symbol is no character, and nothing comes after it."""
    checkpoint = make_checkpoint(characters="abcdefg", separator="\n", scale=0.0)
    generator = generator_of(checkpoint, ending=StopCriteria(length=None))
    texts, reasons = texts_of(generator, 400)
    assert set(reasons) == {"end"}
    # Lengths are geometric with mean 7 and deviation 7.5; five deviations of the mean of 400.
    assert abs(np.mean([len(text) for text in texts]) - 7) < 5 * 7.5 / 20


def test_a_collected_sample_tells_its_probability(make_checkpoint):
    """The nats of a sample are the sum over its characters."""
    checkpoint = make_checkpoint(scale=2.0)
    generator = generator_of(checkpoint, ending=StopCriteria(length=20), num_best=2)
    pieces = in_order(generator.write(partial(sample_rng, 3), 3))
    samples = list(collect(pieces, checkpoint.vocabulary, prompt="ab", seed=3, temperatures=(0.8,)))
    assert [sample.index for sample in samples] == [0, 1, 2]
    for sample in samples:
        assert sample.nats == pytest.approx(-sum(each.logprob for each in sample.drawn))
        assert len(sample.text) == len(sample.drawn) == 20


@pytest.mark.parametrize(
    ("text", "found", "held"),
    [
        ("", 0, 0),
        ("a", 0, 1),
        ("xab", 0, 2),
        ("abc", 3, 2),
        ("bc", 2, 1),
        ("aba", 0, 1),
        ("x", 0, 0),
    ],
)
def test_stop_texts_are_found_and_held_back(text, found, held):
    """A stop text at the end is found, the longest of several; the begin of one is held."""
    stops = ("abc", "bc", "ca")
    assert stop_at_end(text, stops) == found
    if not found:
        assert num_begun(text, stops) == held


def test_texts_are_those_that_they_were(make_checkpoint, any_kind, request):
    """The text of each cell is the one written down here: nothing has changed unnoticed."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2, hidden_size=16, scale=2.0)
    generator = generator_of(checkpoint, ending=StopCriteria(length=40))
    (text,), _ = texts_of(generator, 1)
    assert text == GOLDEN[request.node.callspec.id]
