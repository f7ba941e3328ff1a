"""Mistakes of users: one line with what, where and a remedy; never a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import typer

USAGE = {
    "no such option": (["--foo"], "--foo; see charrnn --help"),
    "no such command": (["sing"], "'sing'"),
    "no such option of train": (["train", "--foo"], "see charrnn train --help"),
    "no corpus": (["train"], "no text: name files, folders, or -"),
    "no value": (["train", "sea.txt", "--time"], "--time"),
    "two prompts": (["sample", "a", "b"], "see charrnn sample --help"),
    "value for a switch": (["sample", "--quiet=1"], "--quiet"),
    "temp nan": (["sample", "--temp", "nan"], "--temp: nan is out of range; give 0 or more"),
    "temp inf": (["sample", "--temp", "inf"], "--temp: inf is out of range"),
    "temp negative": (["sample", "--temp", "-1"], "--temp: -1.0 is out of range"),
    "temp word": (["sample", "--temp", "hot"], "'--temp'"),
    "length": (["sample", "--length", "-2"], "--length: -2 is out of range"),
    "length half": (["sample", "-n", "1.5"], "'--length'"),
    "seed of a sample": (["sample", "--seed", "-1"], "--seed: -1 is out of range"),
    "great seed of a sample": (["sample", "--seed", str(2**63)], "is out of range"),
    "on-unknown": (["sample", "--on-unknown", "panic"], "'panic'"),
    "time zero": (["train", "sea.txt", "--time", "0"], "--time: invalid duration '0'"),
    "time word": (["train", "sea.txt", "--time", "abc"], "give 90s, 5m, 2h or 1h30m"),
    "time negative": (["train", "sea.txt", "--time", "-5"], "--time: invalid duration '-5'"),
    "preview": (
        ["train", "sea.txt", "--preview-every", "x"],
        "--preview-every: invalid duration 'x'",
    ),
    "steps zero": (["train", "sea.txt", "--steps", "0"], "--steps: 0 is out of range"),
    "epochs": (["train", "sea.txt", "--epochs", "nan"], "--epochs: nan is out of range"),
    "dropout one": (["train", "sea.txt", "--dropout", "1"], "--dropout: 1.0 is out of range"),
    "dropout nan": (["train", "sea.txt", "--dropout", "nan"], "--dropout: nan is out of range"),
    "block": (
        ["train", "sea.txt", "--block", "foo"],
        "--block",
    ),
    "ngrams": (["train", "sea.txt", "--ngrams", "0"], "--ngrams: 0 is not an integer from 1"),
    "cell": (["train", "sea.txt", "--cell", "foo"], "--cell"),
    "nonlinearity": (["train", "sea.txt", "--nonlinearity", "x"], "--nonlinearity"),
    "nonlinearity of a lstm": (
        ["train", "sea.txt", "--cell", "lstm", "--nonlinearity", "relu"],
        "--nonlinearity: the cell lstm has no choice",
    ),
    "hidden size": (
        ["train", "sea.txt", "--hidden-size", "0"],
        "--hidden-size: 0 is not an integer from 1 to",
    ),
    "great hidden size": (["train", "sea.txt", "--hidden-size", "1000000"], "--hidden-size:"),
    "layers": (["train", "sea.txt", "--num-layers", "-1"], "--num-layers: -1 is not an integer"),
    "embedding": (["train", "sea.txt", "--embedding-size", "0"], "--embedding-size: 0 is not"),
    "batch": (["train", "sea.txt", "--batch-size", "0"], "--batch-size: 0 is out of range"),
    "window": (["train", "sea.txt", "--seq-length", "-3"], "--seq-length: -3 is out of range"),
    "rate": (["train", "sea.txt", "--lr", "-1"], "--learning-rate: -1.0 is out of range"),
    "rate inf": (["train", "sea.txt", "--lr", "inf"], "--learning-rate: inf is out of range"),
    "clip": (["train", "sea.txt", "--clip", "nan"], "--clip: nan is out of range"),
    "optimizer": (["train", "sea.txt", "--optimizer", "x"], "--optimizer"),
    "device": (["train", "sea.txt", "--device", "tpu"], "--device"),
    "precision": (["train", "sea.txt", "--precision", "int8"], "--precision"),
    "threads": (["train", "sea.txt", "--threads", "0"], "--threads: 0 is out of range"),
    "seed of a run": (["train", "sea.txt", "--seed", "-1"], "--seed: -1 is out of range"),
    "val two": (["train", "-q", "sea.txt", "--val", "2"], "--val: 2 is out of range"),
    "val nan": (["train", "-q", "sea.txt", "--val", "nan"], "--val: nan is out of range"),
    "val one": (["train", "-q", "sea.txt", "--val", "1"], "--val: 1 is out of range"),
    "min-count": (
        ["train", "-q", "sea.txt", "--min-count", "100000"],
        "--min-count: no character occurs 100000 times",
    ),
    "encoding": (["train", "sea.txt", "--encoding", "foo"], "'foo' is not a text encoding"),
    "encoding of no text": (
        ["train", "sea.txt", "--encoding", "hex"],
        "'hex' is not a text encoding",
    ),
    "encoding undefined": (
        ["train", "sea.txt", "--encoding", "undefined"],
        "'undefined' is not a text encoding",
    ),
    "encoding of eval": (
        ["eval", "-q", "sea.txt", "-m", "good", "--encoding", "foo"],
        "--encoding: 'foo' is not a text encoding",
    ),
    "stdin twice": (["train", "-", "-"], "'-': standard input can be read only once"),
}

WORK = {
    "no file": (["train", "missing.txt"], "'missing.txt': no such file or folder"),
    "empty name": (["train", "sea.txt", "missing/"], "'missing/': no such file or folder"),
    "empty file": (["train", "-q", "empty.txt"], "'empty.txt': the text is empty"),
    "short file": (["train", "-q", "short.txt"], "give 20 or more"),
    "not UTF-8": (
        ["train", "-q", "latin.txt"],
        "'latin.txt': not utf-8 at byte offset 1 (fc 6e); give its --encoding",
    ),
    "UTF-16": (["train", "-q", "wide.txt"], "utf-16, or --bytes"),
    "folder without text": (["train", "folder"], "no file in this folder matches '*.txt'"),
    "damaged gzip": (["train", "-q", "cut.gz"], "'cut.gz': "),
    "no validation file": (["train", "-q", "sea.txt", "--val", "no.txt"], "'no.txt': no such"),
    "one validates": (
        ["train", "-q", "21.txt", "--val", "0.01"],
        "give a larger share for --val",
    ),
    "run is there": (["train", "sea.txt", "-o", "run"], "'run': holds a run already; resume"),
    "out is a file": (["train", "sea.txt", "-o", "sea.txt"], "'sea.txt': File exists"),
    "out below a file": (["train", "sea.txt", "-o", "sea.txt/run"], "'sea.txt/run': Not a dir"),
    "no run": (["sample"], "no model: ./runs has no run; train one"),
    "no model": (["sample", "-m", "missing"], "'missing': no such model; give a model file or a"),
    "folder without model": (["sample", "-m", "folder"], "'folder': no model.safetensors in this"),
    "model is a device": (["sample", "-m", "/dev/null"], "'/dev/null': not a file"),
    "model is empty": (["sample", "-m", "empty.txt"], "'empty.txt': not a whole charrnn model"),
    "model is a text": (["sample", "-m", "sea.txt"], "'sea.txt': not a whole charrnn model"),
    "model is cut": (["sample", "-m", "cut"], "'cut': not a whole charrnn model: "),
    "model is a stump": (
        ["sample", "-m", "stump"],
        "'stump': not a whole charrnn model: it is cut",
    ),
    "model has a flipped bit": (
        ["sample", "-m", "flipped"],
        "match its checksum; train again or fetch a good copy",
    ),
    "model of another program": (["sample", "-m", "other"], "it is not a charrnn file"),
    "model of the future": (["sample", "-m", "future"], "its format is 'charrnn 99', this"),
    "unknown character": (["sample", "-q", "-m", "good", "X"], "never saw 'X' (U+0058)"),
    "eval without model": (["eval"], "no model: ./runs has no run"),
    "eval of no file": (["eval", "-m", "good", "no.txt"], "'no.txt': no such file or folder"),
    "eval without corpus": (["eval", "-q", "-m", "good"], "is not there; give a file to evaluate"),
    "eval of nothing": (["eval", "-q", "-m", "good", "empty.txt"], "fewer than two characters"),
    "eval of unknowns": (["eval", "-q", "-m", "good", "short.txt"], "fewer than two characters"),
    "eval not UTF-8": (["eval", "-q", "-m", "good", "latin.txt"], "not utf-8 at byte offset 1"),
    "eval of a damaged corpus": (["eval", "-q", "-m", "run"], "'run': the corpus files are dam"),
}


@pytest.fixture
def folder(tmp_path: Path, write_cycle: Callable[..., Path]) -> Path:
    """A folder of good and bad files."""
    (tmp_path / "sea.txt").write_text("the sea and the stone\n" * 20)
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "short.txt").write_text("XYZ")
    (tmp_path / "21.txt").write_text("a" * 21 + "b" * 4)
    (tmp_path / "latin.txt").write_bytes("Dün".encode("latin-1"))
    (tmp_path / "wide.txt").write_text("the sea and the stone", encoding="utf-16")
    (tmp_path / "cut.gz").write_bytes(b"\x1f\x8b\x08\x00")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.md").write_text("the sea")
    good = write_cycle(tmp_path / "good", "\nabc").read_bytes()
    (tmp_path / "cut").write_bytes(good[:-4])
    (tmp_path / "stump").write_bytes(good[:100])
    (tmp_path / "flipped").write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    (tmp_path / "future").write_bytes(good.replace(b"charrnn 1", b"charrnn 99"))
    size = int.from_bytes((tmp_path / "future").read_bytes()[:8], "little") + 1
    (tmp_path / "future").write_bytes(
        size.to_bytes(8, "little") + (tmp_path / "future").read_bytes()[8:]
    )
    (tmp_path / "other").write_bytes(safetensors.numpy.save({"a": np.zeros(3)}))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.safetensors").write_bytes(good)
    (tmp_path / "run" / "corpus.json").write_text(json.dumps({"num_train": 3}))
    (tmp_path / "run" / "corpus.npy").write_bytes(b"no array")
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    """Return every file below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("code", "args", "fragment"),
    [
        *(pytest.param(2, *row, id=f"usage: {name}") for name, row in USAGE.items()),
        *(pytest.param(1, *row, id=f"work: {name}") for name, row in WORK.items()),
    ],
)
def test_mistake_is_one_line(
    code: int, args: list[str], fragment: str, folder: Path, invoke: Callable
) -> None:
    """A mistake is one line on standard error and an exit code; no file changes."""
    before = contents(folder)
    if args[0] == "train":  # should it be no mistake any more, the test ends all the same
        args = ["train", "--steps", "1", *args[1:]]
    finished = invoke(*args)
    assert finished.stdout == b""
    (line,) = finished.error_lines
    assert line.startswith("charrnn: error: ")
    assert fragment in line
    assert "Traceback" not in line
    assert finished.code == code
    assert contents(folder) == before


