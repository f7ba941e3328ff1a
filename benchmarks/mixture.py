"""What counts contribute: the loss of the networks of a model, of counts, and of both.

    python benchmarks/mixture.py RUN [--json]

All losses are in nats per character on the validation text of the run. Each row has a maximum
context length: the loss of the counts, the loss of both, and the best weight of the counts. Since
that weight is chosen on the text it is measured on, the last two columns use the second half of the
text only: the networks, and both with the weight that is best on the first half. The last line is
the loss of the model file itself.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import charrnn
from charrnn.corpus.document_streams import measuring_windows
from charrnn.corpus.store import open_corpus
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.score import score
from charrnn.evaluation.surprise import measure
from charrnn.memory.counting import count_followers
from charrnn.model.predictor import make_predictor
from charrnn.training.learn.mixing import Probs, best_share, target_probs

CONTEXTS = (2, 4, 6, 8, 12, 16)


def loss(by_networks: Probs, by_counts: Probs, share: float) -> float:
    """Return the loss of the mixture."""
    return float(-np.log((1 - share) * by_networks + share * by_counts).mean())


def main() -> None:
    """Print a row per context length."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    corpus = open_corpus(arguments.run)
    vocabulary, val = corpus.vocabulary, np.asarray(corpus.val)
    if vocabulary.end_id is not None:
        parser.error("documents are scored out of order; give a run of one text")
    checkpoint = charrnn.load(arguments.run).checkpoint
    networks = Reader(make_predictor(checkpoint.config, checkpoint.arrays))
    by_networks = np.exp(-measure(networks, val).nats[1:])
    first = np.arange(len(by_networks)) < len(by_networks) // 2
    second = ~first
    alone = float(-np.log(by_networks).mean())
    rows = []
    for context in CONTEXTS:
        counts = count_followers(corpus.train, vocabulary.size, context, None)
        by_counts = target_probs(counts, measuring_windows(val, None, 2048, 1))
        share = best_share(by_networks, by_counts)
        held_out = best_share(by_networks[first], by_counts[first])
        rows.append(
            {
                "context": context,
                "counts": float(-np.log(by_counts).mean()),
                "both": loss(by_networks, by_counts, share),
                "share": share,
                "second_networks": float(-np.log(by_networks[second]).mean()),
                "second_both": loss(by_networks[second], by_counts[second], held_out),
                "bytes": sum(array.nbytes for array in counts.to_arrays().values()),
            }
        )
    model = charrnn.load(arguments.run)
    whole = score(model.network, val, end_id=model.vocabulary.end_id).nats_per_char
    if arguments.json:
        print(json.dumps({"networks": alone, "model": whole, "rows": rows}))
        return
    print(f"networks {alone:.4f}")
    for row in rows:
        print(
            f"context {row['context']}  {row['bytes'] / 1e6:5.1f} MB  counts {row['counts']:.4f}  "
            f"both {row['both']:.4f}  weight {row['share']:.2f}  "
            f"second half {row['second_networks']:.4f}  both {row['second_both']:.4f}"
        )
    print(f"model file {whole:.4f}")


if __name__ == "__main__":
    main()
