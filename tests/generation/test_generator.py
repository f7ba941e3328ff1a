"""A prompt in, a text out: against reading without state, and against scoring."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from charrnn.errors import UnknownCharacterError
from charrnn.evaluation.score import score
from charrnn.generation.generator import Generator, prompt_ids, sample_rng
from charrnn.generation.params import SamplingParams, StopCriteria
from charrnn.generation.sampling import draw, log_probs
from charrnn.model.predictor import Predictor

ALL_BYTES = "".join(map(chr, range(256)))

# A model to whom it makes a difference what it has read.
ATTENTIVE = {"cell": "rnn", "hidden_size": 16, "embedding_size": 8, "scale": 2.0}


def network_of(checkpoint):
    """Return the network of a model."""
    return Predictor(checkpoint.config, checkpoint.arrays)


def characters_of(
    checkpoint,
    prompt="",
    *,
    seed=0,
    index=0,
    temperature=1.0,
    length=60,
    on_unknown="error",
):
    """Yield the characters that a model writes."""
    generator = Generator(
        network_of(checkpoint),
        checkpoint.vocabulary,
        prompt_ids(checkpoint.vocabulary, prompt, on_unknown),
        params=SamplingParams(temperature=temperature),
        criteria=StopCriteria(length=length),
    )
    for chunk in generator.write(lambda _: sample_rng(seed, index)):
        yield from (drawn.character for drawn in chunk.drawn)


def write(checkpoint, prompt="", **options):
    """Return the text that a model writes."""
    return "".join(characters_of(checkpoint, prompt, **options))


def slow_text(checkpoint, ids, *, temperature=1.0, length=60):
    """Return a continuation of ids, reading the whole text again for each character."""
    network, vocabulary = network_of(checkpoint), checkpoint.vocabulary
    rng = sample_rng(0)
    ids = list(ids)
    text = ""
    for _ in range(length):
        logits, _ = network.forward(np.array([ids]), network.initial_state(1))
        without_unknown = logits[:, -1, : len(vocabulary.characters)]
        chosen = int(draw(without_unknown, [temperature], [rng])[0])
        ids.append(chosen)
        text += vocabulary.characters[chosen]
    return text


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_the_state_is_carried_from_character_to_character(make_checkpoint, any_kind, temperature):
    """Carrying the state gives the same text as reading everything again at each step."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2, scale=2.0, dtype=np.float64)
    ids = checkpoint.vocabulary.encode("bad")
    expected = slow_text(checkpoint, ids, temperature=temperature)
    assert write(checkpoint, "bad", temperature=temperature) == expected


@pytest.mark.parametrize("length", [0, 1, 17, 300])
def test_a_text_is_as_long_as_asked(make_checkpoint, length):
    """The text has exactly the given length, without the prompt."""
    assert len(write(make_checkpoint(), "abc", length=length)) == length


def test_a_text_without_a_length_does_not_end(make_checkpoint):
    """An endless text begins with the text of any length."""
    checkpoint = make_checkpoint()
    endless = characters_of(checkpoint, seed=3, length=None)
    assert "".join(itertools.islice(endless, 500)) == write(checkpoint, seed=3, length=500)


def test_each_item_is_one_character(make_checkpoint):
    """Items are single characters of the vocabulary."""
    checkpoint = make_checkpoint(characters="\n \u00e9\u20ac\U0001f600")
    assert set(characters_of(checkpoint)) <= set(checkpoint.vocabulary.characters)


def test_the_same_seed_gives_the_same_text(make_checkpoint):
    """Seed and index determine the text; changing either changes it."""
    checkpoint = make_checkpoint()
    texts = {(seed, i): write(checkpoint, seed=seed, index=i) for seed in (0, 1) for i in (0, 1)}
    assert len(set(texts.values())) == 4
    for (seed, i), text in texts.items():
        assert write(checkpoint, seed=seed, index=i) == text


def test_temperature_zero_does_not_depend_on_the_seed(make_checkpoint):
    """At temperature 0 all seeds give the same text."""
    checkpoint = make_checkpoint()
    assert len({write(checkpoint, seed=seed, temperature=0) for seed in range(5)}) == 1


@pytest.mark.parametrize("seed", [0, 7, 2**64])
def test_samples_have_the_streams_that_numpy_spawns(seed):
    """The generator of sample i is the i-th child of the seed, however many there are."""
    children = np.random.SeedSequence(seed).spawn(4)
    for index, child in enumerate(children):
        expected = np.random.default_rng(child).random(5)
        np.testing.assert_array_equal(sample_rng(seed, index).random(5), expected)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 10.0])
def test_the_unknown_symbol_is_never_written(make_checkpoint, temperature):
    """A model that prefers the unknown symbol writes other characters."""
    checkpoint = make_checkpoint(has_unknown=True)
    checkpoint.arrays["output.bias"][checkpoint.vocabulary.unknown_id] = 1e4
    text = write(checkpoint, temperature=temperature, length=200)
    assert len(text) == 200
    assert set(text) <= set(checkpoint.vocabulary.characters)


