"""The reader predicts each character once, however the text arrives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import charrnn.evaluation.reader as reader_module
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.surprise import measure
from charrnn.generation.sampling import log_probs
from charrnn.model.predictor import Predictor


def network_of(checkpoint):
    """Return the network of a model."""
    return Predictor(checkpoint.config, checkpoint.arrays)


def nats_in_blocks(reader, ids, cuts):
    """Return the nats of each character when the text arrives in blocks."""
    borders = [0, *cuts, len(ids)]
    blocks = [ids[a:b] for a, b in itertools.pairwise(borders)]
    return np.concatenate([measure(reader, block).nats for block in blocks])


def slow_nats(network, ids, end_id=None):
    """Return the nats of each character, read one by one, with a fresh state after each end."""
    state = network.initial_state(1)
    nats = [np.nan]
    for read, following in itertools.pairwise(ids):
        if read == end_id:
            state = network.initial_state(1)
        logits, state = network.forward(np.array([[read]]), state)
        nats.append(-float(log_probs(logits)[0, 0, following]))
    return np.array(nats)


@pytest.mark.slow
@pytest.mark.parametrize(
    "cuts",
    [[], [1], [2047, 2048, 2049, 2050], [5, 5, 4097], list(range(7, 4990, 97)), [4999]],
    ids=str,
)
def test_it_does_not_matter_how_a_text_arrives(make_checkpoint, any_kind, cuts):
    """Blocks of any size give the same numbers."""
    checkpoint = make_checkpoint(**any_kind, scale=2.0, dtype=np.float64)
    ids = np.random.default_rng(5).integers(0, checkpoint.config.vocab_size, 5000)
    whole = measure(Reader(network_of(checkpoint)), ids).nats
    found = nats_in_blocks(Reader(network_of(checkpoint)), ids, cuts)
    assert np.isnan(found[0])
    np.testing.assert_allclose(found, whole, rtol=1e-9)  # float64, products of other sizes


@pytest.mark.slow
@pytest.mark.parametrize("num_networks", [1, 3])
def test_the_first_part_is_exact(make_checkpoint, any_kind, num_networks):
    """Before the first cut, each character is predicted from its whole past."""
    checkpoint = make_checkpoint(**any_kind, num_networks=num_networks, scale=1.0, dtype=np.float64)
    ids = np.random.default_rng(6).integers(0, checkpoint.config.vocab_size, 2049)
    network = network_of(checkpoint)
    found = measure(Reader(network), ids).nats
    np.testing.assert_allclose(found, slow_nats(network, ids), rtol=1e-9)


@pytest.mark.parametrize("threads", [2, 3])
def test_the_number_of_threads_does_not_matter(make_checkpoint, monkeypatch, threads):
    """Several threads give the numbers of one."""
    checkpoint = make_checkpoint(scale=2.0, dtype=np.float64)
    ids = np.random.default_rng(7).integers(0, checkpoint.config.vocab_size, 60_000)
    monkeypatch.setattr(reader_module, "num_processors", lambda: 1)
    expected = measure(Reader(network_of(checkpoint)), ids).nats
    monkeypatch.setattr(reader_module, "num_processors", lambda: threads)
    found = measure(Reader(network_of(checkpoint)), ids).nats
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("cuts", [[], [1, 2, 3], [700], list(range(11, 3000, 71))], ids=str)
def test_each_document_begins_anew(make_checkpoint, any_kind, cuts):
    """Each document, long or short, is predicted from a fresh state."""
    checkpoint = make_checkpoint(**any_kind, scale=2.0, dtype=np.float64)
    network, end_id = network_of(checkpoint), checkpoint.config.vocab_size - 1
    rng = np.random.default_rng(8)
    documents = [rng.integers(0, end_id, length) for length in [1, 3, 2047, 40, 1, 700, 90, 200]]
    ids = np.concatenate([[end_id], *[np.append(document, end_id) for document in documents]])
    found = nats_in_blocks(Reader(network, end_id=end_id), ids, cuts)
    np.testing.assert_allclose(found, slow_nats(network, ids, end_id), rtol=1e-9)


def test_memory_does_not_grow_with_a_text(make_checkpoint):
    """Between blocks, the reader keeps a state and 513 characters."""
    checkpoint = make_checkpoint()
    reader = Reader(network_of(checkpoint))
    for _ in range(5):
        measure(reader, np.zeros(3000, np.int64))
        assert len(reader._known) == 513


def test_parts_shorter_than_their_warm_up_are_refused(make_checkpoint):
    """Such parts would begin before the text does."""
    with pytest.raises(ValueError, match="shorter than their warm-up"):
        Reader(network_of(make_checkpoint()), part_chars=511)
