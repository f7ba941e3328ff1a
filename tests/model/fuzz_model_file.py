"""Feed damaged and hostile model files to the reader.

python tests/model/fuzz_model_file.py --inputs 1000000 [--seed 1] [--seconds 280]

Each input is a good file after some changes: to its bytes; to values of its header and of the JSON
inside, with offsets and checksum corrected so that the last checks are reached too; or to its
arrays. The reader must refuse it with a one-line message or return a consistent model, in less than
a second, without growing in memory.

Findings report the seed of their input; ``--seed S --inputs 1`` repeats it.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_mutations import make_input

from charrnn.errors import CheckpointError
from charrnn.memory.copying import CopySearch
from charrnn.memory.expected import expect
from charrnn.memory.index import build_index
from charrnn.memory.memory import Memory
from charrnn.memory.text_memory import TextMemory
from charrnn.model.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from charrnn.model.config import ModelConfig, parameter_shapes
from charrnn.text.vocabulary import Vocabulary

MAX_SECONDS = 1.0
MAX_GROWTH_MB = 64
_VARYING = re.compile(r"\W*(\b-?\d.*|['\[{].*| (is|no proper) .*)")

Read = Callable[[Path], Checkpoint]


def good_files(folder: Path) -> list[bytes]:
    """Return the bytes of a few small, different models."""
    files = []
    for number, (characters, more, sizes) in enumerate(
        [
            ("ab", {}, {"cell": "rnn"}),
            ("\n aé€😀", {"has_unknown": True}, {"cell": "gru", "num_layers": 2}),
            ("abc", {}, {"cell": "mingru", "block": "residual", "ngrams": 2, "ngram_rows": 4}),
            ("".join(map(chr, range(256))), {"is_bytes": True}, {"cell": "lstm"}),
            ("abcd", {}, {"cell": "gru"}),
        ]
    ):
        vocabulary = Vocabulary(characters, **more)
        config = ModelConfig(
            vocab_size=vocabulary.size,
            embedding_size=1,
            hidden_size=2,
            **({"num_layers": 1} | sizes),
        )
        rng = np.random.default_rng(number)
        arrays = {
            name: rng.normal(size=shape).astype(np.float32)
            for name, shape in parameter_shapes(config).items()
        }
        ids = rng.integers(0, vocabulary.size, 4000).astype(np.uint8)
        index = build_index(ids, vocabulary.size) if number % 2 else None
        about = {"trained_at": 1.5e9, "report": {"step": 3, "loss": None}}
        path = folder / "good"
        write_checkpoint(path, Checkpoint(config, vocabulary, arrays, about, index))
        files.append(path.read_bytes())
    return files


def contents(checkpoint: Checkpoint) -> tuple[Any, ...]:
    """Return the contents of a model, in comparable form."""
    weights = {name: array.tobytes() for name, array in checkpoint.arrays.items()}
    index = None if checkpoint.index is None else checkpoint.index.followers.tobytes()
    about = json.dumps(dict(checkpoint.about))
    return checkpoint.config, checkpoint.vocabulary, about, weights, index


def judge(read: Read, path: Path, originals: list[Any], sealed: bool) -> tuple[str, str | None]:
    """Read an input; return the outcome and what is wrong with it, if anything."""
    begin = time.perf_counter()
    try:
        found = read(path)
    except CheckpointError as error:
        reason = str(error).partition(": ")[2]
        if not str(error).isprintable():
            return "refused", "the message is not printable"
        outcome = reason.removeprefix("not a whole charrnn model: ").partition(";")[0]
    except Exception as error:
        return "raised", f"{type(error).__name__}: {error}"
    else:
        outcome = "read"
        shapes = {name: array.shape for name, array in found.arrays.items()}
        if shapes != parameter_shapes(found.config):
            return outcome, "the weights do not match the sizes"
        if not all(np.isfinite(array).all() for array in found.arrays.values()):
            return outcome, "a weight is not finite"
        if found.vocabulary.size != found.config.vocab_size:
            return outcome, "the vocabulary does not match the sizes"
        if not sealed and contents(found) not in originals:
            return outcome, "damage went unnoticed"
        if found.index is not None:
            search = CopySearch(found.index)
            search.read(np.arange(300) % found.vocabulary.size)
            search.result()
            text = TextMemory(Memory(found.vocabulary, found.index))
            size = found.vocabulary.size
            expected = expect(np.full((100, size), -np.log(size), np.float32))
            list(text.follow(np.arange(100) % size, expected))
            if not np.allclose(expected.probs.sum(-1), 1, atol=1e-4):
                return outcome, "the probabilities of the memory do not sum to 1"
    if time.perf_counter() - begin > MAX_SECONDS:
        return outcome, "took more than a second"
    return outcome, None


def fuzz(
    read: Read, inputs: int, seed: int, seconds: float = float("inf")
) -> tuple[int, Counter[str], list[str]]:
    """Read a number of inputs, until time runs out.

    Returns:
        The number of inputs read, the count of each outcome, and the findings.
    """
    outcomes: Counter[str] = Counter()
    findings = []
    end = time.monotonic() + seconds
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # ten times as fast as a disk
    with tempfile.TemporaryDirectory(dir=memory) as name:
        folder = Path(name)
        files = good_files(folder)
        originals = []
        path = folder / "input"
        for data in files:
            path.write_bytes(data)
            originals.append(contents(read_checkpoint(path)))
        done = 0
        while done < inputs and time.monotonic() < end:
            data, sealed = make_input(seed + done, files)
            path.write_bytes(data)
            outcome, wrong = judge(read, path, originals, sealed)
            outcomes[_VARYING.sub(" ...", outcome)] += 1
            if wrong:
                findings.append(f"seed {seed + done}: {wrong}")
            done += 1
    return done, outcomes, findings


def main() -> int:
    """Fuzz the reader and print the outcomes and findings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1, help="seed of the first input")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    arguments = parser.parse_args()
    fuzz(read_checkpoint, 200, arguments.seed)  # loading modules is not growth
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.monotonic()
    done, outcomes, findings = fuzz(
        read_checkpoint, arguments.inputs, arguments.seed, arguments.seconds
    )
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    if growth > MAX_GROWTH_MB:
        findings.append(f"memory grew by {growth:.0f} MB")
    for outcome, count in outcomes.most_common(60):
        print(f"{count:10,}  {outcome}")
    print(f"{done:10,}  inputs in {time.monotonic() - begin:.0f} s, memory grew by {growth:.1f} MB")
    print(f"next seed {arguments.seed + done}; {len(findings)} findings", *findings[:20], sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
