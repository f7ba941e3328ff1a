"""The sketch of a text: its hashes against a plain computation, its size, and what it holds."""

from __future__ import annotations

import numpy as np
import pytest

from charrnn.memory import sketch as sketching
from charrnn.memory.sketch import GRAM_CHARS, MAX_BYTES, RunHashes, Sketch, build_sketch
from charrnn.text.vocabulary import Vocabulary

ASCII = "".join(map(chr, range(32, 127)))
LETTERS = Vocabulary(ASCII)
BIG = 1 << 64


def random_ids(count, size=95, seed=0):
    """Return a random text of so many characters."""
    return np.random.default_rng(seed).integers(0, size, count).astype(np.uint8)


def slow_hash(ids):
    """Return the hash of a run, by the sum that defines it and Python's integers."""
    base = 0x9E3779B97F4A7C15
    value = sum(int(x) % BIG * pow(base, i, BIG) for i, x in enumerate(ids)) % BIG
    for shift in (32, 29):
        value = (value ^ value >> shift) * 0xD6E8FEB86659FD93 % BIG
    return value ^ value >> 32


@pytest.mark.parametrize("length", [1, 2, 20, 43])
@pytest.mark.parametrize(("start", "stride"), [(0, 1), (5, 1), (0, 7), (3, 20)])
def test_hashes_are_those_of_their_definition(length, start, stride):
    """The difference of sums gives what adding up each run gives, unknown characters included."""
    ids = random_ids(200).astype(np.int64)
    ids[[17, 80]] = -1
    found = RunHashes(ids).of(length, start, stride)
    expected = [slow_hash(ids[i : i + length]) for i in range(start, 201 - length, stride)]
    assert found.tolist() == expected


def test_a_text_shorter_than_the_run_has_none():
    """There is nothing to hash in less than a run."""
    assert len(RunHashes(random_ids(19)).of(20)) == 0
    assert len(RunHashes(random_ids(0)).of(20)) == 0
    assert len(RunHashes(random_ids(25)).of(20, start=6)) == 0


def test_hashes_of_a_long_piece_are_those_of_short_ones():
    """Where a piece is longer than the powers that are kept, the hashes are the same."""
    ids = random_ids(2 * sketching._PIECE + 100)
    whole = RunHashes(ids).of(20)
    np.testing.assert_array_equal(whole[-50:], RunHashes(ids[-69:]).of(20))


@pytest.mark.parametrize("num_chars", [4000, 20_000, 100_000, 500_000])
@pytest.mark.parametrize("characters", [ASCII, "".join(map(chr, range(0x4E00, 0x4E00 + 95)))])
def test_a_sketch_takes_at_most_a_tenth_of_its_text(num_chars, characters):
    """A tenth of the bytes is the limit, and nearly all of it is used by a text without repeats."""
    vocabulary = Vocabulary(characters)
    ids = random_ids(num_chars)
    num_bytes = len(vocabulary.decode(ids).encode())
    array = build_sketch(ids, vocabulary).to_array()
    assert 0.8 * (num_bytes / 10 - 120) <= len(array) + sketching._ENTRY_BYTES <= num_bytes / 10


def test_a_sketch_is_never_longer_than_its_limit(monkeypatch):
    """Of a text that is too long for the limit fewer grams and blocks are kept."""
    monkeypatch.setattr(sketching, "MAX_BYTES", 2000)
    sketch = build_sketch(random_ids(300_000), LETTERS)
    assert 1500 < len(sketch.to_array()) <= 2000
    assert sketch.stride > 500
    assert MAX_BYTES <= 8 << 20


@pytest.mark.parametrize("num_chars", [0, 1, 19, 20, 100, 1000])
def test_a_text_that_is_too_short_has_no_sketch(num_chars):
    """A tenth of a short text is no room for anything."""
    assert build_sketch(random_ids(num_chars), LETTERS) is None


def test_a_sketch_comes_back_from_its_array():
    """What is written is what is read."""
    sketch = build_sketch(random_ids(20_000), LETTERS)
    again = Sketch.from_array(sketch.to_array())
    assert (again.threshold, again.stride) == (sketch.threshold, sketch.stride)
    np.testing.assert_array_equal(again.to_array(), sketch.to_array())


def test_the_grams_of_a_sketch_are_the_lowest():
    """Of all distinct grams, those are kept that have the lowest hashes, and no others."""
    ids = np.concatenate([random_ids(70_000), random_ids(70_000), random_ids(9_000, seed=1)])
    sketch = build_sketch(ids, LETTERS)
    hashes = sorted({slow_hash(ids[i : i + GRAM_CHARS]) for i in range(3000)})
    kept = [value for value in hashes if value <= sketch.threshold]
    assert sketch.grams.contain(np.array(kept, np.uint64)).all()
    # In the whole text, counted with NumPy: as many as the sketch says, up to the threshold.
    every = np.unique(np.concatenate([RunHashes(ids).of(GRAM_CHARS)]))
    assert every[sketch.grams.size - 1] == sketch.threshold
    assert sketch.grams.contain(every[: sketch.grams.size]).all()


@pytest.mark.parametrize("num_chars", [50_000, 2 * sketching._PIECE + 17])
def test_the_blocks_of_a_sketch_are_at_every_stride(num_chars):
    """The blocks that begin at the multiples of the stride are there, to the last whole one."""
    ids = random_ids(num_chars)
    sketch = build_sketch(ids, LETTERS)
    length = sketch.block_chars
    begins = range(0, num_chars - length + 1, sketch.stride)
    blocks = np.array([RunHashes(ids[b : b + length]).of(length)[0] for b in begins])
    assert sketch.blocks.contain(blocks).all()
    assert sketch.blocks.size == len(begins)


def test_all_grams_of_a_text_that_repeats_itself_are_kept():
    """Where the distinct grams are few, the sketch has them all and says so by its threshold."""
    sketch = build_sketch(np.tile(random_ids(50), 1000), LETTERS)
    assert sketch.grams.size == 50
    assert sketch.threshold == BIG - 1


def test_an_array_that_is_no_sketch_is_refused():
    """Other types, shapes, lengths and numbers are refused, and so are numbers that lie."""
    good = build_sketch(random_ids(20_000), LETTERS).to_array()
    stride, grams = slice(8, 12), slice(12, 16)
    for part in (stride, grams):
        zeroed = good.copy()
        zeroed[part] = 0
        with pytest.raises(ValueError, match="its sketch"):
            Sketch.from_array(zeroed)
        huge = good.copy()
        huge[part] = 255
        if part is grams:
            with pytest.raises(ValueError, match="its sketch"):
                Sketch.from_array(huge)
    for bad in (good[:-1], good[:10], good[:0], good.astype(np.float32), good[None]):
        with pytest.raises(ValueError, match="its sketch"):
            Sketch.from_array(bad)
