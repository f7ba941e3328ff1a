"""Sets of hashes in few bits: none is forgotten, few are invented, and damage is refused."""

from __future__ import annotations

import numpy as np
import pytest

from charrnn.memory.hash_set import HashSet, coded_bytes, distinct

RNG = np.random.default_rng(7)


def some_hashes(count):
    """Return random hashes."""
    return RNG.integers(0, 1 << 64, count, dtype=np.uint64)


@pytest.mark.parametrize("remainder_bits", [1, 8, 11, 19, 24])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 1000])
def test_every_hash_of_a_set_is_found(size, remainder_bits):
    """A set never says no to what is in it, before and after it was in a file."""
    hashes = some_hashes(size)
    found = HashSet.of(hashes, remainder_bits)
    again = HashSet(found.size, remainder_bits, found.coded.copy())
    assert found.contain(hashes).all()
    assert again.contain(hashes).all()
    assert found.size == size


def test_equal_hashes_count_once():
    """A hash that is given many times takes the room of one."""
    hashes = some_hashes(10)
    assert HashSet.of(np.tile(hashes, 50), 11).size == 10


def test_distinct_is_what_numpy_calls_unique():
    """The quick way and NumPy's agree."""
    for hashes in (some_hashes(0), some_hashes(1), np.repeat(some_hashes(50), 3)):
        np.testing.assert_array_equal(distinct(hashes), np.unique(hashes))


@pytest.mark.parametrize("remainder_bits", [4, 8, 11])
def test_few_hashes_are_found_that_are_not_there(remainder_bits):
    """Of many others as many are found as the bits promise, within five standard deviations."""
    found = HashSet.of(some_hashes(5000), remainder_bits)
    others = some_hashes(400_000)
    expected = len(others) * found.false_positive_rate
    assert found.false_positive_rate == 2.0**-remainder_bits
    assert abs(found.contain(others).sum() - expected) < 5 * np.sqrt(expected)


def test_an_empty_set_holds_nothing():
    """Of no hashes none is found, and none can be found by chance."""
    found = HashSet.of(some_hashes(0), 11)
    assert not found.contain(some_hashes(100)).any()
    assert found.false_positive_rate == 0


@pytest.mark.parametrize("size", [0, 1, 5, 1000])
def test_the_size_of_the_code_is_known(size):
    """The code has two bits and the remainder for each hash."""
    found = HashSet.of(some_hashes(size), 11)
    assert len(found.coded) == coded_bytes(size, 11)
    assert coded_bytes(size, 11) <= size * 13 / 8 + 2


def test_a_code_that_does_not_fit_its_size_is_refused():
    """One byte more or less, another count, or another number of ones is noticed."""
    found = HashSet.of(some_hashes(100), 11)
    damaged = found.coded.copy()
    damaged[3] ^= 1
    for size, coded in [
        (100, found.coded[:-1]),
        (100, np.append(found.coded, np.uint8(0))),
        (99, found.coded),
        (1 << 31, found.coded),
        (100, damaged),
    ]:
        with pytest.raises(ValueError, match="a set of fingerprints"):
            HashSet(size, 11, coded)


def test_any_bits_in_the_right_number_can_be_asked():
    """A hostile code is a set of something: it is asked without an error."""
    size = 64
    for _ in range(200):
        coded = RNG.integers(0, 256, coded_bytes(size, 11)).astype(np.uint8)
        ones = np.zeros(2 * size, np.uint8)
        ones[RNG.permutation(2 * size)[:size]] = 1
        coded[: 2 * size // 8] = np.packbits(ones)
        answers = HashSet(size, 11, coded).contain(some_hashes(1000))
        assert answers.shape == (1000,)
