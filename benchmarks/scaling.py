"""How much faster N GPUs train than one, on paper: arithmetic, nothing is measured.

A GPU makes a step of 64 streams of 64 characters in 4 ms, and the batch grows with N, so that each
still takes 4 ms. With ``data`` a step sums the gradients of a network and, of each GPU, those of
the n-grams that it looked up. In a ring each process sends 2 (N - 1) / N times the whole. With
``ensemble`` a step sends a few numbers. Latencies are left out.
"""

NUM_GPUS = (1, 2, 4, 8, 16, 32, 64)
STEP_SECONDS = 4e-3
GRADIENT_BYTES = 5.4e6  # of an lstm of 512 units for 65 characters: 1.35 million weights
NGRAM_BYTES = 2.1e6  # of the rows that 64 streams of 64 characters look up
WAYS = {  # bytes a second
    "data, NVLink, 300 GB/s": 300e9,
    "data, 100 Gb/s": 100e9 / 8,
    "data, 1 Gb/s": 1e9 / 8,
    "ensemble, any": float("inf"),
}


def speedup(way: str, num_gpus: int) -> float:
    """Return the speed in characters, relative to one GPU."""
    sent = 2 * (num_gpus - 1) / num_gpus * (GRADIENT_BYTES + NGRAM_BYTES * num_gpus)
    return num_gpus * STEP_SECONDS / (STEP_SECONDS + sent / WAYS[way])
