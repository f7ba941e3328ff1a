"""One time step of each cell, against torch's cells and against laws of the equations."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
import torch

from charrnn.model.cells.gru import gru_step
from charrnn.model.cells.lstm import lstm_step
from charrnn.model.cells.mingru import mingru_step
from charrnn.model.cells.registry import CELLS, cell_spec
from charrnn.model.cells.rnn import rnn_relu_step, rnn_tanh_step
from charrnn.model.cells.spec import sigmoid
from charrnn.model.layers import shift_inputs

NUM_STREAMS, INPUT_SIZE, HIDDEN_SIZE = 4, 3, 5

TORCH_CELLS = {
    "rnn-tanh": (rnn_tanh_step, 1, 1, lambda: torch.nn.RNNCell(INPUT_SIZE, HIDDEN_SIZE)),
    "rnn-relu": (
        rnn_relu_step,
        1,
        1,
        lambda: torch.nn.RNNCell(INPUT_SIZE, HIDDEN_SIZE, nonlinearity="relu"),
    ),
    "lstm": (lstm_step, 4, 2, lambda: torch.nn.LSTMCell(INPUT_SIZE, HIDDEN_SIZE)),
    "gru": (gru_step, 3, 1, lambda: torch.nn.GRUCell(INPUT_SIZE, HIDDEN_SIZE)),
}


@pytest.mark.parametrize(
    ("step", "num_blocks", "num_states", "make"), TORCH_CELLS.values(), ids=TORCH_CELLS
)
def test_a_step_is_that_of_torch(step, num_blocks, num_states, make):
    """From any state, a step gives what torch's cell with the same weights gives."""
    rng = np.random.default_rng(1)
    rows = num_blocks * HIDDEN_SIZE
    weight_ih = rng.normal(size=(rows, INPUT_SIZE))
    weight_hh = rng.normal(size=(rows, HIDDEN_SIZE))
    bias_ih, bias_hh = rng.normal(size=(2, rows))
    inputs = rng.normal(size=(NUM_STREAMS, INPUT_SIZE))
    state = tuple(rng.normal(size=(num_states, NUM_STREAMS, HIDDEN_SIZE)))

    cell = make().double()
    weights = {
        "weight_ih": weight_ih,
        "weight_hh": weight_hh,
        "bias_ih": bias_ih,
        "bias_hh": bias_hh,
    }
    cell.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    torch_state = tuple(torch.from_numpy(array) for array in state)
    with torch.no_grad():
        found = cell(torch.from_numpy(inputs), torch_state if num_states > 1 else torch_state[0])
    expected = found if num_states > 1 else (found,)

    projected, recurrent = inputs @ weight_ih.T + bias_ih, state[0] @ weight_hh.T + bias_hh
    actual = step(projected, recurrent, state)
    assert len(actual) == num_states
    for ours, theirs in zip(actual, expected, strict=True):
        # A few roundings of float64, 1.1e-16 each, on values of about one.
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=0, atol=1e-14)


STEPS = {
    f"{cell}-{name}": (cell_spec(cell), step)
    for cell in CELLS
    for name, step in cell_spec(cell).steps.items()
}


@pytest.mark.parametrize(("spec", "step"), STEPS.values(), ids=STEPS)
def test_a_step_leaves_its_arguments_alone(spec, step):
    """A step changes neither the state nor the products that it is given."""
    rng = np.random.default_rng(2)
    shapes = spec.parameter_shapes(HIDDEN_SIZE, HIDDEN_SIZE)
    size = len(spec.state_sizes(HIDDEN_SIZE, HIDDEN_SIZE))
    state = tuple(rng.normal(size=(size, NUM_STREAMS, HIDDEN_SIZE)))
    projected, recurrent = rng.normal(size=(2, NUM_STREAMS, spec.num_blocks * HIDDEN_SIZE))
    if "weight_hh" in shapes:
        arguments = (projected, recurrent, state)
    else:
        arguments = (projected[:, :-HIDDEN_SIZE], state[0])
    kept = copy.deepcopy(arguments)
    step(*arguments)
    assert pickle.dumps(kept) == pickle.dumps(arguments)


@pytest.mark.parametrize("x", [-1e4, -40.0, -1.5, -1e-9, 0.0, 0.3, 2.0, 40.0, 1e4])
def test_sigmoid_is_the_logistic_function(x):
    """The logistic function is right for every input and never overflows."""
    expected = 1 / (1 + math.exp(-x)) if x > -700 else 0.0  # exp(700) is near the largest float64
    # tanh rounds to 1.1e-16 near one; halved and shifted, that error remains.
    assert float(sigmoid(np.array([x]))[0]) == pytest.approx(expected, rel=0, abs=2e-16)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_keeps_the_type_and_its_argument(dtype):
    """The logistic function keeps the type and does not change its argument."""
    x = np.array([-2.0, 3.0], dtype)
    assert sigmoid(x).dtype == dtype
    np.testing.assert_array_equal(x, np.array([-2.0, 3.0], dtype))


