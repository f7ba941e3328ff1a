"""A text of any size is read in the same memory."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

# What the process may have beyond what it has after its imports. The memory map of the ids, which
# is as long as the text has characters, is part of it.
ROOM = 150_000_000
PROGRAM = f"""
import resource, sys
from pathlib import Path
from charrnn.corpus.store import build_corpus
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.streams import Streams

pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + {ROOM}
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
if sys.argv[2:] == ["whole"]:
    Path(sys.argv[1]).read_bytes().decode()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
folder = Path(sys.argv[1]).parent / "run"
folder.mkdir()
corpus = build_corpus(folder, [sys.argv[1]], CorpusOptions())
for window in Streams(corpus.train, 64, 2048):
    pass
print(len(corpus.ids), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def run(path: Path, *how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), *how],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def write(path: Path, line: str, num_bytes: int) -> None:
    """Write a text of numbered lines."""
    data = "".join(line.format(number) for number in range(50_000)).encode()
    with path.open("wb") as file:
        for _ in range(num_bytes // len(data) + 1):
            file.write(data)


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "{} bottles of beer on the wall\n",
        "{} M\u00f6wen \u0441\u043f\u044f\u0442 \u6f22\u5b57 \U0001f600\n",
    ],
    ids=["ascii", "mixed"],
)
def test_100_megabytes_fit_into_a_limit(line: str, tmp_path: Path) -> None:
    """Reading a text of 100 MB, and an epoch of it, take hardly more than its map on the disk."""
    write(tmp_path / "text", line, 100_000_000)
    done = run(tmp_path / "text")
    assert done.returncode == 0, done.stderr
    num_chars, kilobytes = map(int, done.stdout.split())
    assert num_chars > 50_000_000
    assert kilobytes < 60_000  # resident: the pages of the map are let go


@pytest.mark.slow
def test_the_limit_is_one(tmp_path: Path) -> None:
    """A program that holds the text in memory does not get by with it."""
    write(tmp_path / "text", "{} bottles of beer on the wall\n", 100_000_000)
    done = run(tmp_path / "text", "whole")
    assert done.returncode == 1
    assert "MemoryError" in done.stderr
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
