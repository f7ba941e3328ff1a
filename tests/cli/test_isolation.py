"""No command uses the network or leaves files that the user did not ask for."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

WITHOUT_NETWORK = """
import sys

def hook(event, args):
    if event.startswith("socket.") and event != "socket.gethostname":
        print("NETWORK", event, args, file=sys.stderr, flush=True)
        import os
        os._exit(99)

sys.addaudithook(hook)
if sys.argv[1:] == ["connect"]:
    import socket
    socket.socket()
from charrnn.cli.app import app
app(sys.argv[1:], prog_name="charrnn")
"""
COMMANDS = {
    "help": ["--help"],
    "version": ["--version"],
    "train": ["train", "text", "-o", "new", "--steps", "2", "--preview-every", "0.001s"],
    "resume": ["train", "-o", "run", "--resume", "--steps", "4"],
    "init-from": ["train", "text", "-o", "new", "--steps", "1", "--init-from", "run"],
    "sample": ["sample", "-m", "run", "-n", "20"],
    "eval": ["eval", "-m", "run", "text"],
    "eval of the run": ["eval", "-m", "run", "--json"],
    "info": ["info", "run"],
}


@pytest.fixture
def folder(tmp_path: Path, trained) -> Path:
    """A folder with a text and a run."""
    (tmp_path / "text").write_text("no connection, no litter\n" * 40)
    shutil.copytree(trained.directory, tmp_path / "run")
    return tmp_path


def isolated(
    folder: Path, *args: str, prefix: tuple[str, ...] = ()
) -> tuple[subprocess.CompletedProcess[str], list[Path]]:
    """Run a command in a process that must not open sockets; return it and the files in TMPDIR."""
    temporary = folder / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    done = subprocess.run(
        [*prefix, sys.executable, "-c", WITHOUT_NETWORK, *args],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary), "HOME": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done, sorted(temporary.rglob("*"))


def test_the_guard_sees_a_socket(tmp_path: Path) -> None:
    """The guard stops a program that opens a socket."""
    done, _ = isolated(tmp_path, "connect")
    assert done.returncode == 99
    assert "NETWORK socket" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_opens_a_socket_or_leaves_litter(name: str, folder: Path) -> None:
    """Every command works without sockets and leaves TMPDIR and HOME empty."""
    tiny = ["--threads", "1"] if COMMANDS[name][0] == "train" else []
    done, left = isolated(folder, *COMMANDS[name], *tiny)
    assert done.returncode == 0, done.stderr
    assert left == []


@pytest.mark.slow
def test_the_system_sees_no_socket_either(folder: Path) -> None:
    """C libraries open none either: strace records no socket during training."""
    trace = folder / "trace"
    prefix = ("strace", "-f", "-qq", "-e", "trace=network", "-o", str(trace))
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    done, _ = isolated(
        folder, "train", "text", "-o", "traced", "--steps", "2", "--threads", "1", prefix=prefix
    )
    if not trace.exists():
        pytest.skip("this user may not trace")
    assert done.returncode == 0, done.stderr
    calls = [line for line in trace.read_text().splitlines() if "AF_INET" in line]
    assert calls == []


@pytest.mark.slow
@pytest.mark.parametrize("how", ["failure", "SIGTERM while training", "SIGTERM while reading"])
def test_an_end_leaves_no_litter(
    how: str, start: Callable[..., subprocess.Popen[bytes]], tiny: list[str], tmp_path: Path
) -> None:
    """A failure leaves nothing; a signal leaves the run and nothing else."""
    (tmp_path / "text").write_text("no connection, no litter\n" * 40)
    (tmp_path / "wrong").write_bytes(b"good at first " * 100_000 + b"\xff")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    names = {"failure": "wrong", "SIGTERM while training": "text", "SIGTERM while reading": "-"}
    process = start(
        *["train", names[how], "-o", "run", "--steps", "100000", *tiny],
        cwd=tmp_path,
        env={"TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
    )
    with process:
        if how != "failure":
            awaited = b"step " if how.endswith("training") else b"reading"
            line = b""
            while awaited not in line:
                line = process.stderr.readline()
                assert line
            process.send_signal(signal.SIGTERM)
        code = process.wait(60)
        process.stderr.read()
    assert code == (1 if how == "failure" else 143)
    assert list(temporary.iterdir()) == []
    if how == "SIGTERM while training":
        names_left = {path.name for path in (tmp_path / "run").iterdir()}
        wanted = {"model.safetensors", "state.safetensors", "metrics.jsonl"}
        assert names_left == wanted | {"corpus.npy", "corpus.json"}
    else:
        assert not (tmp_path / "run").exists()
