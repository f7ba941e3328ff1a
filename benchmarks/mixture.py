"""What counts of the training text would add to a model, if its predictions were mixed with theirs.

    python benchmarks/mixture.py RUN [--longest 8] [--json]

The counts predict the last tenth of the text from the last 0, 1, ... characters by method C of I.
Witten and T. Bell (IEEE Transactions on Information Theory 37, 1991): a context is believed by how
often it was seen against how many different characters followed it, and the rest is what the next
shorter one says. A row for each length of context: the loss of the counts alone, the least loss of
a fixed mixture with the model, and the share of the counts in it. That share is picked on the text
that is measured, so it flatters the mixture. In nats per character.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import charrnn
from charrnn.evaluation.reading import Reader
from charrnn.evaluation.surprise import measure
from charrnn.text.corpus import open_corpus

SHARES = np.arange(0, 0.5, 0.02)

Numbers = npt.NDArray[Any]


def runs(ids: Numbers, length: int) -> Numbers:
    """Return a number for each run of so many characters, the same for the same run."""
    keys = np.zeros(len(ids) - length + 1, dtype=np.uint64)
    for place in range(length):
        digits = ids[place : len(ids) - length + 1 + place].astype(np.uint64)
        keys = (keys + digits + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return keys


def count(keys: Numbers, sought: Numbers) -> Numbers:
    """Return how often each of some numbers is among others."""
    found, counts = np.unique(keys, return_counts=True)
    places = np.searchsorted(found, sought).clip(max=len(found) - 1)
    return np.where(found[places] == sought, counts[places], 0)


def main() -> None:
    """Print a row for each length of context."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--longest", type=int, default=8, help="characters of context")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    corpus = open_corpus(arguments.run)
    train, val = np.asarray(corpus.train), np.asarray(corpus.val)
    reader = Reader(charrnn.load(arguments.run).network, end_id=corpus.vocabulary.end_id)
    by_model = np.exp(-measure(reader, val).nats[1:])
    by_counts = np.full(len(by_model), 1 / corpus.vocabulary.size)
    rows = []
    if not arguments.json:
        print(f"the model alone {-np.log(by_model).mean():.4f}")
    for length in range(arguments.longest + 1):
        first = max(length, 1)  # the first id that has such a context, and is predicted
        known, context = runs(train, length + 1), runs(train, length)[:-1]
        asked = runs(val, length)[first - length : -1]
        kinds = np.unique(known, return_index=True)[1]  # one place of each different run
        seen, different = count(context, asked), count(context[kinds], asked)
        hits = count(known, runs(val, length + 1)[first - length :])
        shorter = by_counts[first - 1 :]
        mixed = (hits + different * shorter) / np.maximum(seen + different, 1)
        by_counts[first - 1 :] = np.where(seen > 0, mixed, shorter)
        losses = [-np.log((1 - s) * by_model + s * by_counts).mean() for s in SHARES]
        best = int(np.argmin(losses))
        row = {
            "context": length,
            "counts": float(-np.log(by_counts).mean()),
            "mixture": float(losses[best]),
            "share": float(SHARES[best]),
        }
        rows.append(row)
        if not arguments.json:
            print(
                f"context {length}  counts {row['counts']:.4f}  mixture {row['mixture']:.4f}  "
                f"share {row['share']:.2f}",
                flush=True,
            )
    if arguments.json:
        print(json.dumps({"model": float(-np.log(by_model).mean()), "rows": rows}))


if __name__ == "__main__":
    main()
