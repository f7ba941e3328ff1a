"""Copy estimates against an exact search of the training text."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from charrnn.memory.copying import CHANCE, CopySearch, Novelty
from charrnn.memory.sketch import GRAM_CHARS, build_sketch
from charrnn.text.vocabulary import Vocabulary

STORY = (Path(__file__).parent.parent.parent / "corpora" / "harbour.txt").read_text("utf-8")
VOCABULARY = Vocabulary("".join(sorted(set(STORY))))
TRAINING, OTHER = STORY[:110_000], STORY[110_000:]


def encode(text):
    """Return the ids of a text; -1 for unknown characters."""
    return VOCABULARY.look_up(text)


@pytest.fixture(scope="module")
def sketch():
    """A sketch of most of a story."""
    return build_sketch(encode(TRAINING).astype(np.uint8), VOCABULARY)


@pytest.fixture(scope="module")
def grams():
    """All 20-grams of the sketched part: the oracle."""
    return {TRAINING[i : i + GRAM_CHARS] for i in range(len(TRAINING) - GRAM_CHARS + 1)}


def search(sketch, *parts):
    """Return the novelty of a text in parts."""
    found = CopySearch(sketch)
    for part in parts:
        found.read(encode(part))
    return found.result()


def random_text(count, seed):
    """Return random characters; no 20-gram of them occurs in the story."""
    ids = np.random.default_rng(seed).integers(0, VOCABULARY.size, count)
    return VOCABULARY.decode(ids)


def longest_passage(text):
    """Return the length of the longest copied passage by exhaustive search."""
    best = 0
    for begin in range(len(text)):
        while text[begin : begin + best + 1] in TRAINING and begin + best < len(text):
            best += 1
    return best


def test_the_training_text_is_all_copied(sketch):
    """The text itself is found whole, but for its ends."""
    found = search(sketch, TRAINING)
    assert found.copied_share == 1
    assert len(TRAINING) - sketch.stride < found.longest <= len(TRAINING)
    assert found.longest_limit == len(TRAINING)


def test_a_random_text_is_all_new(sketch):
    """In an unrelated text, finds are due to chance."""
    found = search(sketch, random_text(5000, 1))
    assert found.copied_share < 0.03
    assert found.longest == 0


def test_the_rate_of_false_positives(sketch):
    """Fewer than 1 in 1,000 random 20-grams is a false positive."""
    found = CopySearch(sketch)
    rng = np.random.default_rng(3)
    while found.result().grams_checked < 100_000:
        found.read(rng.integers(0, VOCABULARY.size, 1 << 18))
    assert found.result().grams_found / found.result().grams_checked < 1e-3


def test_no_gram_of_the_text_is_missed(sketch):
    """Every checked gram of a copied part is found."""
    rng = np.random.default_rng(4)
    for begin in rng.integers(0, len(TRAINING) - 1000, 50):
        found = search(sketch, TRAINING[begin : begin + 1000])
        assert found.grams_found == found.grams_checked


def test_the_share_is_that_of_all_grams(sketch, grams):
    """The estimate is near the count over all 20-grams, within four standard errors."""
    rng = np.random.default_rng(5)
    for copied in (0.1, 0.5, 0.9):
        parts = []
        for number in range(200):
            begin = rng.integers(0, len(TRAINING) - 300)
            length = int(300 * copied)
            parts += [TRAINING[begin : begin + length], random_text(300 - length, 1000 + number)]
        text = "".join(parts)
        is_in = [text[i : i + GRAM_CHARS] in grams for i in range(len(text) - GRAM_CHARS + 1)]
        share = sum(is_in) / len(is_in)
        found = search(sketch, text)
        error = math.sqrt(share * (1 - share) / found.grams_checked)
        assert abs(found.copied_share - share) < 4 * error + 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("length", [19, 20, 43, 60, 85, 86, 129, 200, 1000])
def test_the_longest_passage_is_within_the_limits(sketch, length):
    """The bounds hold for a passage among random characters."""
    rng = np.random.default_rng(length)
    guaranteed = sketch.stride + sketch.block_chars - 1
    for number, begin in enumerate(rng.integers(0, len(TRAINING) - length, 20)):
        passage = TRAINING[begin : begin + length]
        text = f"{random_text(150, number)}\t{passage}\t{random_text(150, number + 100)}"
        found = search(sketch, text)
        longest = longest_passage(text)  # random neighbours may happen to fit
        assert found.longest <= longest <= found.longest_limit
        if length >= guaranteed and len(text) <= 500:
            assert found.longest >= length - 2 * (sketch.stride - 1)


def test_passages_of_a_real_text_are_within_the_limits(sketch):
    """The bounds hold for a real text."""
    for begin in range(0, len(OTHER) - 2000, 2000):
        text = OTHER[begin : begin + 2000]
        found = search(sketch, text)
        assert found.longest <= longest_passage(text) <= found.longest_limit


@pytest.mark.slow
def test_two_passages_side_by_side_are_not_one(sketch):
    """A jump within the story ends a passage."""
    rng = np.random.default_rng(6)
    joined = 0
    for _ in range(200):
        one, other = rng.integers(0, len(TRAINING) - 130, 2)
        text = TRAINING[one : one + 130] + TRAINING[other : other + 130]
        found = search(sketch, text)
        longest = longest_passage(text)
        assert longest <= found.longest_limit
        joined += found.longest > longest
    # The places fit each other by chance, one in a stride, and hide where grams are not checked.
    assert joined <= 6


def test_chance_makes_few_passages(sketch):
    """Fewer than 1 in 1,000 random texts is reported to hold a passage."""
    wrong = sum(search(sketch, random_text(500, seed)).longest > 0 for seed in range(3000))
    assert wrong <= 3 + 3 * math.sqrt(3000 * CHANCE)


def test_a_line_of_dashes_does_not_grow():
    """The length of a repeated character is not bounded from above."""
    training = TRAINING[:50_000] + "-" * 80 + TRAINING[50_000:]
    sketch = build_sketch(encode(training).astype(np.uint8), VOCABULARY)
    found = search(sketch, "\t" + "-" * 1000)
    assert found.longest <= 80
    assert found.longest_limit == 1001


@pytest.mark.parametrize("sizes", [[1], [19, 1, 20], [7], [1000], [3, 40_000]])
def test_the_parts_in_which_a_text_is_read_do_not_matter(sketch, sizes, monkeypatch):
    """Neither the size of reads nor of look-ups changes the result."""
    text = TRAINING[:700] + OTHER[:700] + TRAINING[40_000:41_000] + random_text(300, 9)
    whole = search(sketch, text)
    for piece in (64, 1 << 15):
        monkeypatch.setattr("charrnn.memory.copying._PIECE", piece)
        found, place = CopySearch(sketch), 0
        for size in itertools.cycle(sizes):
            found.read(encode(text[place : place + size]))
            place += size
            if place >= len(text):
                break
        assert found.result() == whole
        assert found.result() == whole  # asking does not change the answer


@pytest.mark.parametrize("count", [0, 1, 19])
def test_a_text_without_20_grams(sketch, count):
    """A text below 20 characters has no estimate."""
    found = search(sketch, TRAINING[:count])
    assert found == Novelty(count, 0, 0, 0, count)
    assert found.copied_share is None
    assert "too short to tell" in found.line()
    assert found.to_json()["copied_share"] is None


def test_an_unknown_character_is_in_no_passage(sketch):
    """An unknown character ends a passage."""
    passage = TRAINING[3000:3400]
    whole = search(sketch, passage)
    broken = search(sketch, passage[:200] + "\u4e2d" + passage[200:])
    assert whole.longest > 300
    assert broken.longest <= 200
    assert broken.copied_share < 1


def test_the_unknown_symbol_is_in_no_passage():
    """The unknown symbol ends a passage."""
    ids = encode(TRAINING).astype(np.uint8)
    unknown_id = VOCABULARY.size
    ids[::10] = unknown_id
    sketch = build_sketch(ids, Vocabulary(VOCABULARY.characters, has_unknown=True))
    found = CopySearch(sketch, unknown_id)
    found.read(ids[:5000])
    assert found.result().copied_share < 0.03
    assert found.result().longest == 0


def test_a_text_of_few_bytes_for_each_character_is_sketched_more_thinly():
    """A sketch of Chinese, at 3 bytes per character, keeps more."""
    rng = np.random.default_rng(8)
    chinese = Vocabulary("".join(map(chr, range(0x4E00, 0x4E00 + 200))))
    ids = rng.integers(0, 200, 30_000).astype(np.uint8)
    sketch = build_sketch(ids, chinese)
    assert sketch.stride < GRAM_CHARS == sketch.block_chars
    found = CopySearch(sketch)
    found.read(np.concatenate([rng.integers(0, 200, 200), ids[777:877], rng.integers(0, 200, 200)]))
    result = found.result()
    assert 100 - 2 * (sketch.stride - 1) <= result.longest <= 100 <= result.longest_limit
