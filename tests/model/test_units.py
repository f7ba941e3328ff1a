"""Units are held at values, and nothing else changes."""

from __future__ import annotations

import numpy as np

from charrnn.model.predictor import Predictor
from charrnn.model.units import Unit, hold_units, parse_held_units

IDS = np.random.default_rng(0).integers(0, 7, (3, 20))


def forward(checkpoint, wrap=None):
    """Return log-probabilities and the state after."""
    predictor = Predictor(checkpoint.config, checkpoint.arrays, wrap)
    return predictor.forward(IDS, predictor.initial_state(3))


def test_a_held_unit_has_its_value(any_kind, make_checkpoint):
    """In the state after; of another network and layer too."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2, num_networks=2)
    held = {Unit(1, 3): 0.25, Unit(2, 0): -0.5}
    logits, state = forward(checkpoint, hold_units(checkpoint.config, held))
    _, first, second = state  # after the recent characters, the two layers of both networks
    assert (second[0][:, 0, 3] == 0.25).all()
    assert (first[0][:, 1, 0] == -0.5).all()
    assert np.abs(logits - forward(checkpoint)[0]).max() > 1e-3


def test_a_unit_that_is_held_tells_nothing(make_checkpoint):
    """With all units of the last layer held, every prediction is the same."""
    checkpoint = make_checkpoint("gru", num_layers=2, scale=3.0)
    held = {Unit(1, number): number / 10 for number in range(5)}
    logits, _ = forward(checkpoint, hold_units(checkpoint.config, held))
    np.testing.assert_allclose(logits, np.broadcast_to(logits[:1, :1], logits.shape), atol=1e-6)


def test_holding_nothing_changes_nothing(make_checkpoint):
    """Bit for bit."""
    checkpoint = make_checkpoint("lstm", num_networks=2)
    held, _ = forward(checkpoint, hold_units(checkpoint.config, {}))
    np.testing.assert_array_equal(held, forward(checkpoint)[0])


def test_units_are_read_by_name(make_checkpoint):
    """Layers are counted through the networks."""
    config = make_checkpoint("lstm", num_layers=2, num_networks=2).config
    assert parse_held_units(config, ["3:4=-1.5", "0:0=2e-1"]) == {
        Unit(3, 4): -1.5,
        Unit(0, 0): 0.2,
    }
    assert str(Unit(3, 4)) == "3:4"
