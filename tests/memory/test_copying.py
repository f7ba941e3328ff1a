"""What is copied, against an exhaustive search of the training text."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from charrnn.memory.copying import GRAM_CHARS, CopiedRuns, CopySearch, Novelty
from charrnn.memory.index import build_index
from charrnn.text.vocabulary import Vocabulary

STORY = (Path(__file__).parent.parent.parent / "corpora" / "harbour.txt").read_text("utf-8")
VOCABULARY = Vocabulary("".join(sorted(set(STORY))))
TRAINING, OTHER = STORY[:110_000], STORY[110_000:]


def encode(text):
    """Return the ids of a text; -1 for unknown characters."""
    return VOCABULARY.look_up(text)


@pytest.fixture(scope="module")
def index():
    """The index of most of a story."""
    return build_index(encode(TRAINING), VOCABULARY.size)


@pytest.fixture(scope="module")
def grams():
    """All 20-grams of the indexed part."""
    return {TRAINING[i : i + GRAM_CHARS] for i in range(len(TRAINING) - GRAM_CHARS + 1)}


def search(index, *parts):
    """Return the novelty of a text in parts."""
    found = CopySearch(index)
    for part in parts:
        found.read(encode(part))
    return found.result()


def longest_passage(text, training):
    """Return the length of the longest copied passage by exhaustive search."""
    best = 0
    for begin in range(len(text)):
        while begin + best < len(text) and text[begin : begin + best + 1] in training:
            best += 1
    return best


def patchwork(rng, training):
    """Return a text of copied passages and random characters, some of them unknown."""
    parts = [""]
    for _ in range(rng.integers(0, 8)):
        begin = rng.integers(0, len(training))
        copied = training[begin : begin + rng.integers(1, 120)]
        made_up = "".join(rng.choice(list("abcd?"), rng.integers(1, 40)))
        parts.append(copied if rng.random() < 0.6 else made_up)
    return "".join(parts)


def test_all_numbers_are_those_of_an_exhaustive_search(monkeypatch):
    """The count of copied 20-grams and the longest passage are exact, for any reads and blocks."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        vocabulary = Vocabulary("abcd"[: rng.integers(1, 5)])
        training = "".join(rng.choice(list(vocabulary.characters), rng.integers(1, 300)))
        text = patchwork(rng, training)
        monkeypatch.setattr("charrnn.memory.copying._BLOCK_CHARS", int(rng.integers(1, 60)))
        found = CopySearch(build_index(vocabulary.look_up(training), vocabulary.size))
        for part in np.split(vocabulary.look_up(text), np.sort(rng.integers(0, len(text) + 1, 3))):
            found.read(part)
        grams = {training[i : i + GRAM_CHARS] for i in range(len(training) - GRAM_CHARS + 1)}
        copied = sum(text[i : i + GRAM_CHARS] in grams for i in range(len(text) - GRAM_CHARS + 1))
        expected = Novelty(len(text), copied, longest_passage(text, training))
        assert found.result() == expected, seed
        assert found.result() == expected, seed  # asking does not change the answer


def test_the_training_text_is_all_copied(index):
    """A stretch of the text itself is found whole."""
    found = search(index, TRAINING[:4000], TRAINING[4000:20_000])
    assert found.copied_share == 1
    assert found.longest == 20_000


def test_the_numbers_of_a_real_text(index, grams):
    """A later part of the story has few copies, and they are counted."""
    found = search(index, OTHER)
    is_in = [OTHER[i : i + GRAM_CHARS] in grams for i in range(len(OTHER) - GRAM_CHARS + 1)]
    assert found.num_copied == sum(is_in)
    assert found.copied_share == pytest.approx(sum(is_in) / len(is_in))
    assert found.longest == longest_passage(OTHER, TRAINING)


@pytest.mark.parametrize("sizes", [[1], [19, 1, 20], [7], [1000], [3, 40_000]])
def test_the_parts_in_which_a_text_is_read_do_not_matter(index, sizes):
    """The sizes of reads do not change the result."""
    text = TRAINING[:700] + OTHER[:700] + TRAINING[40_000:41_000]
    found, place = CopySearch(index), 0
    for size in itertools.cycle(sizes):
        found.read(encode(text[place : place + size]))
        place += size
        if place >= len(text):
            break
    assert found.result() == search(index, text)


@pytest.mark.parametrize("count", [0, 1, 19])
def test_a_text_without_20_grams(index, count):
    """A text below 20 characters has no share, but a longest passage."""
    found = search(index, TRAINING[:count])
    assert found == Novelty(count, 0, count)
    assert found.copied_share is None
    assert found.to_json()["copied_share"] is None
    assert "%" not in found.line()


def test_the_unknown_symbol_is_in_no_passage():
    """The unknown symbol ends a passage."""
    ids = encode(TRAINING)
    unknown_id = VOCABULARY.size
    ids[::10] = unknown_id
    found = CopySearch(build_index(ids, VOCABULARY.size + 1), unknown_id)
    found.read(ids[:5000])
    assert found.result() == Novelty(5000, 0, 9)


def test_runs_are_those_at_the_end_of_the_text():
    """After each character, every length knows what followed it in the training text."""
    rng = np.random.default_rng(3)
    training = "".join(rng.choice(list("ab"), 200))
    vocabulary = Vocabulary("ab")
    runs = CopiedRuns(build_index(vocabulary.look_up(training), 2))
    text = patchwork(rng, training).replace("c", "a").replace("d", "b").replace("?", "")
    assert len(text) > 100
    for end in range(1, len(text) + 1):
        runs.read(int(vocabulary.look_up(text[end - 1])[0]))
        longest = max(n for n in range(end + 1) if text[end - n : end] in training)
        assert runs.longest == longest
        for length in range(longest + 2):
            run = text[end - length : end]
            after = [
                training[i + length : i + length + 1]
                for i in range(len(training) - length + 1)
                if training[i : i + length] == run and length <= end
            ]
            expected = sorted("ab".find(each) if each else 2 for each in after)
            assert sorted(runs.followers(length).tolist()) == expected
