"""The program as a process, on a terminal, and in this process; and hand-made models."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from charrnn.cli.app import app
from charrnn.model.checkpoint import Checkpoint, write_checkpoint
from charrnn.model.config import ModelConfig, parameter_shapes
from charrnn.text.vocabulary import Vocabulary

PROGRAM = [sys.executable, "-m", "charrnn"]
TIMEOUT = 60.0  # seconds; a process should need three at most
TINY = [
    *["--cell", "lstm", "--hidden-size", "8", "--embedding-size", "8", "--ngrams", "1"],
    *[
        "--num-networks",
        "1",
    ],
    *["--batch-size", "4", "--seq-length", "16", "--precision", "float32", "--threads", "1"],
]
TEXT = "Die Möwe rief: „Fähre!“ und 7 Boote lagen (still) im [roten] Hafen.\n" * 30


class Program(subprocess.Popen[bytes]):
    """A process that does not outlive a failing test."""

    def __exit__(self, kind: object, *others: object) -> None:
        """Kill the process if the block raised, and wait for its end."""
        if kind is not None:
            self.kill()
        super().__exit__(kind, *others)


@dataclass(frozen=True)
class Finished:
    """The exit code and output of a finished program."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.stdout.decode()

    @property
    def error_lines(self) -> list[str]:
        """The lines of standard error."""
        return self.stderr.splitlines()


@dataclass(frozen=True)
class TrainedRun:
    """A run that the program trained, and the output of that training."""

    corpus: Path
    directory: Path
    finished: Finished


def _environment(changes: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a child process, without the variables that change the output."""
    steering = {"CHARRNN_MODEL", "FORCE_COLOR", "NO_COLOR", "COLUMNS", "PYTHONIOENCODING"}
    kept = {name: value for name, value in os.environ.items() if name not in steering}
    return {**kept, "TERM": "xterm-256color", **(changes or {})}


@pytest.fixture(scope="session")
def text() -> str:
    """The text of the shared run, with characters of one to three bytes."""
    return TEXT


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Options for a tiny model."""
    return TINY


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen[bytes]]:
    """Start the program with its outputs in pipes; other arguments go to ``Popen``."""

    def start_program(*args: str, env: Mapping[str, str] | None = None, **more: object):
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **more}
        streams.setdefault("stderr", subprocess.PIPE)
        return Program([*PROGRAM, *args], env=_environment(env), **streams)

    return start_program


@pytest.fixture(scope="session")
def charrnn(start: Callable[..., subprocess.Popen[bytes]]) -> Callable[..., Finished]:
    """Run the program to its end.

    Without ``stdin``, its standard input is a pipe that stays silent, so that a command that reads
    it unasked hangs.
    """

    def run(*args: str, stdin: bytes | None = None, **more: object) -> Finished:
        reading, writing = os.pipe()
        try:
            where = reading if stdin is None else subprocess.PIPE
            with start(*args, stdin=where, **more) as process:
                try:
                    stdout, stderr = process.communicate(stdin, timeout=TIMEOUT)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise
        finally:
            os.close(reading)
            os.close(writing)
        return Finished(process.returncode, stdout or b"", (stderr or b"").decode())

    return run


