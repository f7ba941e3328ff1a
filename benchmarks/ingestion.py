"""Speed and memory of reading a corpus: ``build_corpus`` in a process of its own.

Pass files, or let the script make texts from the sources of the standard library, repeated with
varying names and digits: ``ascii`` unchanged, ``mixed`` with every fourth line in another script.
Building the same text a second time shows the effect of the cache.

python benchmarks/ingestion.py [PATH ... | --megabytes 1000] [--rounds 1] [--json]
"""

import argparse
import json
import random
import resource
import string
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ALPHABETS = {  # substitutes for a to z, of 2 to 4 bytes in UTF-8
    "Cyrillic": [chr(0x430 + i) for i in range(26)],
    "Greek": [chr(0x3B1 + i % 17) for i in range(26)],
    "Hebrew": [chr(0x5D0 + i) for i in range(26)],
    "Devanagari": [chr(0x915 + i) for i in range(26)],
    "Han": [chr(0x4E00 + 97 * i) for i in range(26)],
    "emoji": [chr(0x1F600 + i) for i in range(26)],
}
LINES_IN_PART = 500


def library(kind: str) -> list[bytes]:
    """Return the sources of the standard library in parts of 500 lines."""
    folder = Path(sysconfig.get_path("stdlib"))
    texts = [path.read_bytes() for path in sorted(folder.glob("*.py"))]
    lines = "".join(text.decode() for text in texts if text.isascii()).splitlines(keepends=True)
    if kind == "mixed":
        scripts = [str.maketrans(string.ascii_lowercase, "".join(a)) for a in ALPHABETS.values()]
        for place in range(0, len(lines), 4):
            lines[place] = lines[place].translate(scripts[place // 4 % len(scripts)])
    parts = range(0, len(lines), LINES_IN_PART)
    return ["".join(lines[place : place + LINES_IN_PART]).encode() for place in parts]


def chunks(kind: str, num_bytes: int) -> Iterator[bytes]:
    """Yield a deterministic text of slightly more than ``num_bytes``."""
    rng = random.Random(1)
    parts = library(kind)
    digits = string.digits.encode()
    done = 0
    while done < num_bytes:
        # Vary a name and the digits, so that no two repetitions are equal.
        word = "".join(rng.choices(string.ascii_lowercase, k=4)).encode()
        shuffled = bytes.maketrans(digits, bytes(rng.sample(digits, 10)))
        data = b"".join(rng.choices(parts, k=10)).replace(b"self", word).translate(shuffled)
        done += len(data)
        yield data


def write_text(path: Path, kind: str, num_bytes: int) -> None:
    """Write a generated text to a file."""
    with path.open("wb") as file:
        file.writelines(chunks(kind, num_bytes))


def build(directory: Path, names: list[str]) -> dict[str, float]:
    """Build a corpus in this process and measure it.

    Returns:
        Seconds, characters, distinct characters, and growth of the peak resident size in bytes.
    """
    from charrnn.corpus.options import CorpusOptions
    from charrnn.corpus.store import build_corpus

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    candidates = [path.parent for path in directory.parent.glob("*/corpus.json")]
    corpus = build_corpus(directory, names, CorpusOptions(), candidates=candidates)
    return {
        "seconds": time.perf_counter() - begin,
        "characters": len(corpus.ids),
        "distinct": corpus.vocabulary.size,
        "grown_bytes": 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before),
    }


def measure(name: str, paths: list[Path], rounds: int, folder: Path) -> dict[str, object]:
    """Build a corpus, then build it again from the cache; return the best round of each."""
    num_bytes = sum(path.stat().st_size for path in paths)
    found: dict[str, list[dict[str, float]]] = {"read": [], "cached": []}
    for number in range(rounds):
        runs = folder / f"{name}-{number}"
        for step, results in found.items():
            (runs / step).mkdir(parents=True)
            command = [sys.executable, __file__, "--child", str(runs / step), *map(str, paths)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            results.append(json.loads(done.stdout))
        for file in runs.glob("*/*"):
            file.unlink()
    best = {step: min(results, key=lambda r: r["seconds"]) for step, results in found.items()}
    return {
        "bytes": num_bytes,
        "characters": best["read"]["characters"],
        "distinct": best["read"]["distinct"],
        "megabytes_per_second": num_bytes / 1e6 / best["read"]["seconds"],
        "grown_megabytes": best["read"]["grown_bytes"] / 1e6,
        "cached_over_read": best["cached"]["seconds"] / best["read"]["seconds"],
    }


def main() -> None:
    """Measure each text and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, help="your texts")
    parser.add_argument("--megabytes", type=int, default=100, help="size of each generated text")
    parser.add_argument("--write", choices=["ascii", "mixed"], help="only write this text to -o")
    parser.add_argument("-o", "--out", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(build(arguments.child, [str(path) for path in arguments.paths])))
        return
    if arguments.write:
        write_text(arguments.out, arguments.write, arguments.megabytes * 1_000_000)
        return
    with tempfile.TemporaryDirectory(prefix="charrnn-ingestion-") as name:
        folder = Path(name)
        texts = {"given": arguments.paths} if arguments.paths else {}
        for kind in () if arguments.paths else ("ascii", "mixed"):
            texts[kind] = [folder / f"{kind}.txt"]
            write_text(texts[kind][0], kind, arguments.megabytes * 1_000_000)
        results = {
            kind: measure(kind, paths, arguments.rounds, folder) for kind, paths in texts.items()
        }
    if arguments.json:
        print(json.dumps(results))
        return
    print(f"{'text':8}{'MB':>8}{'distinct':>10}{'MB/s':>8}{'memory MB':>12}{'cached/read':>12}")
    for kind, result in results.items():
        print(
            f"{kind:8}{result['bytes'] / 1e6:8.0f}{result['distinct']:10,}"
            f"{result['megabytes_per_second']:8.0f}{result['grown_megabytes']:12.0f}"
            f"{result['cached_over_read']:12.3f}"
        )


if __name__ == "__main__":
    main()
