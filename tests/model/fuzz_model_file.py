"""Throw damaged and hostile model files at the reader, as many as one likes.

python tests/model/fuzz_model_file.py --inputs 1000000 [--seed 1] [--seconds 280]

Each input is a good file with some changes: to its bytes; to the values of its header and of the
JSON within, after which the places of the arrays are mended and the checksum is set right, so that
what is checked last is reached, too; or to its arrays. The reader must refuse it with one line, or
return a model that is whole. It must take less than a second for each, and no memory to speak of.

The seed of an input is told with each finding; ``--seed S --inputs 1`` makes it again.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import random
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

from charrnn.errors import CheckpointError
from charrnn.memory.context_model import ContextModel
from charrnn.memory.copying import CopySearch
from charrnn.memory.counting import count_followers
from charrnn.memory.sketch import build_sketch
from charrnn.model.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from charrnn.model.config import ModelConfig, parameter_shapes
from charrnn.text.vocabulary import Vocabulary

MAX_SECONDS = 1.0
MAX_GROWTH_MB = 64
WIDTHS = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1}
INTERESTING: list[Any] = [
    *[0, 1, 2, 3, -1, 7, 64, 255, 65_536, 65_537, 1 << 24, 1 << 31, 1 << 32, 1 << 48, 1 << 62],
    *[(1 << 63) - 1, 1 << 64, 10**18, 10**300, 1.0, 2.5, 1e308, -0.0, float("inf"), float("nan")],
    *["", "a", "ab", "\x00", "\n", "\x1b[2J", "\ud800", "\U0001f600", "charrnn 1", "charrnn 2"],
    *["tanh", "relu", "rnn", "lstm", "gru", "mingru", "plain", "residual", "F32", "F64", "BF16"],
    *["U8", "BOOL", "I64", "sketch", "output.bias", "[" * 2000, "{}", "null", "NaN", "9" * 5000],
    *[True, False, None, [], {}, [[]], [0], [2], [2, 2], [-1], [0, 0], {"a": 1}, [None], [1] * 40],
]

_VARYING = re.compile(r"\W*(\b-?\d.*|['\[{].*| (is|no proper) .*)")

Read = Callable[[Path], Checkpoint]


def good_files(folder: Path) -> list[bytes]:
    """Return the bytes of a few small models of different make."""
    files = []
    for number, (characters, more, sizes) in enumerate(
        [
            ("ab", {}, {"cell": "rnn"}),
            ("\n aé€😀", {"has_unknown": True}, {"cell": "gru", "num_layers": 2}),
            ("abc", {}, {"cell": "mingru", "block": "residual", "ngrams": 2, "ngram_rows": 4}),
            ("".join(map(chr, range(256))), {"is_bytes": True}, {"cell": "lstm", "counts": 1}),
            ("abcd", {}, {"cell": "gru", "counts": 3}),
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
        sketch = build_sketch(ids, vocabulary) if number % 2 else None
        longest = config.counts
        counts = count_followers(ids, vocabulary.size, longest, None) if longest else None
        about = {"trained_at": 1.5e9, "report": {"step": 3, "loss": None}}
        path = folder / "good"
        write_checkpoint(path, Checkpoint(config, vocabulary, arrays, about, counts, sketch))
        files.append(path.read_bytes())
    return files


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header of a good file, the JSON within taken apart, and its arrays."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    for name in ("config", "vocabulary", "about"):
        header["__metadata__"][name] = json.loads(header["__metadata__"][name])
    return header, data[end:]


def some_place(rng: random.Random, value: Any) -> list[Any]:
    """Return the way to some value within one, the outer ones as likely as the inner."""
    way: list[Any] = []
    while isinstance(value, dict | list) and value and not (way and rng.random() < 0.3):
        way.append(
            rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        )
        value = value[way[-1]]
    return way


def change_value(rng: random.Random, header: dict[str, Any]) -> None:
    """Change one value somewhere in a header."""
    if rng.random() < 0.7:  # most of a header is of arrays, most of what is to be checked is not
        header = header.get("__metadata__", header)
        if not isinstance(header, dict):
            return
    way = some_place(rng, header)
    if not way:
        return
    holder: Any = header
    for step in way[:-1]:
        holder = holder[step]
    name = way[-1]
    old = holder[name] if isinstance(holder, list) else holder.get(name)
    match rng.randrange(8):
        case 0:
            del holder[name]
        case 1 if isinstance(holder, dict):
            holder[rng.choice([*map(str, INTERESTING[:30]), *holder])] = holder.pop(name)
        case 2 if isinstance(holder, dict):
            holder[str(rng.choice(INTERESTING))] = copy.deepcopy(old)
        case 3 if isinstance(old, int):
            holder[name] = old + rng.choice([-1, 1, 2, 1 << 32, -old])
        case 4 if isinstance(old, str):
            cut = rng.randrange(len(old) + 1)
            holder[name] = old[:cut] + str(rng.choice(INTERESTING)) + old[cut:]
        case 5 if isinstance(holder, dict):
            holder[name] = copy.deepcopy(rng.choice(list(holder.values())))
        case _:
            holder[name] = copy.deepcopy(rng.choice(INTERESTING))


def mend_places(header: dict[str, Any], tensors: bytes) -> bytes:
    """Set the places of the arrays right where they are described at all; return as many bytes."""
    entries = {
        name: entry
        for name, entry in header.items()
        if name != "__metadata__"
        and isinstance(entry, dict)
        and WIDTHS.get(str(entry.get("dtype")))
        and isinstance(entry.get("shape"), list)
        and all(type(size) is int and 0 <= size < 4096 for size in entry["shape"])
    }
    end = 0
    for name in sorted(entries, key=lambda name: (-WIDTHS[entries[name]["dtype"]], name)):
        length = WIDTHS[entries[name]["dtype"]]
        for size in entries[name]["shape"]:
            length = min(length * size, 1 << 16)
        entries[name]["data_offsets"] = [end, end + length]
        end += length
    return (tensors + bytes(max(end - len(tensors), 0)))[:end]


def join(rng: random.Random, header: dict[str, Any], tensors: bytes) -> bytes:
    """Return a file, mostly with the checksum that belongs to it."""
    strings = header.get("__metadata__")
    if isinstance(strings, dict):
        for name in ("config", "vocabulary", "about"):
            if name in strings and not isinstance(strings[name], str):
                strings[name] = json.dumps(strings[name])
        if rng.random() < 0.9:
            others = {name: text for name, text in strings.items() if name != "sha256"}
            digest = hashlib.sha256(json.dumps(others, sort_keys=True).encode())
            digest.update(tensors)
            strings["sha256"] = digest.hexdigest()
    text = json.dumps(header)
    if rng.random() < 0.03:  # a thing said twice
        text = text.replace('"shape"', '"dtype": "U8", "shape"', 1)
    data = text.encode()
    return len(data).to_bytes(8, "little") + data + tensors


def change_bytes(rng: random.Random, data: bytes, files: list[bytes]) -> bytes:
    """Change the bytes of a file in one way or another."""
    begin, length = rng.randrange(len(data)), rng.choice([1, 1, 2, 4, 8, 100])
    end = begin + length
    match rng.randrange(8):
        case 0:
            return data[:begin]
        case 1:
            return data[:begin] + data[end:]
        case 2:
            return data[:begin] + rng.randbytes(length) + data[begin:]
        case 3:
            return data[:begin] + rng.randbytes(length) + data[end:]
        case 4:
            other = rng.choice(files)
            return data[:begin] + other[rng.randrange(len(other)) :]
        case 5:
            size = rng.choice([0, 1, 7, 8, 1 << 21, 1 << 31, 1 << 63, (1 << 64) - 1, len(data)])
            return (size + rng.choice([-1, 0, 1])).to_bytes(16, "little", signed=True)[:8] + data[
                8:
            ]
        case 6:
            return data[:begin] + rng.choice([b"[", b"{", b'"', b"\\", b",", b"\xff"]) * length
        case _:
            return data[:begin] + bytes([data[begin] ^ 1 << rng.randrange(8)]) + data[begin + 1 :]


def change_arrays(rng: random.Random, tensors: bytes) -> bytes:
    """Change some of the bytes of the arrays."""
    begin = rng.randrange(len(tensors) // 4) * 4
    nan, inf = b"\0\0\xc0\x7f", b"\0\0\x80\xff"
    new = rng.choice([nan, inf, b"\xff" * 4, bytes(4), rng.randbytes(4), rng.randbytes(20)])
    return (tensors[:begin] + new + tensors[begin + len(new) :])[: len(tensors)]


def make_input(seed: int, files: list[bytes]) -> tuple[bytes, bool]:
    """Return an input, and whether it has the checksum that belongs to it, perhaps."""
    rng = random.Random(seed)
    data = rng.choice(files)
    kind = rng.random()
    if kind < 0.25:
        for _ in range(rng.choice([1, 1, 2, 5])):
            data = change_bytes(rng, data, files) or b"\0"
        return data, False
    header, tensors = split(data)
    if kind < 0.45:
        tensors = change_arrays(rng, tensors)
    else:
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            change_value(rng, header)
        if rng.random() < 0.8:
            tensors = mend_places(header, tensors)
    return join(rng, header, tensors), True


def contents(checkpoint: Checkpoint) -> tuple[Any, ...]:
    """Return what a model holds, to be compared."""
    weights = {name: array.tobytes() for name, array in checkpoint.arrays.items()}
    parts = {} if checkpoint.counts is None else checkpoint.counts.to_arrays()
    counts = {name: array.tobytes() for name, array in parts.items()}
    sketch = None if checkpoint.sketch is None else checkpoint.sketch.to_array().tobytes()
    about = json.dumps(dict(checkpoint.about))
    return checkpoint.config, checkpoint.vocabulary, about, weights, counts, sketch


def complaint(read: Read, path: Path, originals: list[Any], sealed: bool) -> tuple[str, str | None]:
    """Read an input; return how it ended, and what is wrong with that."""
    begin = time.perf_counter()
    try:
        found = read(path)
    except CheckpointError as error:
        reason = str(error).partition(": ")[2]
        if not str(error).isprintable():
            return "refused", "the message cannot be shown"
        outcome = reason.removeprefix("not a whole charrnn model: ").partition(";")[0]
    except Exception as error:
        return "raised", f"{type(error).__name__}: {error}"
    else:
        outcome = "read"
        shapes = {name: array.shape for name, array in found.arrays.items()}
        if shapes != parameter_shapes(found.config):
            return outcome, "the weights do not fit the sizes"
        if not all(np.isfinite(array).all() for array in found.arrays.values()):
            return outcome, "a weight is not finite"
        if found.vocabulary.size != found.config.vocab_size:
            return outcome, "the vocabulary does not fit the sizes"
        if not sealed and contents(found) not in originals:
            return outcome, "damage went unnoticed"
        if found.counts is not None:
            model = ContextModel(found.counts)
            ids = np.arange(60).reshape(2, 30) % found.vocabulary.size
            probs, _ = model.read(ids, model.no_context(2))
            if not np.allclose(probs.sum(-1), 1, atol=1e-4):
                return outcome, "the probabilities of counts are none"
        if found.sketch is not None:
            search = CopySearch(found.sketch)
            search.read(np.arange(300) % found.vocabulary.size)
            search.result()
    if time.perf_counter() - begin > MAX_SECONDS:
        return outcome, "took more than a second"
    return outcome, None


def fuzz(
    read: Read, inputs: int, seed: int, seconds: float = float("inf")
) -> tuple[int, Counter[str], list[str]]:
    """Read so many inputs, or as many as there is time for.

    Returns:
        How many were read, how they ended, and what was wrong.
    """
    outcomes: Counter[str] = Counter()
    findings = []
    end = time.monotonic() + seconds
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a disk takes ten times as long
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
            outcome, wrong = complaint(read, path, originals, sealed)
            outcomes[_VARYING.sub(" ...", outcome)] += 1
            if wrong:
                findings.append(f"seed {seed + done}: {wrong}")
            done += 1
    return done, outcomes, findings


def main() -> int:
    """Fuzz the reader of model files and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first input")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    arguments = parser.parse_args()
    fuzz(read_checkpoint, 200, arguments.seed)  # what is loaded once is not growth
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
