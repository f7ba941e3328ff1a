"""How much faster N processes train than one, on paper.

The batch grows with N, so that a step of each takes as long as alone. With ``data`` a step sums the
gradients of a network and, of each process, those of the n-grams that it looked up. In a ring each
process sends 2 (N - 1) / N times the whole. With ``ensemble`` a step sends a few numbers. Latencies
are left out.
"""

from typing import NamedTuple

NUMBERS = (1, 2, 4, 8, 16, 32, 64)  # of processes
WAYS = {  # bytes a second
    "data, NVLink, 300 GB/s": 300e9,
    "data, 100 Gb/s": 100e9 / 8,
    "data, 1 Gb/s": 1e9 / 8,
    "ensemble, any": float("inf"),
}


class Process(NamedTuple):
    """A process that trains a network.

    Attributes:
        step_seconds: How long a step takes alone.
        gradient_bytes: Of the network without the n-grams.
        ngram_bytes: Of the gradients of the n-grams that a step looks up.
    """

    step_seconds: float
    gradient_bytes: float
    ngram_bytes: float

    def speedup(self, way: str, number: int) -> float:
        """Return the speed of so many in characters, relative to one."""
        sent = 2 * (number - 1) / number * (self.gradient_bytes + self.ngram_bytes * number)
        return number * self.step_seconds / (self.step_seconds + sent / WAYS[way])


NGRAM_BYTES = 128 * 4  # of the gradient of each character that was read
STEP_CHARS = 16 * 64  # of a processor

# An lstm of 512 units for 65 characters, on 64 streams of 64; the time of a step is assumed.
GPU = Process(step_seconds=4e-3, gradient_bytes=5.4e6, ngram_bytes=64 * 64 * NGRAM_BYTES)


def processor(chars_per_second: float, gradient_bytes: float) -> Process:
    """Return a processor whose speed was measured."""
    return Process(STEP_CHARS / chars_per_second, gradient_bytes, STEP_CHARS * NGRAM_BYTES)
