"""Evidence against its formula written out, and the law that probabilities sum to one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from charrnn.memory.evidence import NUM_FOLLOWERS, Evidence
from charrnn.memory.expected import expect
from charrnn.memory.gate import shipped_gate
from charrnn.memory.parts import CONTEXTS, NUM_CONTEXTS, list_parts
from charrnn.memory.recent.contexts import NUM_KINDS
from charrnn.memory.trained import TRAINED_LENGTHS
from charrnn.model.ensemble import softmax

SIZE, NUM = 6, 50
NUM_TRAINED, NUM_READ = len(TRAINED_LENGTHS), NUM_KINDS


@pytest.fixture
def evidence() -> Evidence:
    """Evidence of all shapes: nothing, a few followers, one many times, all different."""
    rng = np.random.default_rng(1)
    shape = (NUM, NUM_TRAINED + NUM_READ, NUM_FOLLOWERS)
    followers = rng.integers(0, rng.integers(1, SIZE + 1, shape[:2])[..., None], shape)
    num = rng.integers(0, NUM_FOLLOWERS + 1, shape[:2])
    followers[np.arange(NUM_FOLLOWERS) >= num[..., None]] = SIZE
    ages = rng.integers(1, 10**6, (NUM, NUM_READ))
    last, sizes = np.arange(NUM) % SIZE, num[:, :NUM_TRAINED] * 3
    followers = np.ascontiguousarray(followers.transpose(2, 0, 1), np.int32)
    return Evidence(SIZE, last, followers, sizes, ages)


@pytest.fixture
def probs() -> np.ndarray:
    """What networks expect."""
    return softmax(np.random.default_rng(2).normal(0, 3, (NUM, SIZE)).astype(np.float32))


@pytest.fixture
def weights(evidence: Evidence) -> np.ndarray:
    """Weights of the parts that are there."""
    weights = np.random.default_rng(3).random(evidence.is_there.shape) * evidence.is_there
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def written_out(evidence: Evidence, probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mixture of one distribution for each part, by the formula."""
    mixtures = weights[:, :1] * probs
    for row in range(NUM):
        for kind, followers in enumerate(evidence.followers[:, row].T.tolist()):
            given = [each for each in followers if each < SIZE]
            if not given:
                continue
            first, taken = np.zeros(SIZE), 0.0
            for each, times in Counter(given).items():
                discount = 0.6 if times == 1 else 1.0
                first[each] = (times - discount) / len(given)
                taken += discount / len(given)
            mixtures[row] += weights[row, 1 + kind] * (first + taken * probs[row])
            if kind >= NUM_TRAINED and followers[0] < SIZE:
                part = 1 + NUM_TRAINED + NUM_READ + kind - NUM_TRAINED
                mixtures[row, followers[0]] += weights[row, part]
    return mixtures


def test_the_mixture_is_that_of_the_formula(evidence, probs, weights) -> None:
    """The oracle builds each part as a whole distribution."""
    wanted = written_out(evidence, probs, weights)
    mixed = probs.copy()
    evidence.mix(mixed, weights)
    np.testing.assert_allclose(mixed, wanted, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, rtol=1e-5)


def test_what_each_part_gives_a_target_is_its_probability_there(evidence, probs, weights) -> None:
    """For every character: the weighted sum over the parts is the mixture's probability."""
    mixed = probs.copy()
    evidence.mix(mixed, weights)
    for target in range(SIZE):
        given = evidence.given(np.full(NUM, target), probs[:, target])
        np.testing.assert_allclose((weights * given).sum(axis=1), mixed[:, target], rtol=1e-5)


def test_features_are_finite_and_zero_where_nothing_is(evidence, probs) -> None:
    """What is not there has no size, no kinds and no age."""
    expected = expect(np.log(probs))
    features = evidence.features(expected)
    assert np.isfinite(features).all()
    num_kinds = NUM_TRAINED + NUM_READ
    by_kind = features[:, :-2].reshape(NUM, 3, num_kinds)
    is_nothing = ~evidence.is_there[:, 1 : 1 + num_kinds]
    assert (by_kind.transpose(0, 2, 1)[is_nothing] == 0).all()
    np.testing.assert_allclose(features[:, -2], probs.max(axis=1), rtol=1e-5)
    entropy = -(probs * np.log(probs)).sum(axis=1)
    np.testing.assert_allclose(features[:, -1], entropy, rtol=1e-4)


def test_the_gate_of_the_program_fits(evidence, probs) -> None:
    """It weighs what there is, and nothing else."""
    features = evidence.features(expect(np.log(probs)))
    weights = shipped_gate().weigh(features, evidence.is_there, evidence.last)
    assert ((weights > 0) == evidence.is_there).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)


def test_shares_are_what_each_part_gave(evidence, probs, weights) -> None:
    """Shares sum to one; the networks have theirs and what the discounts leave to them."""
    targets = np.random.default_rng(4).integers(0, SIZE, NUM)
    chosen = probs[np.arange(NUM), targets]
    shares, facts = evidence.explain(targets, chosen, weights)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    given = (weights * evidence.given(targets, chosen)).sum(axis=1)
    num_kinds = evidence.followers.shape[2]
    left = (weights[:, 1 : 1 + num_kinds] * evidence.taken).sum(axis=1)
    np.testing.assert_allclose(shares[:, 0], (weights[:, 0] + left) * chosen / given, rtol=1e-4)
    nothing = facts[..., 0] == 0  # a context that never saw the character gives it nothing
    assert (shares[:, 1:][nothing] == 0).all()
    is_target = evidence.followers == targets[:, None]
    np.testing.assert_array_equal(facts[..., 0], is_target.sum(axis=0))
    np.testing.assert_array_equal(facts[..., 1], (evidence.followers < SIZE).sum(axis=0))


def test_what_no_part_gives_anything_is_the_networks(evidence, weights) -> None:
    """An impossible character has shares too."""
    impossible = np.full(NUM, SIZE + 1)
    only_networks = np.zeros_like(weights)
    only_networks[:, 0] = 1
    shares, _ = evidence.explain(impossible, np.zeros(NUM, np.float32), only_networks)
    assert (shares[:, 0] == 1).all()
    assert shares.sum() == NUM


def test_parts_are_listed_by_share_and_named() -> None:
    """The largest comes first, small ones are left out, and each kind of context has a name."""
    shares = np.zeros(1 + NUM_CONTEXTS, np.float32)
    shares[[0, 1, NUM_CONTEXTS]] = 0.3, 0.001, 0.699
    facts = np.arange(NUM_CONTEXTS * 4, dtype=np.int32).reshape(NUM_CONTEXTS, 4)
    times, num, _, age = facts[-1].tolist()
    assert list(list_parts(shares, facts)) == [
        {
            "source": "read",
            "context": "line so far, numbers as one figure",
            "share": pytest.approx(0.699),
            "times": times,
            "of": num,
            "ago": age,
        },
        {"source": "networks", "share": pytest.approx(0.3)},
    ]
    assert len(set(CONTEXTS)) == NUM_CONTEXTS == NUM_TRAINED + NUM_READ
