"""What a memory does to free writing: copies, repetitions, loops and invented words.

    python benchmarks/writing.py RUN... [--chars 50000] [--long 20] [--json]

For each run: as many characters of its validation text, then what the model writes at temperature
0.8, with memory and without. Columns: the share of 20-grams copied from the training text, and the
longest copy; the share of own 20-grams that came before in the same text; the share of words, by
count, that the training text has not; and, of 20 texts of 20,000 characters, or as many as the
validation text has, in how many any 50 characters come five times or more without overlapping, and
in how many any do that in no stretch of the training text of that length.
"""

import argparse
import json
import re
from collections import Counter
from pathlib import Path

import charrnn
from charrnn.corpus.store import open_corpus
from charrnn.library import Model

GRAM = 20
LOOP_CHARS, LOOP_TIMES = 50, 5
LONG_CHARS = 20_000


def repeated(text: str) -> float:
    """Return the share of 20-grams that came before."""
    grams = [text[i : i + GRAM] for i in range(len(text) - GRAM + 1)]
    return 1 - len(set(grams)) / len(grams)


def invented(text: str, known: set[str]) -> float:
    """Return the share of words that are not known."""
    words = re.findall(r"\w+", text)
    return sum(word not in known for word in words) / max(len(words), 1)


def loops(text: str) -> set[str]:
    """Return the passages that come again and again."""
    passages = Counter(text[i : i + LOOP_CHARS] for i in range(len(text) - LOOP_CHARS + 1))
    often = (passage for passage, times in passages.items() if times >= LOOP_TIMES)
    return {passage for passage in often if text.count(passage) >= LOOP_TIMES}


def loops_anywhere(text: str) -> set[str]:
    """Return the passages that come again and again in some stretch of a text."""
    begins = range(0, len(text), LONG_CHARS // 10)
    return set().union(*(loops(text[begin : begin + LONG_CHARS]) for begin in begins))


def cut(text: str) -> list[str]:
    """Return a text in pieces as long as those that are searched for loops."""
    return [text[i : i + LONG_CHARS] for i in range(0, len(text) - LONG_CHARS + 1, LONG_CHARS)]


def row(model: Model, text: str, known: set[str]) -> dict[str, float]:
    """Return the columns of one text."""
    novelty = model.novelty(text)
    return {
        "copied": novelty.copied_share or 0.0,
        "longest_copied": novelty.longest,
        "repeated": repeated(text),
        "invented": invented(text, known),
    }


def main() -> None:
    """Print a row for each run and kind of text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--chars", type=int, default=50_000)
    parser.add_argument("--long", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for run in arguments.runs:
        model, corpus = charrnn.load(run), open_corpus(run)
        trained = corpus.vocabulary.decode(corpus.train)
        known, known_loops = set(re.findall(r"\w+", trained)), loops_anywhere(trained)
        held_out = corpus.vocabulary.decode(corpus.val)
        rows = {"real text": row(model, held_out[: arguments.chars], known)}
        texts = {"real text": cut(held_out)[: arguments.long]}
        for name, memory in (("without memory", False), ("with memory", True)):
            options = {"seed": 1, "temperature": 0.8, "memory": memory}
            text = model.sample(length=arguments.chars, **options)
            rows[name] = row(model, text, known)
            if arguments.long:
                written = model.samples(num_samples=arguments.long, length=LONG_CHARS, **options)
                texts[name] = [each.text for each in written]
        for name, each in texts.items():
            found = [loops(text) for text in each]
            rows[name] |= {
                "loops": sum(map(bool, found)),
                "new_loops": sum(bool(passages - known_loops) for passages in found),
                "texts": len(each),
            }
        for name, values in rows.items():
            if arguments.json:
                print(json.dumps({"run": run.name, "text": name, **values}), flush=True)
            else:
                columns = "  ".join(f"{key} {value:.4g}" for key, value in values.items())
                print(f"{run.name:12} {name:15} {columns}", flush=True)


if __name__ == "__main__":
    main()
