"""The share of counts, held against a search of all shares, and what a run does with it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import open_corpus
from charrnn.evaluation.score import score
from charrnn.memory.counting import USUAL_SHARE
from charrnn.model.checkpoint import read_checkpoint
from charrnn.model.predictor import make_predictor
from charrnn.training.api import train
from charrnn.training.learn.mixing import best_share
from charrnn.training.recipe.settings import Settings


@pytest.mark.parametrize("seed", range(5))
def test_no_other_share_is_better(seed):
    """Of all hundredths, none gives a lower loss by more than rounding."""
    rng = np.random.default_rng(seed)
    one, other = rng.beta(1, 2, 50_000), rng.beta(1, 1 + seed, 50_000)
    shares = np.linspace(0, 1, 101)
    losses = [-np.log((1 - share) * one + share * other).mean() for share in shares]
    share = best_share(one, other)
    loss = -np.log((1 - share) * one + share * other).mean()
    assert loss <= min(losses) + 1e-4


def test_a_predictor_that_is_always_better_gets_nearly_all():
    """And one that is always worse next to nothing."""
    better, worse = np.full(10_000, 0.5), np.full(10_000, 0.1)
    assert best_share(worse, better) > 0.98
    assert best_share(better, worse) < 0.01


def test_a_few_characters_decide_little():
    """Ten that the counts alone foresaw move the share from a fifth to a quarter or so."""
    assert 0.2 < best_share(np.full(10, 1e-9), np.full(10, 0.9)) < 0.3


@pytest.mark.parametrize("lines", [False, True])
def test_the_model_file_scores_what_the_run_reported(corpus, small: Settings, lines, tmp_path):
    """Networks in torch with counts beside them, and the NumPy engine with both, agree."""
    settings = dataclasses.replace(small, counts=3, num_networks=2)
    options = CorpusOptions(separator="\n" if lines else None)
    result = train([corpus], out=tmp_path / "run", settings=settings, options=options)
    checkpoint = read_checkpoint(result.model)
    assert checkpoint.counts is not None
    assert 0 < checkpoint.counts.share < 1
    network = make_predictor(checkpoint.config, checkpoint.arrays, checkpoint.counts)
    text = open_corpus(tmp_path / "run")
    found = score(network, np.asarray(text.val), exact=True, end_id=text.vocabulary.end_id)
    assert found.nats_per_char == pytest.approx(result.best.val_nats_per_char, rel=1e-5)
    alone = make_predictor(checkpoint.config, checkpoint.arrays)
    without = score(alone, np.asarray(text.val), exact=True, end_id=text.vocabulary.end_id)
    assert found.nats_per_char < without.nats_per_char - 0.1


def test_a_run_without_validation_has_the_usual_share(corpus, small: Settings, tmp_path):
    """There is nothing to choose it by."""
    settings = dataclasses.replace(small, counts=2)
    result = train(
        [corpus], out=tmp_path / "run", settings=settings, options=CorpusOptions(val="0")
    )
    counts = read_checkpoint(result.model).counts
    assert counts is not None
    assert counts.share == USUAL_SHARE
