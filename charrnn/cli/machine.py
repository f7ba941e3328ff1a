"""What is to be said to NumPy before it is loaded."""

from __future__ import annotations

import os


def one_thread_a_product() -> None:
    """Let NumPy take each product in one thread; texts are read by several threads anyway.

    The threads of its library for products wait for one another by running. Where another program
    wants the processor too, that made reading a text ten times slower.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
