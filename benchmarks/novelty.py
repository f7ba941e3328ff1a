"""The index of a text: its size, the seconds to build and to search it, and an exact search beside.

python benchmarks/novelty.py TEXT [--json]

The script indexes the first 90 % of the text and searches the last 10 % for copies. The exact
numbers come from a set of all 20-grams of the first part, and from Python's ``in``.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from charrnn.memory.copying import GRAM_CHARS, CopySearch
from charrnn.memory.index import build_index
from charrnn.text.vocabulary import Vocabulary, smallest_dtype

EXACT_CHARS = 20_000  # of the last 10 %: the exact search is slow


def search_copies(index, ids):
    """Return the result of a search and its seconds."""
    begin = time.perf_counter()
    search = CopySearch(index)
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
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    text = arguments.text.read_text(encoding="utf-8")
    training, other = text[: -len(text) // 10], text[-len(text) // 10 :]
    vocabulary = Vocabulary("".join(sorted(set(text))))
    ids = vocabulary.look_up(training).astype(smallest_dtype(vocabulary.size))
    begin = time.perf_counter()
    index = build_index(ids, vocabulary.size)
    build_seconds = time.perf_counter() - begin
    search_copies(index, ids[:100])  # prepares the index
    _, search_seconds = search_copies(index, vocabulary.look_up(other))
    _, copy_seconds = search_copies(index, ids[: len(other)])
    found, _ = search_copies(index, vocabulary.look_up(other[:EXACT_CHARS]))
    share, longest = exact(training, other[:EXACT_CHARS])
    values = {
        "training_characters": len(training),
        "index_bytes_per_character": index.followers.nbytes / len(training),
        "build_seconds_per_million": build_seconds * 1e6 / len(training),
        "search_chars_per_second": len(other) / search_seconds,
        "search_chars_per_second_if_all_is_copied": len(other) / copy_seconds,
        "copied_share": found.copied_share,
        "copied_share_exact": share,
        "longest_copied": found.longest,
        "longest_copied_exact": longest,
    }
    if arguments.json:
        print(json.dumps(values))
        return
    for name, value in values.items():
        print(f"{name:42}{value:16,.6g}")


if __name__ == "__main__":
    main()
