"""What was written adds up to the logits; a step does what its update says."""

from __future__ import annotations

import numpy as np
import pytest

from charrnn.insight.prediction import run_to
from charrnn.insight.written import can_add_up, written


def test_an_update_is_what_the_step_did(any_kind, make_checkpoint, text_of, watch):
    """The memory after a step is what was kept of it and what was written."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2, scale=3.0)
    text = text_of(checkpoint, 30)
    model = watch(checkpoint)
    _, _, updates = model.forward(text.ids[None], model.initial_state(1))
    assert [len(steps) for steps in updates] == [30, 30]
    for steps in updates:
        memory = np.zeros_like(steps[0].memory)
        for step in steps:
            np.testing.assert_allclose(
                step.keep * memory + step.write, step.memory, rtol=1e-4, atol=1e-6
            )
            assert all(gate.min() >= 0 and gate.max() <= 1 for gate in step.gates.values())
            assert step.keep.min() >= 0
            assert step.keep.max() <= 1
            memory = step.memory


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("num_networks", [1, 2])
def test_writes_add_up_to_the_logit(
    kind, make_checkpoint, text_of, watch, num_layers, num_networks
):
    """For every plain recurrence, layers and networks, of any two characters."""
    checkpoint = make_checkpoint(
        **kind, num_layers=num_layers, num_networks=num_networks, scale=2.0, ngrams=2
    )
    config = checkpoint.config
    assert can_add_up(config)
    run = run_to(watch(checkpoint), text_of(checkpoint, 50), 45)
    for pair in ((0, 1), (5, 2)):
        steps, biases = written(config, checkpoint.arrays, run, *pair)
        assert steps.shape == (num_networks, 45)
        expected = run.logits[:, -1, pair[0]] - run.logits[:, -1, pair[1]]
        np.testing.assert_allclose(steps.sum(axis=1) + biases, expected, atol=1e-4)


def test_an_elman_network_writes_all_at_the_last_character(make_checkpoint, text_of, watch):
    """It keeps nothing from step to step but through its product."""
    checkpoint = make_checkpoint("rnn")
    run = run_to(watch(checkpoint), text_of(checkpoint, 20), 15)
    steps, _ = written(checkpoint.config, checkpoint.arrays, run, 0, 1)
    assert (steps[0, :-1] == 0).all()
    assert steps[0, -1] != 0


@pytest.mark.parametrize(
    "kind", [{"cell": "lstm", "block": "residual"}, {"cell": "mingru"}, {"cell": "minlstm"}]
)
def test_where_it_does_not_add_up_it_says_nothing(kind, make_checkpoint, text_of, look_at):
    """Normalised or mixed layers have no such sum."""
    checkpoint = make_checkpoint(**kind)
    found = look_at(checkpoint, text_of(checkpoint, 20)).prediction(15)
    assert found.written is None
    assert len(found.moved) == 14
