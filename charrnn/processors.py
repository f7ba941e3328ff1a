"""What this process may use of the machine."""

from __future__ import annotations

import os


def num_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_thread_a_product() -> None:
    """Let NumPy take each product in one thread; call it before NumPy is imported.

    The threads of its library wait for one another by spinning. Next to another busy program that
    made reading a text ten times slower.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
