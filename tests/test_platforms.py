"""The program runs where the system lacks what only Linux has: on Windows, on macOS, in containers.

The modules and names are taken away in another process, before anything is imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from charrnn.model.checkpoint import Checkpoint, write_checkpoint
from charrnn.processors import container_quota, num_processors

WINDOWS = """
import os, shutil, signal, socket, subprocess, sys, tempfile, types  # these need their modules
for name in ("fcntl", "resource", "pty", "termios", "tty", "pwd", "grp"):
    sys.modules[name] = None
held = set()
def locking(descriptor, mode, size):
    for other in held - {descriptor}:
        try:
            if os.path.samestat(os.fstat(other), os.fstat(descriptor)):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            if error.errno == 13:
                raise
    held.add(descriptor)
sys.modules["msvcrt"] = types.SimpleNamespace(LK_LOCK=1, LK_NBLCK=2, locking=locking)
for name in ("sched_getaffinity", "O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "geteuid", "getuid",
             "mkfifo", "fork"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTSTP", "SIGCONT"):
    if hasattr(signal, name):
        delattr(signal, name)
"""
MACOS = """
import os
for name in ("sched_getaffinity", "posix_fadvise"):
    if hasattr(os, name):
        delattr(os, name)
import fcntl
fcntl.F_FULLFSYNC = fcntl.F_GETFD
"""
COMMAND = "import charrnn; from charrnn.cli.app import app; app(sys.argv[1:])"
STORAGE = """
from pathlib import Path
from charrnn.storage.atomic import write_whole
from charrnn.storage.lock import lock_file
write_whole(Path("file"), b"whole")
write_whole(Path("file"), b"newer")
assert Path("file").read_bytes() == b"newer"
assert [path.name for path in Path().iterdir() if path.name.endswith(".tmp")] == []
lock_file(Path("lock"))
try:
    lock_file(Path("lock"))
except BlockingIOError:
    print("locked")
"""
platforms = pytest.mark.parametrize(
    "platform", [WINDOWS, pytest.param(MACOS, marks=pytest.mark.slow)], ids=["windows", "macos"]
)


def run(platform: str, program: str, *args: str, folder: Path) -> str:
    """Run a program without what a platform lacks and return its output."""
    finished = subprocess.run(
        [sys.executable, "-c", f"{platform}\nimport sys\n{program}", *args],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in finished.stderr, finished.stderr
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@platforms
def test_commands_run(
    platform: str, tmp_path: Path, make_checkpoint: Callable[..., Checkpoint]
) -> None:
    """Help, sampling, evaluation and information need nothing that a platform lacks."""
    write_checkpoint(tmp_path / "model.safetensors", make_checkpoint())
    (tmp_path / "text.txt").write_text("abc de\n" * 3)
    model = ("-m", "model.safetensors")
    assert "sample" in run(platform, COMMAND, "--help", folder=tmp_path)
    assert run(platform, COMMAND, "sample", *model, "-n", "5", folder=tmp_path)
    assert '"chars"' in run(
        platform, COMMAND, "eval", *model, "--json", "text.txt", folder=tmp_path
    )
    assert run(platform, COMMAND, "info", "model.safetensors", folder=tmp_path)


@platforms
def test_files_are_whole_and_locked(platform: str, tmp_path: Path) -> None:
    """Atomic writes and locks work on each platform."""
    assert run(platform, STORAGE, folder=tmp_path) == "locked\n"


# Processors


def groups(root: Path, cgroup: str, files: dict[str, str]) -> float:
    """Return the quota that the files of control groups grant."""
    for name, content in {"proc/self/cgroup": cgroup, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return container_quota(root)


@pytest.mark.parametrize(
    ("cgroup", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, float("inf")),
        ("0::/a/b\n", {"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"}, 2.0),
        ("0::/not/mounted\n", {"cpu.max": "50000 100000\n"}, 0.5),
        (
            "3:cpu,cpuacct:/docker/x\n",
            {"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            3.0,
        ),
        (
            "3:cpu,cpuacct:/\n1:memory:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            float("inf"),
        ),
        ("nonsense\n", {"cpu.max": "x y z\n"}, float("inf")),
        ("", {}, float("inf")),
    ],
    ids=["v2", "no-limit", "parent", "namespace", "v1", "v1-no-limit", "damaged", "none"],
)
def test_the_quota_of_a_container(
    tmp_path: Path, cgroup: str, files: dict[str, str], quota: float
) -> None:
    """Both versions of control groups limit the processors, as do the groups above."""
    named = {f"sys/fs/cgroup/{name}": content for name, content in files.items()}
    assert groups(tmp_path, cgroup, named) == quota


@pytest.mark.parametrize(("quota", "expected"), [(0.5, 1), (1.5, 1), (2.0, 2), (64.0, 4)])
def test_the_least_limit_counts(
    monkeypatch: pytest.MonkeyPatch, quota: float, expected: int
) -> None:
    """A process may use whole processors, one at least, within its affinity and its quota."""
    monkeypatch.delenv("PYTHON_CPU_COUNT", raising=False)
    monkeypatch.setattr("charrnn.processors.container_quota", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    assert num_processors() == expected


@pytest.mark.parametrize(("value", "expected"), [("7", 7), ("0", 2), ("", 2), ("many", 2)])
def test_a_user_decides_on_the_processors(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: int
) -> None:
    """``PYTHON_CPU_COUNT`` wins if it is a number above 0."""
    monkeypatch.setenv("PYTHON_CPU_COUNT", value)
    monkeypatch.setattr("charrnn.processors.container_quota", lambda: 2.0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    assert num_processors() == expected
