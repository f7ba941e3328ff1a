"""Every unit at every place, against one plain pass over the text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from charrnn.insight.reading import read_units
from charrnn.insight.text import make_text
from charrnn.model.units import Unit
from charrnn.text.vocabulary import Vocabulary


def plain(model, text):
    """Return the updates of one pass over a text, a list of steps for each layer."""
    return model.forward(text.ids[None], model.initial_state(1))[2]


def test_units_and_gates_are_those_of_a_plain_pass(any_kind, make_checkpoint, text_of, watch):
    """Streams warm up on what stands before them, here on all of it."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2, num_networks=2)
    text = text_of(checkpoint, 500)
    unit = Unit(3, 4)
    found = read_units(watch(checkpoint), text, watched=[unit])
    updates = plain(watch(checkpoint), text)
    assert len(found.units) == len(found.gates) == 4
    for units, use, steps in zip(found.units, found.gates, updates, strict=True):
        outputs = np.stack([step.output[0] for step in steps])
        np.testing.assert_allclose(units, outputs, atol=1e-2, rtol=1e-3)
        for name in steps[0].gates:
            values = np.stack([step.gates[name][0] for step in steps])
            np.testing.assert_allclose(use.shut[name], (values < 0.1).mean(), atol=1e-3)
            np.testing.assert_allclose(use.open[name], (values > 0.9).mean(), atol=1e-3)
        if steps[0].gates:
            logs = np.log(np.stack([step.keep[0] for step in steps])).mean(axis=0)
            np.testing.assert_allclose(use.half_lives, np.log(2) / -logs, rtol=1e-3)
    for name in updates[3][0].gates:
        values = [step.gates[name][0, 4] for step in updates[3]]
        np.testing.assert_allclose(found.watched[unit, name], values, atol=1e-3)


@pytest.mark.parametrize("cell", ["lstm", "mingru"])
def test_each_document_is_read_from_a_fresh_state(make_checkpoint, watch, cell):
    """Units are the same wherever a document stands."""
    checkpoint = make_checkpoint(cell, characters="abcde")
    checkpoint = replace(checkpoint, vocabulary=Vocabulary("abcd", separator="\n"))
    text = make_text(checkpoint.vocabulary, "abcd\nda\n" * 30)
    (units,) = read_units(watch(checkpoint), text).units
    blocks = units[:-1].reshape(30, 8, -1)
    assert (blocks == blocks[0]).all()


def test_progress_ends_at_one(make_checkpoint, text_of, watch):
    """It never goes back."""
    seen: list[float] = []
    checkpoint = make_checkpoint()
    read_units(watch(checkpoint), text_of(checkpoint, 300), keep=False, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1
