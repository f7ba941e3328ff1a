"""``max_copy``: no run of a text that is longer stands in the training text."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest

from charrnn.errors import ConfigError
from charrnn.generation.chunks import in_order
from charrnn.generation.generator import Generator, prompt_ids, sample_rng
from charrnn.generation.params import SamplingParams, StopCriteria
from charrnn.generation.results import collect
from charrnn.memory.copying import CopySearch
from charrnn.memory.index import build_index
from charrnn.model.predictor import Predictor


@pytest.fixture(scope="module")
def training():
    """A text of three characters in which nearly all short runs occur."""
    return "".join(np.random.default_rng(0).choice(list("abc"), 400))


@pytest.fixture
def write(make_checkpoint, training):
    """Write samples with a limit on copying; return them and the index."""

    def write(max_copy, *, length=300, temperature=1.0, separator=None, num_samples=3, **criteria):
        documents = {} if separator is None else {"separator": separator}
        checkpoint = make_checkpoint(
            "gru", hidden_size=3, embedding_size=2, characters="abc", **documents
        )
        vocabulary = checkpoint.vocabulary
        index = build_index(vocabulary.look_up(training), vocabulary.size)
        generator = Generator(
            Predictor(checkpoint.config, checkpoint.arrays),
            vocabulary,
            prompt_ids(vocabulary, ""),
            params=SamplingParams(temperature=temperature),
            criteria=StopCriteria(max_copy=max_copy, length=length, **criteria),
            index=index,
        )
        chunks = in_order(generator.write(partial(sample_rng, 1), num_samples))
        samples = collect(chunks, vocabulary, prompt="", seed=1, temperatures=[temperature])
        return list(samples), index, vocabulary

    return write


def longest(index, vocabulary, text):
    """Return the longest run of a text that stands in the training text."""
    search = CopySearch(index)
    search.read(vocabulary.look_up(text))
    return search.result().longest


@pytest.mark.parametrize("max_copy", [4, 6, 9])
@pytest.mark.parametrize("temperature", [0.0, 0.7, 2.0])
def test_no_run_is_longer(write, training, max_copy, temperature):
    """Neither likely nor unlikely characters lengthen a copy beyond the limit."""
    samples, _, _ = write(max_copy, temperature=temperature)
    for sample in samples:
        for begin in range(len(sample.text) - max_copy):
            assert sample.text[begin : begin + max_copy + 1] not in training


def test_without_a_limit_runs_are_longer(write):
    """The law above can fail."""
    samples, index, vocabulary = write(None)
    assert max(longest(index, vocabulary, sample.text) for sample in samples) > 6


def test_a_text_ends_where_all_that_follows_is_copied(write, training):
    """Nothing is left of three characters after one of them, so the text ends there."""
    assert {a + b for a in "abc" for b in "abc"} <= {
        training[i : i + 2] for i in range(len(training))
    }
    samples, _, _ = write(1)
    assert [(len(sample.text), sample.finish_reason) for sample in samples] == [(1, "copy")] * 3


def test_the_end_of_a_document_is_no_copy(write):
    """Where nothing else is left, a document ends."""
    samples, _, _ = write(1, separator="\n")
    assert {sample.finish_reason for sample in samples} == {"end"}
    assert all(len(sample.text) <= 1 for sample in samples)


def test_it_composes_with_an_expression(write, training):
    """Each sample matches and is new, or ended because it could not be both."""
    samples, _, _ = write(3, match="(ab|ba|c)*", length=40, num_samples=20)
    for sample in samples:
        for begin in range(len(sample.text) - 3):
            assert sample.text[begin : begin + 4] not in training
        if sample.finish_reason != "copy":
            assert re.fullmatch("(ab|ba|c)*", sample.text)


@pytest.mark.parametrize("max_copy", [0, -1, 5000])
def test_a_limit_out_of_range_is_refused(max_copy):
    """A limit is 1 to 4,096."""
    with pytest.raises(ConfigError, match="max_copy"):
        StopCriteria(max_copy=max_copy)