def test_usage_errors_need_no_name_of_one_typer_version(
    invoke: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Usage errors are one line in versions of Typer without ``TyperException`` as well."""
    monkeypatch.delattr(typer, "TyperException", raising=False)
    finished = invoke("sample", "--foo")
    assert (finished.code, finished.stdout, len(finished.error_lines)) == (2, b"", 1)


@pytest.mark.parametrize(
    ("code", "args"),
    [(2, USAGE["temp nan"][0]), (1, WORK["no file"][0])],
    ids=["usage", "work"],
)
def test_process_ends_as_the_test_runner_says(
    code: int, args: list[str], charrnn: Callable, invoke: Callable, folder: Path
) -> None:
    """The real program writes the same line and exits with the same code."""
    finished = charrnn(*args, cwd=folder)
    assert finished == invoke(*args)
    assert finished.code == code


@pytest.mark.parametrize("name", ["held", "out"])
def test_a_failed_run_takes_nothing_along(name: str, folder: Path, invoke: Callable) -> None:
    """A failed run leaves an existing folder as it was."""
    out = folder / name
    out.mkdir()
    if name == "held":
        (out / "corpus.json").write_text("of the user")
    before = contents(folder)
    assert invoke("train", "-q", "empty.txt", "-o", name).code == 1
    assert out.is_dir()
    assert contents(folder) == before


def test_a_failed_run_makes_no_directory(folder: Path, invoke: Callable) -> None:
    """A run that fails before it has a model removes the directory that it made."""
    assert invoke("train", "-q", "empty.txt", "-o", "new").code == 1
    assert not (folder / "new").exists()


def test_full_disk_is_not_blamed_on_standard_output(shell: Callable, tmp_path: Path) -> None:
    """A failed write to the run directory is not reported as one to standard output."""
    (tmp_path / "sea.txt").write_text("the sea and the stone\n" * 1000)
    finished = shell('ulimit -f 1; "$@"', "train", "-q", "sea.txt", cwd=tmp_path)
    assert (finished.code, finished.stdout) == (1, b"")
    (line,) = finished.error_lines
    assert line.startswith("charrnn: error: ")
    assert "standard output" not in line


@pytest.mark.parametrize("args", [["--version"], ["train", "--help"]], ids=" ".join)
def test_reader_of_the_help_may_leave(args: list[str], shell: Callable) -> None:
    """A reader that closes the pipe before the help is written is not an error."""
    line = '{ sleep 0.1; "$@"; echo "code $?" >&2; } | true'
    assert shell(line, *args).error_lines == ["code 0"]


def test_help_to_a_full_disk_is_one_line(shell: Callable) -> None:
    """A failed write of the help is an error of one line."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    finished = shell('"$@" > /dev/full', "--help")
    assert (finished.code, len(finished.error_lines)) == (1, 1)
