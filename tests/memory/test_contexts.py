"""Hashes of contexts, against the contexts written out; in blocks, and by character."""

from __future__ import annotations

import re

import numpy as np
import pytest

from charrnn.memory.recent.contexts import LENGTHS, NOTHING_READ, NUM_KINDS, SKIPS, Contexts
from charrnn.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary("\n Aab'1", separator="")
DOCUMENTS = Vocabulary(" ab", separator="\n")


def written(vocabulary: Vocabulary, ids: np.ndarray, place: int) -> list[tuple]:
    """Return the contexts after a place, written out."""
    text = vocabulary.decode(ids)
    before = ids[: place + 1].tolist()
    if vocabulary.end_id in before:  # a document begins with an end symbol
        before = before[len(before) - 1 - before[::-1].index(vocabulary.end_id) :]
    digits = [-1] * 24 + before
    contexts: list[tuple] = [tuple(digits[-length:]) for length in LENGTHS]
    contexts += [tuple(digits[-back] for back in backs) for backs in SKIPS]
    known = text[: place + 1]
    if vocabulary.separator and vocabulary.separator in known:
        known = vocabulary.separator + known.rpartition(vocabulary.separator)[2]
    return contexts + of_lines(known)


def words_of(text: str) -> list[str]:
    """Return the words of a text, an empty one last if the text does not end in a word."""
    words = re.split("[^0-9a-z]+", text.lower())
    return [word for word in words[:-1] if word] + words[-1:]


def of_lines(text: str) -> list[tuple]:
    """Return the contexts of words, fields and lines at the end of a text."""
    last, word = text[-1], words_of(text)[-1]
    before = ["", "", *words_of(text)[:-1]]
    above, line = ["", *text.split("\n")][-2:]
    in_line, fields, fields_above = words_of(line), line.split(" "), above.split(" ")
    # A field that has not begun is the empty one after the last space.
    fields = [field for field in fields[:-1] if field] + fields[-1:]
    fields_above = [field for field in fields_above if field]
    field = fields[-1]
    beside = fields_above[len(fields) - 1] if len(fields) <= len(fields_above) else ""
    first = in_line[0] if len(in_line) > 1 else ""
    num_words = len(in_line) - (not in_line[-1])
    digitless = re.sub("1+", "0", text)
    column = len(line)
    is_same = beside.startswith(field) if "\n" in text or " " in text or not field else False
    return [
        (digitless[-16:],),
        (word, last),
        (word, before[-1], last),
        (word, before[-2], last),
        (word, num_words, last),
        (len(fields), first, before[-1], min(column, 3)),
        (above[column : column + 1], above[column + 1 : column + 2], last),
        (beside[len(field) : len(field) + 1], is_same, len(fields), not field),
        (re.sub("1+", "0", line),),
    ]


@pytest.mark.parametrize("vocabulary", [VOCABULARY, DOCUMENTS])
@pytest.mark.parametrize("seed", range(5))
def test_equal_contexts_and_no_others_have_equal_hashes(vocabulary: Vocabulary, seed: int) -> None:
    """Two places share a hash exactly if they share that context, written out."""
    rng = np.random.default_rng(seed)
    often = rng.random(vocabulary.size) ** seed  # words and lines are longer and longer
    ids = rng.choice(vocabulary.size, 400, p=often / often.sum())
    contexts = Contexts(vocabulary)
    hashes, _ = contexts.read(ids, NOTHING_READ)
    for kind in range(NUM_KINDS):
        by_context: dict[tuple, int] = {}
        for place in range(len(ids)):
            context = written(vocabulary, ids, place)[kind]
            assert by_context.setdefault(context, hashes[place, kind]) == hashes[place, kind]
        assert len(set(by_context.values())) == len(by_context)


def test_kinds_do_not_share_hashes() -> None:
    """A word of one letter is not a context of one character."""
    contexts = Contexts(VOCABULARY)
    hashes, _ = contexts.read(np.random.default_rng(2).integers(0, 7, 300), NOTHING_READ)
    kinds = [set(hashes[:, kind].tolist()) for kind in range(NUM_KINDS)]
    assert len(set().union(*kinds)) == sum(map(len, kinds))


@pytest.mark.parametrize("vocabulary", [VOCABULARY, DOCUMENTS])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_blocks_do_not_matter(vocabulary: Vocabulary, size: int) -> None:
    """A text has the same hashes whatever the blocks, and character by character."""
    ids = np.random.default_rng(3).integers(0, vocabulary.size, 200)
    contexts = Contexts(vocabulary)
    whole, _ = contexts.read(ids, NOTHING_READ)
    tail, tails = NOTHING_READ, np.empty(2, object)
    tails.fill(NOTHING_READ)
    for begin in range(0, len(ids), size):
        hashes, tail = contexts.read(ids[begin : begin + size], tail)
        np.testing.assert_array_equal(hashes, whole[begin : begin + size])
    for place, id in enumerate(ids):
        hashes, tails = contexts.step(np.array([id, ids[-1 - place]]), tails)
        np.testing.assert_array_equal(hashes[0], whole[place])


def test_of_a_wide_line_the_first_columns_are_known() -> None:
    """Blocks and single characters agree there too."""
    ids = np.random.default_rng(4).integers(1, 7, 900)
    ids[[280, 600]] = 0
    contexts = Contexts(VOCABULARY)
    whole, _ = contexts.read(ids, NOTHING_READ)
    tails = np.empty(1, object)
    tails.fill(NOTHING_READ)
    for place, id in enumerate(ids):
        hashes, tails = contexts.step(np.array([id]), tails)
        np.testing.assert_array_equal(hashes[0], whole[place])
