"""Units that follow something: a planted one is found, and nothing is found where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from charrnn.errors import TextError
from charrnn.insight.features import find_features
from charrnn.insight.following import find_units, shuffle_weights
from charrnn.insight.text import make_text
from charrnn.model.units import Unit

OPEN, SHUT = "\u201c", "\u201d"
CHARACTERS = "\n abcde" + OPEN + SHUT
PLANTED = 2


def speech(num: int, seed: int = 0) -> str:
    """Return words of which some stretches stand in quotes."""
    rng = np.random.default_rng(seed)
    parts = []
    while sum(map(len, parts)) < num:
        words = "".join(rng.choice(list("abcde "), rng.integers(20, 80)))
        parts.append(rng.choice([words, f"{OPEN}{words}{SHUT}"]))
    return " ".join(parts)


@pytest.fixture
def planted(make_checkpoint):
    """A model with one unit that is high from an opening quote to the closing one.

    At a quote its forget gate is shut and its input gate open; elsewhere it keeps what it has. Its
    output says that a closing quote may come.
    """
    checkpoint = make_checkpoint(
        "lstm", hidden_size=8, embedding_size=9, characters=CHARACTERS, scale=1.0
    )
    arrays = {name: array.copy() for name, array in checkpoint.arrays.items()}
    arrays["embedding.weight"] = np.eye(9, dtype=np.float32)  # the order of the ids
    i, f, g, o = (block * 8 + PLANTED for block in range(4))
    quotes = [checkpoint.vocabulary.characters.index(c) for c in (OPEN, SHUT)]
    for row in (i, f, g, o):
        arrays["layers.0.weight_ih"][row] = 0
        arrays["layers.0.weight_hh"][row] = 0
        arrays["layers.0.bias_ih"][row] = arrays["layers.0.bias_hh"][row] = 0
    arrays["layers.0.bias_ih"][[i, f, o]] = [-9, 9, 9]
    arrays["layers.0.weight_ih"][i, quotes] = 18
    arrays["layers.0.weight_ih"][f, quotes] = -18
    arrays["layers.0.weight_ih"][g, quotes] = [3, -3]
    arrays["output.weight"][:, PLANTED] = 0
    arrays["layers.0.weight_hh"][:, PLANTED] = 0  # no other unit follows it
    arrays["output.weight"][quotes, PLANTED] = [-2, 2]
    arrays["output.bias"][quotes] = -4
    return replace(checkpoint, arrays=arrays)


def search(checkpoint, text, features=None):
    """Return what is found in a text."""
    made = make_text(checkpoint.vocabulary, text)
    features = find_features(made.shown) if features is None else features
    return find_units(checkpoint.config, checkpoint.arrays, made, features)


def test_a_planted_unit_is_found(planted):
    """The unit that was made to follow quotes does, and without it they are forgotten."""
    found = search(planted, speech(12_000))
    (quotes,) = [each for each in found.found if each.feature.name == "inside quotes"]
    assert quotes.unit == Unit(0, PLANTED)
    assert quotes.sign == 1
    assert quotes.auc is not None
    assert quotes.auc > 0.95
    assert quotes.score > max(quotes.chance, quotes.untrained, quotes.last_three)
    assert quotes.where > 0.01  # nats a character: what it told is lost
    assert SHUT in [text for text, _ in quotes.broken]


def test_a_low_unit_follows_as_well(planted):
    """A unit that falls where the feature holds has the sign -1."""
    row = planted.arrays["layers.0.weight_ih"][16 + PLANTED]
    row *= -1
    found = search(planted, speech(12_000))
    (quotes,) = [each for each in found.found if each.feature.name == "inside quotes"]
    assert (quotes.unit, quotes.sign) == (Unit(0, PLANTED), -1)


@pytest.mark.slow
def test_shifted_features_are_followed_by_none(planted):
    """In 19 of 20 trials, a feature at the wrong places is not found."""
    text = make_text(planted.vocabulary, speech(12_000))
    (quotes,) = [each for each in find_features(text.shown) if each.name == "inside quotes"]
    rng = np.random.default_rng(1)
    num_found = 0
    for _ in range(20):
        shift = int(rng.integers(1500, len(text.ids) - 1500))
        shifted = replace(quotes, values=np.roll(quotes.values, shift))
        num_found += bool(search(planted, text.shown, [shifted]).found)
    assert num_found <= 1


@pytest.mark.slow
def test_an_untrained_model_follows_nothing(make_checkpoint, story, story_vocabulary):
    """In 19 of 20 seeds, on the story."""
    num_found = 0
    for seed in range(20):
        checkpoint = make_checkpoint(
            "lstm",
            hidden_size=32,
            embedding_size=16,
            characters=story_vocabulary.characters,
            seed=seed,
        )
        num_found += bool(search(checkpoint, story).found)
    assert num_found <= 1


def test_rare_features_are_left_out(planted):
    """They are named."""
    found = search(planted, speech(12_000).replace(OPEN, "").replace(SHUT, ""))
    assert "inside quotes" in found.left_out
    assert "inside quotes" not in found.tried


def test_a_short_text_is_refused(planted):
    """With a word on how much it takes."""
    with pytest.raises(TextError, match="takes 8,000 or more"):
        search(planted, speech(2000))


def test_shuffled_weights_are_the_same_numbers(planted):
    """In another order."""
    shuffled = shuffle_weights(planted.arrays, np.random.default_rng(0))
    for name, array in planted.arrays.items():
        np.testing.assert_array_equal(np.sort(shuffled[name].ravel()), np.sort(array.ravel()))
    assert (shuffled["output.weight"] != planted.arrays["output.weight"]).any()
