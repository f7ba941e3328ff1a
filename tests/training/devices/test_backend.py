"""What one run asks of torch is not left behind for the next."""

import pytest
import torch

from charrnn.training.devices.backend import THREADS, prepare_backend


@pytest.fixture(autouse=True)
def _threads_as_before():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_networks_share_the_threads_of_one_run_only():
    """A second run in the same process has all of them again, and says so."""
    backend = prepare_backend("cpu", "float32", None)
    assert torch.get_num_threads() == THREADS
    backend.share_among(THREADS)
    assert torch.get_num_threads() == 1
    prepare_backend("cpu", "float32", None)
    assert torch.get_num_threads() == THREADS


def test_threads_that_are_asked_for_are_taken():
    """Once; without being asked for they are torch's own again."""
    assert prepare_backend("cpu", "float32", THREADS + 1).to_json()["threads"] == THREADS + 1
    assert prepare_backend("cpu", "float32", None).to_json()["threads"] == THREADS
