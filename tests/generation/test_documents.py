"""A model of documents reads the end of one before it writes another, and draws its end."""

import collections
import itertools
import math

import numpy as np
import pytest

from charrnn.errors import UnknownCharacterError
from charrnn.library import Model
from charrnn.model.predictor import Predictor


@pytest.fixture
def checkpoint(make_checkpoint, any_kind):
    """A model of documents over two characters, of each kind in turn."""
    return make_checkpoint(**any_kind, characters="ab", separator="\n", scale=2.0)


def probability(checkpoint, text, is_whole):
    """Return the probability that a document begins with a text, or equals it."""
    network, vocabulary = Predictor(checkpoint.config, checkpoint.arrays), checkpoint.vocabulary
    state, read, total = network.initial_state(1), vocabulary.end_id, 1.0
    for wanted in [*vocabulary.encode(text).tolist(), vocabulary.end_id][: len(text) + is_whole]:
        logits, state = network.forward(np.array([[read]]), state)
        exact = np.exp(logits[0, 0].astype(np.float64))
        total *= exact[wanted] / exact.sum()
        read = wanted
    return total


@pytest.mark.slow
def test_documents_are_drawn_as_often_as_they_are_likely(checkpoint):
    """The frequencies of short documents match their probabilities, within chance."""
    draws = 3000
    samples = Model(checkpoint).samples(num_samples=draws, seed=1, temperature=1, length=3)
    found = collections.Counter(sample.text for sample in samples)
    texts = ["".join(t) for n in range(4) for t in itertools.product("ab", repeat=n)]
    assert set(found) <= set(texts)
    assert sum(probability(checkpoint, text, len(text) < 3) for text in texts) == pytest.approx(1)
    for text in texts:
        share = probability(checkpoint, text, is_whole=len(text) < 3)
        error = math.sqrt(share * (1 - share) / draws)
        assert abs(found[text] / draws - share) <= 5 * error + 1e-9


def test_the_likeliest_document_ends(checkpoint):
    """Temperature 0 takes the likeliest symbol at each step, the end included."""
    expected = ""
    while len(expected) < 20:
        shares = [probability(checkpoint, expected + c, is_whole=False) for c in "ab"]
        shares.append(probability(checkpoint, expected, is_whole=True))
        if np.argmax(shares) == 2:
            break
        expected += "ab"[np.argmax(shares)]
    assert Model(checkpoint).sample(temperature=0, length=20) == expected


def test_a_prompt_is_the_beginning_of_a_document(checkpoint):
    """A prompt that the model would have written is continued as the model would have."""
    model = Model(checkpoint)
    whole = model.sample(temperature=0, length=20)
    for cut in range(len(whole) + 1):
        assert whole[:cut] + model.sample(whole[:cut], temperature=0, length=20 - cut) == whole
        after = model.sample(whole[:cut] + "\n", temperature=0, length=20 - cut)
        assert whole[:cut] + after == whole  # as from echo, whose line ends


def test_the_nats_of_a_document_count_its_end(checkpoint):
    """The nats of a sample equal the score of the document, the end included."""
    model = Model(checkpoint)
    samples = list(model.samples(num_samples=30, length=3, logprobs=1, seed=1))
    assert "end" in {sample.finish_reason for sample in samples}
    for sample in samples:
        is_whole = sample.finish_reason == "end"
        likely = probability(checkpoint, sample.text, is_whole)
        assert sample.nats == pytest.approx(-math.log(likely), abs=1e-4)
        assert sample.to_json()["characters"] == len(sample.text)


def test_a_document_is_as_long_as_asked_at_the_most(make_checkpoint):
    """The length limits a document; without a limit it continues to its end."""
    model = Model(make_checkpoint(characters="ab", separator="\n", scale=0.0))
    lengths = [len(model.sample(seed=seed, length=2)) for seed in range(50)]
    assert set(lengths) == {0, 1, 2}
    unlimited = ["".join(model.stream(seed=seed, length=None)) for seed in range(50)]
    assert max(map(len, unlimited)) > 2
    assert [text[:2] for text in unlimited] == [
        model.sample(seed=seed, length=2) for seed in range(50)
    ]


def test_a_separator_within_a_prompt_is_unknown(make_checkpoint):
    """A prompt cannot span two documents."""
    model = Model(make_checkpoint(characters="ab", separator="\n"))
    with pytest.raises(UnknownCharacterError, match=r"never saw '\\n'"):
        model.sample("a\nb")


def test_neither_symbol_is_written(make_checkpoint):
    """Neither the unknown symbol nor the end symbol is written."""
    model = Model(make_checkpoint(characters="ab", separator="\n", has_unknown=True, scale=0.0))
    texts = [model.sample(seed=seed, temperature=2.0) for seed in range(100)]
    assert set("".join(texts)) == {"a", "b"}
    assert "" in texts