def test_a_replacement_character_of_the_text_can_be_written(make_checkpoint):
    """U+FFFD in the vocabulary is an ordinary character."""
    checkpoint = make_checkpoint(characters="a\ufffd", has_unknown=True)
    assert "\ufffd" in write(checkpoint)


def test_without_a_prompt_a_line_begins(make_checkpoint):
    """An empty prompt is read as a newline, if the model has one."""
    checkpoint = make_checkpoint(**ATTENTIVE, characters="\t\n ab")
    assert write(checkpoint, "") == write(checkpoint, "\n")
    assert write(checkpoint, "") != write(checkpoint, "\t")


def test_without_a_prompt_or_a_line_end_the_first_character_is_read(make_checkpoint):
    """Without a newline, the first character of the vocabulary is read."""
    checkpoint = make_checkpoint(**ATTENTIVE, characters="xyz")
    assert write(checkpoint, "") == write(checkpoint, "x")
    assert write(checkpoint, "") != write(checkpoint, "z")


def test_the_prompt_matters(make_checkpoint):
    """The text depends on the whole prompt, not only on its last character."""
    checkpoint = make_checkpoint(**ATTENTIVE)
    assert write(checkpoint, "aaab") != write(checkpoint, "eeeb")


def test_an_unknown_character_in_the_prompt_is_named(make_checkpoint):
    """The error names the character, its code point, its position and a remedy, in one line."""
    with pytest.raises(UnknownCharacterError) as caught:
        write(make_checkpoint(), "ab\u00e9")
    message = str(caught.value)
    for part in ("'\u00e9'", "U+00E9", "character 3", "`on_unknown`"):
        assert part in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("has_unknown", [False, True])
def test_an_unknown_character_can_be_skipped(make_checkpoint, has_unknown):
    """Skipped characters have no effect."""
    checkpoint = make_checkpoint(has_unknown=has_unknown)
    assert write(checkpoint, "a?b\u20ac", on_unknown="skip") == write(checkpoint, "ab")
    assert write(checkpoint, "??", on_unknown="skip") == write(checkpoint, "")


def test_an_unknown_character_can_be_replaced(make_checkpoint):
    """A model without an unknown symbol reads a space instead."""
    checkpoint = make_checkpoint(**ATTENTIVE)
    assert write(checkpoint, "a?b", on_unknown="replace") == write(checkpoint, "a b")
    assert write(checkpoint, "a?b", on_unknown="replace") != write(checkpoint, "a\nb")


def test_an_unknown_character_is_read_as_the_unknown_symbol(make_checkpoint):
    """A model with an unknown symbol reads it for each unknown character."""
    checkpoint = make_checkpoint(**ATTENTIVE, has_unknown=True, dtype=np.float64)
    ids = checkpoint.vocabulary.encode("a b")
    as_space = slow_text(checkpoint, ids)
    ids[1] = checkpoint.vocabulary.unknown_id
    expected = slow_text(checkpoint, ids)
    assert write(checkpoint, "a?b", on_unknown="replace") == expected != as_space


def test_a_model_of_bytes_reads_and_writes_bytes(make_checkpoint):
    """The prompt is read as UTF-8 bytes, and each written character is a byte."""
    checkpoint = make_checkpoint(**ATTENTIVE, characters=ALL_BYTES, is_bytes=True, dtype=np.float64)
    expected = slow_text(checkpoint, "n\u00e9\u20ac".encode())
    assert write(checkpoint, "n\u00e9\u20ac") == expected
    assert max(write(checkpoint, length=300)) <= "\xff"


def test_a_text_scores_what_its_draws_were_worth(make_checkpoint, kind):
    """The score of a text is the sum of the log-probabilities with which it was drawn."""
    checkpoint = make_checkpoint(**kind, num_layers=2, scale=2.0, dtype=np.float64)
    network, vocabulary = network_of(checkpoint), checkpoint.vocabulary
    text = write(checkpoint, "b", length=150)
    ids = vocabulary.encode("b" + text)
    state = network.initial_state(1)
    nats = 0.0
    for here, there in itertools.pairwise(ids):
        logits, state = network.forward(np.array([[here]]), state)
        nats -= float(log_probs(logits)[0, 0, there])
    # 150 numbers of about two are added up in two orders, in float64.
    assert score(network, ids).nats == pytest.approx(nats, rel=1e-12)


def test_a_model_finds_its_own_text_as_surprising_as_it_expects(make_checkpoint, kind):
    """At temperature 1 the surprise of a model's own text is the entropy of its predictions."""
    checkpoint = make_checkpoint(**kind, scale=2.0)
    network = network_of(checkpoint)
    ids = checkpoint.vocabulary.encode("b" + write(checkpoint, "b", length=1500))
    logits, _ = network.forward(ids[None, :-1], network.initial_state(1))
    values = log_probs(logits[0])  # (T, V)
    entropies = -(np.exp(values) * values).sum(axis=-1)
    variances = (np.exp(values) * values**2).sum(axis=-1) - entropies**2
    excess = score(network, ids).nats - entropies.sum()
    # A sum of differences whose means are zero: chance exceeds 4 deviations once in 15,000 times.
    assert abs(excess) < 4 * np.sqrt(variances.sum())
