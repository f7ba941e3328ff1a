"""Every file that the program writes is old or new, whichever operation fails or is the last."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import build_corpus, open_corpus
from charrnn.errors import TextError
from charrnn.model.checkpoint import read_checkpoint, write_checkpoint
from charrnn.storage.atomic import link_whole, write_whole
from charrnn.training.run.metrics import Metrics, read_metrics
from charrnn.training.run.monitor import Report

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

TEXT = "Die Möwe rief: „Fähre!“ und 7 Boote lagen (still) im Hafen.\n" * 4


@dataclass(frozen=True)
class Kind:
    """A kind of file, or of files that belong together.

    Attributes:
        names: The files.
        write: Writes the version 0, 1, ... into a folder.
        version: Tells which version a folder holds, None for none; raises if it is half of one.
    """

    names: tuple[str, ...]
    write: Callable[[Path, int], None]
    version: Callable[[Path], int | None]


def report(step: int) -> Report:
    values = {"epoch": 0.1, "progress": 0.5, "seconds": 1.0, "seconds_left": 1.0, "chars": 10}
    more = {"chars_per_second": 1.0, "learning_rate": 0.1, "train_nats_per_char": float(step)}
    return Report(step=step, **values, **more)


@pytest.fixture
def kinds(make_checkpoint: Callable, tmp_path: Path) -> dict[str, Kind]:
    """Each kind of file that a run has."""
    source = tmp_path / "source.txt"
    source.write_text(TEXT, encoding="utf-8")
    other = tmp_path / "other"
    other.mkdir()
    build_corpus(other, [str(source)], CorpusOptions())

    def write_model(folder: Path, version: int) -> None:
        write_checkpoint(folder / "model.safetensors", make_checkpoint(seed=version))

    def model_version(folder: Path) -> int | None:
        if not (folder / "model.safetensors").exists():
            return None
        arrays = read_checkpoint(folder / "model.safetensors").arrays
        for version in (0, 1):
            wanted = make_checkpoint(seed=version).arrays
            if all(np.array_equal(arrays[name], wanted[name]) for name in wanted):
                return version
        raise AssertionError("another model")

    def write_bytes(folder: Path, version: int) -> None:
        write_whole(folder / "file", bytes([version]) * 100_000)

    def bytes_version(folder: Path) -> int | None:
        if not (folder / "file").exists():
            return None
        data = (folder / "file").read_bytes()
        is_whole = data == data[:1] * 100_000
        assert is_whole  # not compared here: pytest would show all of both
        return data[0]

    for version in (0, 1):
        write_bytes(other, version)
        (other / "file").rename(other / f"original-{version}")

    def write_link(folder: Path, version: int) -> None:
        link_whole(other / f"original-{version}", folder / "file")

    def write_corpus(folder: Path, version: int) -> None:
        if version:  # a run directory has one corpus for ever
            build_corpus(folder, [str(source)], CorpusOptions())

    def write_reused(folder: Path, version: int) -> None:
        if version:
            build_corpus(folder, [str(source)], CorpusOptions(), candidates=[other])

    def corpus_version(folder: Path) -> int | None:
        if not (folder / "corpus.json").exists():
            return None
        corpus = open_corpus(folder)
        assert corpus.vocabulary.decode(corpus.ids) == TEXT
        assert corpus.fingerprint == json.loads((folder / "corpus.json").read_text())["fingerprint"]
        return 1

    def write_reports(folder: Path, version: int) -> None:
        metrics = Metrics(folder / "metrics.jsonl", 3 * version)
        for step in range(3 * version + 1, 3 * version + 4):
            metrics.add(report(step))
            metrics.flush()

    def reports_version(folder: Path) -> int | None:
        if not (folder / "metrics.jsonl").exists():
            return None
        steps = [line["step"] for line in read_metrics(folder / "metrics.jsonl")]
        assert [step - steps[0] for step in steps] == list(range(len(steps)))
        return len(steps)

    both = ("corpus.npy", "corpus.json")
    return {
        "model": Kind(("model.safetensors",), write_model, model_version),
        "bytes": Kind(("file",), write_bytes, bytes_version),
        "link": Kind(("file",), write_link, bytes_version),
        "corpus": Kind(both, write_corpus, corpus_version),
        "reused corpus": Kind(both, write_reused, corpus_version),
        "metrics": Kind(("metrics.jsonl",), write_reports, reports_version),
    }


KINDS = ["model", "bytes", "link", "corpus", "reused corpus", "metrics"]
MIN_OPERATIONS = {"link": 1}  # the others have more than five


def clear(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def check(kind: Kind, folder: Path, before: int | None) -> None:
    """Hold a folder against the promise: what was there, or something newer, is whole."""
    version = kind.version(folder)
    assert before is None or version is not None
    assert version is None or before is None or version >= before


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EACCES"])
@pytest.mark.parametrize("lasts", [False, True], ids=["once", "from-then-on"])
@pytest.mark.parametrize("has_old", [False, True], ids=["new", "replaced"])
def test_an_error_at_any_operation_leaves_old_or_new(
    faults: ModuleType,
    kinds: dict[str, Kind],
    name: str,
    error: str,
    lasts: bool,
    has_old: bool,
    tmp_path: Path,
) -> None:
    """Whatever fails, the file is the old or the new one, and nothing else is in the folder."""
    kind = kinds[name]
    folder = tmp_path / "folder"
    folder.mkdir()

    def prepare() -> int | None:
        clear(folder)
        if has_old:
            kind.write(folder, 0)
        return kind.version(folder)

    before = prepare()
    count = 0
    work = faults.failing_at_every(lambda: kind.write(folder, 1), faults.ERRORS[error], lasts=lasts)
    for layer, raised in work:
        count = len(layer.names)
        check(kind, folder, before)
        left = {path.name for path in folder.iterdir()} - set(kind.names)
        # What cannot be removed, because that is what failed, stays until the next time.
        assert not left or "unlink" in layer.names[-1:] or raised is None, (left, layer.names)
        assert raised is None or isinstance(raised, OSError | TextError), raised
        if raised is None and not layer.has_struck:
            assert kind.version(folder) not in (None, before)
        before = prepare()
    assert count >= MIN_OPERATIONS.get(name, 6), count


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("has_old", [False, True], ids=["new", "replaced"])
def test_a_kill_at_any_operation_leaves_old_or_new(
    faults: ModuleType, kinds: dict[str, Kind], name: str, has_old: bool, tmp_path: Path
) -> None:
    """Whenever the process is killed, the file is old or new, and the next time cleans up."""
    kind = kinds[name]
    folder = tmp_path / "folder"
    folder.mkdir()

    def prepare() -> int | None:
        clear(folder)
        if has_old:
            kind.write(folder, 0)
        return kind.version(folder)

    before = prepare()
    num_killed = num_litter = 0
    for _, was_killed in faults.killed_at_every(lambda: kind.write(folder, 1)):
        check(kind, folder, before)
        num_killed += was_killed
        num_litter += any(path.name.startswith(".") for path in folder.iterdir())
        kind.write(folder, 1)
        assert {path.name for path in folder.iterdir()} == set(kind.names)
        assert kind.version(folder) is not None
        before = prepare()
    assert num_killed >= MIN_OPERATIONS.get(name, 6)
    assert num_litter or name == "link"  # or the test of the cleaning is one of nothing


def test_the_layer_sees_what_it_must(faults: ModuleType, tmp_path: Path) -> None:
    """A guard that is shown able to fail: writing in place is found to leave halves."""

    def write_in_place() -> None:
        with (tmp_path / "file").open("wb") as file:
            file.write(b"x" * 100_000)

    halves = 0
    for _ in faults.failing_at_every(write_in_place, faults.ERRORS["ENOSPC"]):
        halves += (
            0 < (tmp_path / "file").stat().st_size < 100_000 if list(tmp_path.iterdir()) else 0
        )
    assert halves
    halves = 0
    for _ in faults.killed_at_every(write_in_place):
        halves += 0 < (tmp_path / "file").stat().st_size < 100_000
    assert halves
