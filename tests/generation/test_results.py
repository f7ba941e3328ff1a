"""Many samples side by side: independent, in order, however they end."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from charrnn.generation.chunks import Drawn, SampleChunk, in_order
from charrnn.generation.generator import (
    MAX_AHEAD,
    MAX_PARALLEL,
    Generator,
    prompt_ids,
    sample_rng,
)
from charrnn.generation.params import SamplingParams, StopCriteria
from charrnn.generation.results import collect
from charrnn.generation.stops import stop_at_end
from charrnn.model.predictor import Predictor
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
    network = Predictor(checkpoint.config, checkpoint.arrays)
    ids = prompt_ids(checkpoint.vocabulary, prompt)
    return Generator(network, checkpoint.vocabulary, ids, **options)


def texts_of(generator, number, seed=3):
    """Return texts and finish reasons."""
    texts = [""] * number
    reasons = [""] * number
    for chunk in generator.write(partial(sample_rng, seed), number):
        assert not reasons[chunk.sample], "a finished sample continues"
        texts[chunk.sample] += "".join(drawn.character for drawn in chunk.drawn)
        reasons[chunk.sample] = chunk.finish_reason
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
    """A sample does not depend on those that end beside it or take over their rows."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2, hidden_size=19, scale=2.0)
    options = {
        "criteria": StopCriteria(**ending),
        "params": SamplingParams(temperature=(1.0, 3.0)),
    }
    generator = generator_of(checkpoint, **options)
    texts, reasons = texts_of(generator, 3 * MAX_PARALLEL)
    assert len(set(texts)) > 10
    for number in (1, 7, MAX_PARALLEL + 1):
        found = texts_of(generator, number)
        assert found == (texts[:number], reasons[:number])


@pytest.mark.parametrize("num_best", [None, 3])
def test_a_sample_is_the_same_whoever_looks(make_checkpoint, num_best):
    """Recording probabilities does not change a text."""
    checkpoint = make_checkpoint(scale=2.0)
    expected = texts_of(generator_of(checkpoint, criteria=StopCriteria(length=50)), 5)
    generator = generator_of(checkpoint, criteria=StopCriteria(length=50), num_best=num_best)
    assert texts_of(generator, 5) == expected


def test_no_sample_runs_far_ahead(make_checkpoint):
    """No sample starts too far ahead of the first unfinished one, which bounds memory."""
    checkpoint = make_checkpoint(characters="\nab", scale=0.0)
    generator = generator_of(checkpoint, criteria=StopCriteria(length=None, stop=("aaa",)))
    finished: set[int] = set()
    first = 0
    for chunk in generator.write(partial(sample_rng, 1), 10**9):
        assert chunk.sample < first + MAX_AHEAD
        if chunk.finish_reason:
            finished.add(chunk.sample)
            while first in finished:
                first += 1
        if len(finished) > 500:
            break


def test_chunks_are_put_in_order():
    """Chunks of the first unfinished sample pass immediately; later ones wait and are merged."""
    a, b, c, d = (Drawn(character) for character in "abcd")
    chunks = [
        SampleChunk(1, [a]),
        SampleChunk(0, [b]),
        SampleChunk(1, [c], "stop"),
        SampleChunk(2, [d]),
        SampleChunk(0, [a], "length"),
        SampleChunk(2, [b], "length"),
    ]
    coming = iter(chunks)
    found = in_order(coming)
    assert next(found) == SampleChunk(0, [b])
    assert next(coming) == SampleChunk(1, [c], "stop")  # nothing was read ahead
    assert list(in_order(iter(chunks))) == [
        SampleChunk(0, [b]),
        SampleChunk(0, [a], "length"),
        SampleChunk(1, [a, c], "stop"),
        SampleChunk(2, [d]),
        SampleChunk(2, [b], "length"),
    ]


def test_the_end_symbol_ends_a_sample(make_checkpoint):
    """A drawn end symbol adds no character and ends the sample."""
    checkpoint = make_checkpoint(characters="abcdefg", separator="\n", scale=0.0)
    generator = generator_of(checkpoint, criteria=StopCriteria(length=None))
    texts, reasons = texts_of(generator, 400)
    assert set(reasons) == {"end"}
    # Lengths are geometric with mean 7 and deviation 7.5; five deviations of the mean of 400.
    assert abs(np.mean([len(text) for text in texts]) - 7) < 5 * 7.5 / 20


def test_a_collected_sample_tells_its_probability(make_checkpoint):
    """The nats of a sample are the sum over its characters."""
    checkpoint = make_checkpoint(scale=2.0)
    generator = generator_of(checkpoint, criteria=StopCriteria(length=20), num_best=2)
    chunks = in_order(generator.write(partial(sample_rng, 3), 3))
    samples = list(collect(chunks, checkpoint.vocabulary, prompt="ab", seed=3, temperatures=[0.8]))
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
    """The longest stop text at the end is found; the beginning of one is held back."""
    stops = ("abc", "bc", "ca")
    assert stop_at_end(text, stops) == found
    if not found:
        assert num_begun(text, stops) == held


def test_texts_are_those_that_they_were(make_checkpoint, any_kind, request):
    """Each cell writes the recorded text: a change of numbers is noticed."""
    if request.node.callspec.id not in GOLDEN:
        pytest.skip("no text is recorded for this cell")
    checkpoint = make_checkpoint(**any_kind, num_layers=2, hidden_size=16, scale=2.0)
    generator = generator_of(checkpoint, criteria=StopCriteria(length=40))
    (text,), _ = texts_of(generator, 1)
    assert text == GOLDEN[request.node.callspec.id]