def test_an_lstm_with_an_open_forget_gate_remembers():
    """With the forget gate open and the input gate shut, the cell state stays exact."""
    rng = np.random.default_rng(3)
    h, c = rng.normal(size=(2, NUM_STREAMS, HIDDEN_SIZE))
    gate = np.full((NUM_STREAMS, HIDDEN_SIZE), 1e4)
    projected = np.concatenate([-gate, gate, gate, gate], axis=1)  # i shut, f open, g, o open
    next_h, next_c = lstm_step(projected, np.zeros_like(projected), (h, c))
    np.testing.assert_array_equal(next_c, c)
    np.testing.assert_array_equal(next_h, np.tanh(c))


def test_an_lstm_with_a_shut_forget_gate_starts_anew():
    """With the forget gate shut and the input gate open, the cell state is the candidate."""
    rng = np.random.default_rng(4)
    h, c, candidate = rng.normal(size=(3, NUM_STREAMS, HIDDEN_SIZE))
    gate = np.full((NUM_STREAMS, HIDDEN_SIZE), 1e4)
    projected = np.concatenate([gate, -gate, candidate, -gate], axis=1)  # o shut
    next_h, next_c = lstm_step(projected, np.zeros_like(projected), (h, c))
    np.testing.assert_array_equal(next_c, np.tanh(candidate))
    np.testing.assert_array_equal(next_h, 0)


def test_a_gru_with_an_open_update_gate_remembers():
    """An update gate of one keeps the state; zero replaces it with the candidate."""
    rng = np.random.default_rng(5)
    h, candidate = rng.normal(size=(2, NUM_STREAMS, HIDDEN_SIZE))
    gate = np.full((NUM_STREAMS, HIDDEN_SIZE), 1e4)
    recurrent = np.zeros((NUM_STREAMS, 3 * HIDDEN_SIZE))
    (kept,) = gru_step(np.concatenate([gate, gate, candidate], axis=1), recurrent, (h,))
    # n + (h - n) equals h up to one rounding.
    np.testing.assert_allclose(kept, h, rtol=0, atol=1e-15)
    (new,) = gru_step(np.concatenate([gate, -gate, candidate], axis=1), recurrent, (h,))
    np.testing.assert_array_equal(new, np.tanh(candidate))


def test_the_reset_gate_acts_after_the_product():
    """A shut reset gate silences the recurrent bias too, as in torch and unlike in the paper."""
    rng = np.random.default_rng(6)
    recurrent = rng.normal(size=(NUM_STREAMS, 3 * HIDDEN_SIZE))
    h, candidate = rng.normal(size=(2, NUM_STREAMS, HIDDEN_SIZE))
    gate = np.full((NUM_STREAMS, HIDDEN_SIZE), 1e4)
    (new,) = gru_step(np.concatenate([-gate, -gate, candidate], axis=1), recurrent, (h,))
    np.testing.assert_array_equal(new, np.tanh(candidate))


def test_a_minimal_gru_follows_its_equations_number_by_number():
    """Gate, candidate and state match the equations, evaluated for single numbers."""
    rng = np.random.default_rng(8)
    projected = rng.normal(size=(NUM_STREAMS, 2 * HIDDEN_SIZE))
    h = rng.normal(size=(NUM_STREAMS, HIDDEN_SIZE))
    found = mingru_step(projected, h)
    for stream, unit in np.ndindex(NUM_STREAMS, HIDDEN_SIZE):
        v, c = (float(projected[stream, block * HIDDEN_SIZE + unit]) for block in range(2))
        z = 1 / (1 + math.exp(-v))
        expected = (1 - z) * float(h[stream, unit]) + z * c
        # A few roundings of float64, 1.1e-16 each, on values of a few units.
        assert found[stream, unit] == pytest.approx(expected, rel=0, abs=2e-15)


def test_shifted_inputs_are_a_mix_of_two_steps():
    """A share of 0 gives this step, 1 the step before, and 0.25 a mix."""
    rng = np.random.default_rng(9)
    inputs = rng.normal(size=(6, NUM_STREAMS, 3))
    last = rng.normal(size=(NUM_STREAMS, 3))
    mixed = shift_inputs(inputs, last, np.array([0.0, 1.0, 0.25]))
    before = [last, *inputs[:-1]]
    for t in range(6):
        np.testing.assert_array_equal(mixed[t, :, 0], inputs[t, :, 0])
        # x + (y - x) equals y up to one rounding.
        np.testing.assert_allclose(mixed[t, :, 1], before[t][:, 1], rtol=0, atol=1e-15)
        expected = 0.75 * inputs[t, :, 2] + 0.25 * before[t][:, 2]
        np.testing.assert_allclose(mixed[t, :, 2], expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", TORCH_CELLS)
def test_the_state_stays_in_its_bounds(name):
    """The state of each cell stays between its documented bounds for any weights and inputs."""
    step, num_blocks, num_states, _ = TORCH_CELLS[name]
    rng = np.random.default_rng(7)
    rows = num_blocks * HIDDEN_SIZE
    state = tuple(np.zeros((num_states, NUM_STREAMS, HIDDEN_SIZE)))
    for _ in range(20):
        state = step(*(7 * rng.normal(size=(2, NUM_STREAMS, rows))), state)
        low, high = (0, math.inf) if name == "rnn-relu" else (-1, 1)
        assert state[0].min() >= low
        assert state[0].max() <= high
