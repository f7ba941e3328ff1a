"""Starting a run in several processes, as a user does, with a time limit for each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TEXT = "Die Möwe rief: Fähre! Und 7 Boote lagen still im roten Hafen.\n" * 40
SMALL = [
    "--cell", "gru", "--hidden-size", "8", "--batch-size", "4", "--seq-length", "12", "--dropout",
    "0.2", "--ngrams", "2", "--precision", "float32", "--num-networks", "2", "--device", "cpu",
]  # fmt: skip


class Started:
    """A run that ``torchrun`` has started in a folder."""

    def __init__(
        self, folder: Path, size: int, *arguments: str, more: tuple[str, ...] = ()
    ) -> None:
        """Start ``charrnn`` with arguments; ``more`` are those of torchrun."""
        self.folder = folder
        self._output = (folder / "output").open("w+")
        command = [
            sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(size),
            "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", *more,
            *(arguments or ["-m", "charrnn"]),
        ]  # fmt: skip
        environment = {
            **os.environ, "GLOO_SOCKET_IFNAME": "lo", "PYTHONWARNINGS": "", "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        self.agent = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=self._output, stderr=self._output
        )

    def output(self) -> str:
        """Return what all have said so far."""
        return (self.folder / "output").read_text()

    def end(self, seconds: float = 120.0) -> int:
        """Wait for the end and return the exit code; no end in time is a failure."""
        try:
            return self.agent.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"it hangs:\n{self.output()}")

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something to happen."""
        until = time.monotonic() + 90
        while not is_so():
            if self.agent.poll() is not None or time.monotonic() > until:
                pytest.fail(f"it did not happen:\n{self.output()}")
            time.sleep(0.05)

    def workers(self) -> dict[int, int]:
        """Return the numbers of the processes by rank."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                variables = (entry / "environ").read_bytes().split(b"\0")
            except (OSError, IndexError, ValueError):
                continue
            if parent == self.agent.pid:
                found |= {
                    int(each[5:]): int(entry.name) for each in variables if each[:5] == b"RANK="
                }
        return found

    def close(self) -> None:
        """Kill what is still there."""
        for pid in [*self.workers().values(), self.agent.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.agent.wait()
        self._output.close()


@pytest.fixture
def text(tmp_path: Path) -> str:
    """A text of 2,520 characters."""
    (tmp_path / "sea.txt").write_text(TEXT, encoding="utf-8")
    return "sea.txt"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start runs in ``tmp_path``."""
    started = []

    def begin(*arguments: str, size: int = 2, more: tuple[str, ...] = ()) -> Started:
        for each in started:
            each.close()
        started.append(Started(tmp_path, size, *arguments, more=more))
        return started[-1]

    yield begin
    for each in started:
        each.close()


@pytest.fixture
def small() -> list[str]:
    """The options of a small model."""
    return SMALL
