"""How many new names of a long prompt come again in what a model writes after it.

    python benchmarks/prompt.py RUN TEXT [--chars 8000] [--length 5000] [--seeds 5] [--json]

The prompt is the beginning of a text that the model was not trained on. Its new names are the words
that begin with a capital, come at least three times there, and are not in the training text. For
each seed the model writes on, with memory and without. Printed are how many of the names come, and
how often, as medians over the seeds; and how often they come in the text itself, as it goes on.
"""

import argparse
import json
import re
import statistics
from collections import Counter
from pathlib import Path

import charrnn
from charrnn.corpus.store import open_corpus

WORD = re.compile(r"\b[A-Z]\w{2,}")


def main() -> None:
    """Print a row with memory, one without, and one for the text itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--chars", type=int, default=8000)
    parser.add_argument("--length", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    model, corpus = charrnn.load(arguments.run), open_corpus(arguments.run)
    trained = set(WORD.findall(corpus.vocabulary.decode(corpus.train)))
    text = arguments.text.read_text(encoding="utf-8")
    prompt, rest = text[: arguments.chars], text[arguments.chars :][: arguments.length]
    found = Counter(WORD.findall(prompt))
    names = {name for name, times in found.items() if times >= 3 and name not in trained}

    def count(written: str) -> tuple[int, int]:
        """Return how many of the names come, and how often."""
        come = [word for word in WORD.findall(written) if word in names]
        return len(set(come)), len(come)

    rows = {"the text itself": count(rest)}
    for label, memory in (("without memory", False), ("with memory", True)):
        counts = [
            count(
                model.sample(
                    prompt,
                    seed=seed,
                    length=arguments.length,
                    memory=memory,
                    on_unknown="skip",
                )
            )
            for seed in range(1, arguments.seeds + 1)
        ]
        kinds, times = (int(statistics.median(column)) for column in zip(*counts, strict=True))
        rows[label] = kinds, times
    if arguments.json:
        print(json.dumps({"names": sorted(names), "rows": rows}))
        return
    print(f"{len(names)} new names: {', '.join(sorted(names))}")
    for label, (kinds, times) in rows.items():
        print(f"{label:16} {kinds:3} of the names, {times:4} times")


if __name__ == "__main__":
    main()
