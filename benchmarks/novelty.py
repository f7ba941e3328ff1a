"""The sketch of a text: size, speed, false positives, and its estimates against an exact search.

python benchmarks/novelty.py TEXT [--queries 1000000] [--json]

The script sketches the first 90 % of the text and queries the last 10 %. The exact numbers come
from a set of all 20-grams of the first part, and from Python's ``in``.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from charrnn.memory.copying import CopySearch
from charrnn.memory.sketch import GRAM_CHARS, build_sketch
from charrnn.text.vocabulary import Vocabulary, smallest_dtype

EXACT_CHARS = 20_000  # of the last 10 %: the exact search is slow


def search_copies(sketch, ids):
    """Return the result of a search and its seconds."""
    begin = time.perf_counter()
    search = CopySearch(sketch)
    search.read(ids)
    return search.result(), time.perf_counter() - begin


def exact(training: str, text: str) -> tuple[float, int]:
    """Return the share of a text's 20-grams that occur in another, and the longest passage."""
    grams = {training[i : i + GRAM_CHARS] for i in range(len(training) - GRAM_CHARS + 1)}
    found = [text[i : i + GRAM_CHARS] in grams for i in range(len(text) - GRAM_CHARS + 1)]
    longest = 0
    for begin in np.flatnonzero(found).tolist():
        while text[begin : begin + longest + 1] in training and begin + longest < len(text):
            longest += 1
    return sum(found) / len(found), longest


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--queries", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    text = arguments.text.read_text(encoding="utf-8")
    training, other = text[: -len(text) // 10], text[-len(text) // 10 :][:EXACT_CHARS]
    vocabulary = Vocabulary("".join(sorted(set(text))))
    ids = vocabulary.look_up(training).astype(smallest_dtype(vocabulary.size))
    begin = time.perf_counter()
    sketch = build_sketch(ids, vocabulary)
    build_seconds = time.perf_counter() - begin
    if sketch is None:
        parser.error("the text is too short for a sketch")
    size, num_bytes = len(sketch.to_array()), len(training.encode())
    random = np.random.default_rng(0).integers(0, vocabulary.size, arguments.queries)
    false, search_seconds = search_copies(sketch, random)
    found, _ = search_copies(sketch, vocabulary.look_up(other))
    share, longest = exact(training, other)
    values = {
        "training_bytes": num_bytes,
        "sketch_bytes": size,
        "size_ratio": size / num_bytes,
        "build_seconds_per_10_mb": build_seconds * 1e7 / num_bytes,
        "search_chars_per_second": len(random) / search_seconds,
        "random_grams_checked": false.grams_checked,
        "false_positive_rate": false.grams_found / false.grams_checked,
        "random_longest": false.longest,
        "copied_share": found.copied_share,
        "copied_share_exact": share,
        "longest_copied": found.longest,
        "longest_copied_exact": longest,
        "longest_copied_limit": found.longest_limit,
    }
    if arguments.json:
        print(json.dumps(values))
        return
    for name, value in values.items():
        print(f"{name:26}{value:16,.6g}")


if __name__ == "__main__":
    main()
