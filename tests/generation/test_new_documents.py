"""``new``: documents that stand in the training list, or were written before, are left out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from charrnn.errors import CheckpointError, ConfigError
from charrnn.library import Model
from charrnn.memory.index import build_index

LISTED = ["a", "b", "ab", "aab", "bb"]


@pytest.fixture
def model(make_checkpoint):
    """A model of short documents of "a" and "b" that remembers a list of them."""
    checkpoint = make_checkpoint("gru", characters="ab", separator="\n", scale=0.3)
    vocabulary = checkpoint.vocabulary
    end = [vocabulary.end_id]
    ids = np.concatenate([end, *([*vocabulary.look_up(each), *end] for each in LISTED)])
    return Model(dataclasses.replace(checkpoint, index=build_index(ids, vocabulary.size)))


def texts(model, **options):
    """Return the texts of samples."""
    return [sample.text for sample in model.samples(seed=1, temperature=1.0, **options)]


def test_known_documents_are_left_out(model):
    """What is written is new, no text comes twice, and the others are as without the option."""
    new = texts(model, num_samples=30, new=True)
    assert len(new) == len(set(new)) == 30
    assert not set(new) & set(LISTED)
    everything = texts(model, num_samples=500)
    expected = [each for each in dict.fromkeys(everything) if each not in LISTED]
    assert new == expected[:30]
    assert set(everything) & set(LISTED)  # the law can fail


def test_a_longer_or_shorter_document_than_a_listed_one_is_new(model):
    """A document is compared whole: with its prompt, to its end."""
    assert "" in texts(model, num_samples=30, new=True)  # the empty one is in no list
    assert "aa" in texts(model, num_samples=60, new=True)  # begins a listed one
    continued = texts(model, prompt="a", num_samples=40, new=True)
    assert not {"a" + each for each in continued} & set(LISTED)
    assert "bb" in continued  # listed, but not after an "a"


def test_each_temperature_gives_as_many(model):
    """The number is that of new documents at each temperature."""
    samples = model.samples(seed=2, temperature=[0.5, 2.0], num_samples=5, new=True)
    temperatures = [sample.temperature for sample in samples]
    assert (temperatures.count(0.5), temperatures.count(2.0)) == (5, 5)


def test_a_model_that_knows_nothing_new_is_an_error(model, monkeypatch):
    """At temperature 0 there is one document, so the second one is never found."""
    monkeypatch.setattr("charrnn.generation.new_documents.MAX_TRIES", 70)
    samples = model.samples(seed=1, temperature=0.0, num_samples=2, new=True, length=20)
    next(samples)
    with pytest.raises(ConfigError, match="after 1 new"):
        next(samples)


def test_it_needs_documents_and_an_index(model, make_checkpoint):
    """A model of one text, or one that does not remember its list, is refused."""
    with pytest.raises(ConfigError, match="`new`"):
        texts(Model(make_checkpoint()), new=True)
    forgetful = Model(dataclasses.replace(model.checkpoint, index=None))
    with pytest.raises(CheckpointError, match="memory 0"):
        texts(forgetful, new=True)
    with pytest.raises(CheckpointError, match="memory 0"):
        texts(forgetful, max_copy=9)
