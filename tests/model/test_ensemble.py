"""Ensembles, against the mean written out."""

import numpy as np
import pytest

from charrnn.generation.sampling import log_probs
from charrnn.model.cells.registry import CELLS
from charrnn.model.ensemble import join_networks, split_networks
from charrnn.model.predictor import Predictor

IDS = np.random.default_rng(1).integers(0, 7, (3, 20))


@pytest.mark.parametrize("cell", CELLS)
def test_the_probability_is_the_mean_of_the_networks(make_checkpoint, cell):
    """The oracle averages networks that run one by one."""
    checkpoint = make_checkpoint(cell, num_networks=3, ngrams=2, num_layers=2, scale=3.0)
    ensemble = Predictor(checkpoint.config, checkpoint.arrays)
    single = make_checkpoint(cell, ngrams=2, num_layers=2).config
    probs = []
    for part in split_networks(checkpoint.config, checkpoint.arrays):
        network = Predictor(single, part)
        logits, _ = network.forward(IDS, network.initial_state(3))
        probs.append(np.exp(log_probs(logits)))
    batched_matmul, _ = ensemble.forward(IDS, ensemble.initial_state(3))
    np.testing.assert_allclose(np.exp(batched_matmul), np.mean(probs, axis=0), atol=1e-6)
    assert np.std(probs, axis=0).max() > 0.1  # so the mean is none of them


def test_state_is_carried_for_each_network(make_checkpoint, check_state):
    """The ensemble carries the state of every network."""
    checkpoint = make_checkpoint("lstm", num_networks=2, ngrams=3)
    check_state(Predictor(checkpoint.config, checkpoint.arrays), IDS)


def test_what_no_network_holds_for_possible_stays_finite(make_checkpoint):
    """Probabilities that underflow in float32 have a finite logarithm."""
    checkpoint = make_checkpoint("gru", num_networks=2, scale=1e4)
    ensemble = Predictor(checkpoint.config, checkpoint.arrays)
    logits, _ = ensemble.forward(IDS, ensemble.initial_state(3))
    assert np.isfinite(logits).all()
    assert logits.min() < -80


def test_names_are_told_apart_and_put_together(make_checkpoint):
    """Joining undoes splitting, for one network and for several."""
    for num_networks in (1, 11):
        checkpoint = make_checkpoint("rnn", num_networks=num_networks)
        parts = split_networks(checkpoint.config, checkpoint.arrays)
        assert len(parts) == num_networks
        assert len({frozenset(part) for part in parts}) == 1
        joined = join_networks(checkpoint.config, parts)
        assert list(joined) == list(checkpoint.arrays)