@pytest.fixture(scope="session")
def shell() -> Callable[..., Finished]:
    """Run a line of sh in which "$@" is the program with the given arguments."""

    def run(line: str, *args: str, env: Mapping[str, str] | None = None, **more) -> Finished:
        done = subprocess.run(
            ["sh", "-c", line, "sh", *PROGRAM, *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=TIMEOUT,
            env=_environment(env),
            **more,
        )
        return Finished(done.returncode, done.stdout, done.stderr.decode())

    return run


@pytest.fixture(scope="session")
def on_terminal(start: Callable[..., subprocess.Popen[bytes]]) -> Callable[..., Finished]:
    """Run the program with both outputs on a terminal; ``stdout`` holds both."""

    def run(*args: str, **more: object) -> Finished:
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (40, 160))
        with start(*args, stdin=slave, stdout=slave, stderr=slave, **more) as process:
            os.close(slave)
            arrived = b""
            with contextlib.suppress(OSError):  # on Linux, reading a closed terminal is an error
                while block := os.read(master, 65536):
                    arrived += block
            os.close(master)
            code = process.wait(TIMEOUT)
        return Finished(code, arrived.replace(b"\r\n", b"\n"), "")

    return run


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Finished]:
    """Run a command line in this process, in the folder ``tmp_path``; bugs raise here."""
    monkeypatch.chdir(tmp_path)
    for name in ("CHARRNN_MODEL", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*args: str, stdin: bytes = b"") -> Finished:
        result = CliRunner().invoke(
            app, args, input=stdin, prog_name="charrnn", catch_exceptions=False
        )
        return Finished(result.exit_code, result.stdout_bytes, result.stderr)

    return run


def _write(path: Path, characters: str, weights: Mapping[str, object], **more) -> Path:
    """Write a model file: an Elman network with a unit for each character, other weights zero."""
    is_bytes, separator = more.pop("is_bytes", False), more.pop("separator", "")
    vocabulary = Vocabulary(characters, is_bytes=is_bytes, separator=separator)
    size = vocabulary.size
    config = ModelConfig(
        vocab_size=size,
        cell="rnn",
        nonlinearity="relu",
        embedding_size=size,
        hidden_size=size,
        num_layers=1,
    )
    arrays = {name: np.zeros(shape) for name, shape in parameter_shapes(config).items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_checkpoint(path, Checkpoint(config, vocabulary, {**arrays, **weights}, more))
    return path


@pytest.fixture(scope="session")
def write_cycle() -> Callable[..., Path]:
    """Write a model that repeats a text of distinct characters.

    Without a prompt it starts after the newline, so let the text start with one.
    """

    def write(path: Path, cycle: str, **more: object) -> Path:
        characters = "".join(map(chr, range(256))) if more.get("is_bytes") else sorted(cycle)
        characters = "".join(characters)
        size = len(characters)
        following = np.zeros((size, size))
        for character, successor in zip(cycle, cycle[1:] + cycle[0], strict=True):
            following[characters.index(successor), characters.index(character)] = 100
        weights = {
            "embedding.weight": np.eye(size),
            "layers.0.weight_ih": np.eye(size),
            "output.weight": following,
        }
        return _write(path, characters, weights, **more)

    return write


@pytest.fixture(scope="session")
def write_uniform() -> Callable[..., Path]:
    """Write a model that always finds all characters equally likely."""

    def write(path: Path, characters: str, **more: object) -> Path:
        return _write(path, "".join(sorted(characters)), {}, **more)

    return write


@pytest.fixture
def cycle_model(tmp_path: Path, write_cycle: Callable[..., Path]) -> Path:
    """A model that writes lines of "abcdé"."""
    return write_cycle(tmp_path / "cycle.safetensors", "\nabcdé")


@pytest.fixture
def uniform_model(tmp_path: Path, write_uniform: Callable[..., Path]) -> Path:
    """A model that writes eight characters at random, two of them not ASCII."""
    return write_uniform(tmp_path / "uniform.safetensors", "\n abcdé漢")


@pytest.fixture(scope="session")
def trained(
    charrnn: Callable[..., Finished], tmp_path_factory: pytest.TempPathFactory
) -> TrainedRun:
    """A run of three steps, trained with outputs in pipes and ``FORCE_COLOR`` set."""
    folder = tmp_path_factory.mktemp("trained")
    corpus = folder / "harbour.txt"
    corpus.write_text(TEXT, encoding="utf-8")
    finished = charrnn(
        *["train", corpus.name, "--steps", "3", "--preview-every", "0.001s", *TINY],
        cwd=folder,
        env={"FORCE_COLOR": "1"},
    )
    assert finished.code == 0, finished.stderr
    return TrainedRun(corpus, folder / "runs" / "harbour", finished)
