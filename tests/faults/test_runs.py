"""A whole training on a disk that fails, fills up, or loses its process at any operation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from charrnn.corpus.store import open_corpus
from charrnn.errors import CharRNNError
from charrnn.model.checkpoint import read_checkpoint
from charrnn.training.api import resume, train
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.metrics import read_metrics
from charrnn.training.run.monitor import Silent
from charrnn.training.run.state import read_state

TEXT = "Die Möwe rief: „Fähre!“ und 7 Boote lagen (still) im Hafen.\n" * 20
SMALL = Settings(
    steps=4,
    cell="rnn",
    hidden_size=4,
    embedding_size=4,
    batch_size=4,
    seq_length=8,
    precision="float32",
    threads=1,
)
NAMES = {"model.safetensors", "state.safetensors", "metrics.jsonl", "corpus.npy", "corpus.json"}


class Listening(Silent):
    """A monitor that records everything."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "source.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def check_whole(directory: Path) -> int | None:
    """Read all files of a run directory; return the step of its model, None for no model."""
    if not directory.exists():
        return None
    if (directory / "corpus.json").exists():
        open_corpus(directory)
    if (directory / "state.safetensors").exists():
        read_state(directory / "state.safetensors")
    if (directory / "metrics.jsonl").exists():
        steps = [line["step"] for line in read_metrics(directory / "metrics.jsonl")]
        assert steps == list(range(1, len(steps) + 1))
    if not (directory / "model.safetensors").exists():
        return None
    return int(read_checkpoint(directory / "model.safetensors").about["report"]["step"])


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} if directory.exists() else set()


@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EACCES"])
@pytest.mark.parametrize("lasts", [False, True], ids=["once", "from-then-on"])
@pytest.mark.slow
def test_an_error_at_any_operation_of_a_training(
    faults: ModuleType, source: str, error: str, lasts: bool, tmp_path: Path
) -> None:
    """The run ends with its model or with one line, and what is on disk is whole."""
    directory = tmp_path / "run"
    num_good = num_lines = 0
    monitor = Listening()

    def work() -> None:
        monitor.lines.clear()
        train([source], out=directory, settings=SMALL, monitor=monitor, save_every=1e-9)

    for layer, raised in faults.failing_at_every(work, faults.ERRORS[error], lasts=lasts):
        step = check_whole(directory)
        assert names_in(directory) - NAMES <= {".lock"} or "unlink" in layer.names[-9:]
        if raised is None:
            num_good += 1
            assert step is not None
            assert step <= 4
        else:
            num_lines += 1
            assert isinstance(raised, CharRNNError | OSError), raised
            assert "\n" not in str(raised)
        for path in directory.iterdir() if directory.exists() else ():
            path.unlink()
    assert num_lines > 10
    assert num_good > (0 if lasts else 10)


def test_a_disk_that_is_full_for_a_while(faults: ModuleType, source: str, tmp_path: Path) -> None:
    """The run continues, warns once for each file, reports its recovery, and ends well."""
    directory = tmp_path / "run"
    monitor = Listening()
    layer = faults.Layer(0, faults.fail(faults.ERRORS["ENOSPC"]), lasts=True)

    def report(_: object) -> None:
        step = len(read_metrics(directory / "metrics.jsonl"))
        if step == 2:
            layer.strike_at = len(layer.names) + 1
        if any("could not be saved" in line for line in monitor.lines):
            layer.strike_at = 0  # room again

    monitor.report = report  # type: ignore[method-assign]
    with faults.installed(layer):
        settings = Settings(**{**vars(SMALL), "steps": 30})
        result = train([source], out=directory, settings=settings, monitor=monitor)
    warnings = [line for line in monitor.lines if line.startswith("warning: ")]
    names = [line.split()[1] for line in warnings]
    assert sorted(names) == ["metrics.jsonl", "model.safetensors"]
    assert all("could not be saved: No space left on device" in line for line in warnings)
    assert [line for line in monitor.lines if line.endswith(" is saved")] == [
        f"{name} is saved" for name in names
    ]
    assert check_whole(directory) == result.best.step
    assert len(read_metrics(directory / "metrics.jsonl")) == 30


