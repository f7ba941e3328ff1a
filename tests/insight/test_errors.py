"""The loss by kinds of characters."""

from __future__ import annotations

import numpy as np

from charrnn.insight.errors import split_loss
from charrnn.insight.text import make_text
from charrnn.memory.index import build_index
from charrnn.text.vocabulary import Vocabulary

TRAINED = "the sea was calm and the gulls were loud\n" * 30 + "z"
VOCABULARY = Vocabulary("".join(sorted(set(TRAINED + "xq"))))


def names_of(text, index):
    """Return the kind of each character of a text."""
    found = []
    for place in range(len(text.ids)):
        nats = np.full(len(text.ids), np.nan)
        nats[place] = 1.0
        (kind,) = [each for each in split_loss(text, nats, index) if each.chars]
        found.append(kind.name)
    return found


def test_each_character_is_of_the_first_kind_that_fits():
    """By hand."""
    index = build_index(VOCABULARY.encode(TRAINED), VOCABULARY.size)
    names = names_of(make_text(VOCABULARY, "the sea waxx\nlow z seas"), index)
    word = ["start of a word", "inside a word", "inside a word"]
    assert names[:7] == [*word, "anything else", *word]
    assert names[7:10] == ["known 8-gram"] * 3  # "the sea ", "he sea w", "e sea wa"
    assert names[10:12] == ["rare character"] * 2
    assert names[13] == "after a newline"
    assert names[14:16] == ["inside a new word"] * 2  # no "low" in the training text
    assert names[17] == "rare character"
    assert names[19:] == ["start of a word", *["inside a new word"] * 3]  # and no "seas"


def test_without_an_index_nothing_is_known_or_new():
    """The kinds that need the training text are absent."""
    text = make_text(VOCABULARY, "the sea\nwaxx")
    nats = np.random.default_rng(0).random(len(text.ids))
    nats[0] = np.nan
    kinds = split_loss(text, nats, None)
    assert [kind.name for kind in kinds] == [
        "after a newline",
        "start of a word",
        "inside a word",
        "anything else",
    ]
    assert sum(kind.chars for kind in kinds) == len(text.ids) - 1
    np.testing.assert_allclose(sum(kind.nats for kind in kinds), np.nansum(nats))
