"""The step of minlstm, number by number."""

import math

import numpy as np
import pytest

from charrnn.model.cells.minlstm import minlstm_step


def test_a_minimal_lstm_follows_its_equations_number_by_number():
    """Gates, candidate and state match the equations, evaluated for single numbers."""
    rng = np.random.default_rng(8)
    projected, h = rng.normal(size=(4, 3 * 5)), rng.normal(size=(4, 5))
    found = minlstm_step(projected, h)
    for stream, unit in np.ndindex(4, 5):
        a, b, c = (float(projected[stream, block * 5 + unit]) for block in range(3))
        f, i = 1 / (1 + math.exp(-a)), 1 / (1 + math.exp(-b))
        expected = f / (f + i) * float(h[stream, unit]) + i / (f + i) * c
        assert found[stream, unit] == pytest.approx(expected, rel=0, abs=2e-15)


def test_shut_gates_leave_a_finite_state():
    """Where both gates underflow, the state stays between its old value and the candidate."""
    projected = np.full((1, 3), -1e4, np.float32)
    with np.errstate(invalid="raise", divide="raise", over="raise"):
        found = minlstm_step(projected, np.ones((1, 1), np.float32))
    assert -1e4 <= found.item() <= 1