def test_a_disk_that_stays_full_is_an_error_at_the_end(
    faults: ModuleType, source: str, tmp_path: Path
) -> None:
    """All steps are done, the old files are whole, and the last line names what is not saved."""
    directory = tmp_path / "run"
    monitor = Listening()
    layer = faults.Layer(0, faults.fail(faults.ERRORS["ENOSPC"]), lasts=True)
    reports = []

    def report(one: object) -> None:
        reports.append(one)
        if len(reports) == 5:
            layer.strike_at = len(layer.names) + 1

    monitor.report = report  # type: ignore[method-assign]
    settings = Settings(**{**vars(SMALL), "steps": 20})
    with faults.installed(layer), pytest.raises(CharRNNError) as caught:
        train([source], out=directory, settings=settings, monitor=monitor)
    assert len(reports) == 20
    assert str(caught.value).startswith("not saved: ")
    assert "No space left on device" in str(caught.value)
    step = check_whole(directory)
    assert step is not None
    assert step <= 5
    assert names_in(directory) <= NAMES


DRIVER = """
import runpy, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import layer
from charrnn.training.api import train
import charrnn.training.learn.trainer  # torch, once for all children
from charrnn.training.recipe.settings import Settings
directory = Path({directory!r})
settings = Settings(**{settings!r})
work = lambda: train([{source!r}], out=directory, settings=settings, save_every=1e-9)
for number, was_killed in layer.killed_at_every(work):
    print(number, int(was_killed), flush=True)
    sys.stdin.readline()
"""


@pytest.mark.slow
def test_a_kill_at_any_operation_of_a_training(source: str, tmp_path: Path) -> None:
    """Whenever the process is killed, all files are whole, and the run resumes or starts again."""
    directory = tmp_path / "run"
    program = DRIVER.format(
        tests=str(Path(__file__).parent),
        directory=str(directory),
        settings=dict(vars(SMALL)),
        source=source,
    )
    num_killed = num_resumed = 0
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as driver:
        for line in driver.stdout:
            num_killed += line.split()[1] == "1"
            check_whole(directory)
            if (directory / "state.safetensors").exists() and num_killed % 5 == 0:
                result = resume(directory)
                assert result.best.step <= 4
                assert names_in(directory) == NAMES
                num_resumed += 1
            for path in directory.iterdir() if directory.exists() else ():
                path.unlink()
            driver.stdin.write("\n")
            driver.stdin.flush()
    assert driver.returncode == 0
    assert num_killed > 30
    assert num_resumed > 3


LITTLE_DISK = """
set -e
mount -t tmpfs -o size=300k tmpfs "$1"
cd "$1"
head -c 4000 "$2" > small.txt
shift 2
code=0
"$@" || code=$?
ls -A run 2>/dev/null | sort
exit $code
"""


@pytest.mark.slow
@pytest.mark.parametrize("hidden", ["8", "400"], ids=["fits", "too-large"])
def test_a_disk_that_is_really_full(hidden: str, tmp_path: Path) -> None:
    """On a file system of 300 kB a model that does not fit is one line, and nothing is left."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "text").write_text(TEXT * 10, encoding="ascii", errors="replace")
    can_mount = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", str(tmp_path / "disk")]
    if subprocess.run(can_mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    options = [
        *["--cell", "lstm", "--hidden-size", hidden, "--embedding-size", "8"],
        *["--ngrams", "1", "--num-networks", "1"],
        "--steps",
        "3",
    ]
    done = subprocess.run(
        [
            *["unshare", "-rm", "sh", "-c", LITTLE_DISK, "sh"],
            *[str(tmp_path / "disk"), str(tmp_path / "text")],
            *[sys.executable, "-m", "charrnn", "train", "-q", "small.txt", "-o", "run"],
            *["--threads", "1", "--batch-size", "4", *options],
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if hidden == "8":
        assert (done.returncode, done.stderr) == (0, "")
        assert set(done.stdout.split()) == NAMES
    else:
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("charrnn: error: ")
        assert "No space left on device" in line
        assert done.stdout.split() == []


@pytest.mark.slow
def test_a_limit_on_the_size_of_files_is_one_line(tmp_path: Path) -> None:
    """A write beyond the system's limit on file sizes is reported like a full disk."""
    (tmp_path / "text").write_text(TEXT, encoding="utf-8")
    program = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "from charrnn.cli.app import app\n"
        "app(['train', '-q', 'text', '--steps', '2', '--cell', 'lstm', '--hidden-size', '64',"
        " '--threads', '1'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("charrnn: error: ")
    assert "File too large" in line
    assert names_in(tmp_path) == {"text"}
