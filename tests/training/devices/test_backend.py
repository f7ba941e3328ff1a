"""The settings of one run do not carry over to the next."""

import pytest
import torch

from charrnn.training.devices.backend import THREADS, prepare_backend


@pytest.fixture(autouse=True)
def _threads_as_before():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_networks_share_the_threads_of_one_run_only():
    """A second run in the same process gets all threads again, and reports them."""
    backend = prepare_backend("cpu", "float32", None)
    assert torch.get_num_threads() == THREADS
    backend.share_among(THREADS)
    assert torch.get_num_threads() == 1
    prepare_backend("cpu", "float32", None)
    assert torch.get_num_threads() == THREADS


def test_threads_that_are_asked_for_are_taken():
    """They apply once; the next run has torch's own number again."""
    assert prepare_backend("cpu", "float32", THREADS + 1).to_json()["threads"] == THREADS + 1
    assert prepare_backend("cpu", "float32", None).to_json()["threads"] == THREADS
