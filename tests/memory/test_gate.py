"""The gate against torch: its weights, its gradient, Adam, and the biases after each character."""

from __future__ import annotations

import numpy as np
import torch

from charrnn.memory.gate import BIAS_RATE, NAMES, RATE, Gate, shipped_gate

FEATURES, HIDDEN, PARTS, NUM, SIZE = 7, 5, 4, 30, 3


def make_gate() -> tuple[Gate, dict[str, np.ndarray]]:
    """Return a small gate and its weights."""
    rng = np.random.default_rng(1)
    shapes = [(FEATURES, HIDDEN), (HIDDEN,), (HIDDEN, PARTS), (PARTS,)]
    arrays = {
        name: rng.normal(0, 1, shape).astype(np.float32)
        for name, shape in zip(NAMES, shapes, strict=True)
    }
    return Gate(arrays), arrays


def make_data(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return features, which parts are there, the last characters, and what the parts give."""
    rng = np.random.default_rng(seed)
    is_there = rng.random((NUM, PARTS)) < 0.6
    is_there[:, 0] = True
    given = rng.random((NUM, PARTS)).astype(np.float32)
    last = rng.integers(0, SIZE, NUM)
    return rng.normal(size=(NUM, FEATURES)).astype(np.float32), is_there, last, given


def test_it_learns_as_torch_does() -> None:
    """Steps on the mean loss of the mixture move the weights and biases as autograd says."""
    shipped, arrays = make_gate()
    gate = shipped.learner(SIZE)
    biases = torch.zeros(SIZE, PARTS, requires_grad=True)
    tensors = {name: torch.tensor(array, requires_grad=True) for name, array in arrays.items()}
    optimizer = torch.optim.Adam(tensors.values(), lr=float(RATE))
    plain = torch.optim.SGD([biases], lr=float(BIAS_RATE) * NUM)
    for seed in range(20):
        features, is_there, last, given = make_data(seed)
        weight, bias, output_weight, output_bias = tensors.values()
        outputs = torch.tanh(torch.tensor(features) @ weight + bias) @ output_weight + output_bias
        outputs = outputs + biases[torch.from_numpy(last)]
        weights = outputs.masked_fill(~torch.tensor(is_there), -torch.inf).softmax(1)
        for found in (
            gate.weigh(features, is_there, last),
            gate.weigh_and_learn(features, is_there, last, given),
        ):
            np.testing.assert_allclose(found, weights.detach().numpy(), rtol=1e-3, atol=1e-5)
        (-(weights * torch.tensor(given)).sum(1).log().mean()).backward()
        for each in (optimizer, plain):
            each.step()
            each.zero_grad()


def test_a_learner_learns_by_itself() -> None:
    """The gate that it came from stays as it was."""
    gate, _ = make_gate()
    features, is_there, last, given = make_data(1)
    before = gate.weigh(features, is_there, last)
    copy = gate.learner(SIZE)
    copy.weigh_and_learn(features, is_there, last, given)
    np.testing.assert_array_equal(gate.weigh(features, is_there, last), before)
    assert (copy.weigh(features, is_there, last) != before).any()


def test_what_came_grows_likelier() -> None:
    """Learning the same again and again lowers its loss."""
    gate, _ = make_gate()
    features, is_there, last, given = make_data(1)

    def loss() -> float:
        return float(-np.log((gate.weigh(features, is_there, last) * given).sum(axis=1)).mean())

    before = loss()
    for _ in range(300):
        gate.weigh_and_learn(features, is_there, last, given)
    assert loss() < before - 0.05


def test_a_stray_flag_of_a_product_is_no_warning() -> None:
    """Infinite features set the flag for an invalid operation on every machine."""
    gate = shipped_gate()
    (num_features, _), *_, (num_parts,) = gate._shapes
    features = np.full((2, num_features), np.inf, np.float32)
    weights = gate.weigh(features, np.ones((2, num_parts), np.bool_), np.zeros(2, np.int64))
    assert np.isnan(weights).all()
