"""Commands start fast: they load only what they need. Their options are a fixed list."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HEAVY = {"torch", "numpy", "rich"}


def loaded_modules(*args: str, **more: object) -> set[str]:
    """Return the top-level modules that an interpreter with these arguments imports."""
    command = [sys.executable, "-X", "importtime", *args]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=True, **more
    )
    lines = re.findall(r"^import time: .*\| +(\S+)$", done.stderr.decode(), re.MULTILINE)
    return {name.partition(".")[0] for name in lines}


@pytest.mark.parametrize("name", sorted(HEAVY))
def test_the_check_sees_a_heavy_module(name: str, tmp_path: Path) -> None:
    """The check below detects the import of a heavy module."""
    (tmp_path / f"{name}.py").write_text("")
    assert HEAVY & loaded_modules("-c", f"import {name}", cwd=tmp_path) == {name}


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["sample", "--help"],
        ["eval", "--help"],
        ["look", "--help"],
        ["page", "--help"],
        ["info", "--help"],
    ],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(args: list[str]) -> None:
    """Help and version are shown without torch, NumPy or Rich."""
    assert not HEAVY & loaded_modules("-m", "charrnn", *args)


def test_sampling_loads_no_torch(cycle_model: Path) -> None:
    """Sampling imports NumPy only."""
    args = ["sample", "-m", str(cycle_model), "-n", "5"]
    assert HEAVY & loaded_modules("-m", "charrnn", *args) == {"numpy"}


def test_evaluation_loads_no_torch(cycle_model: Path, tmp_path: Path) -> None:
    """Evaluation imports NumPy only."""
    (tmp_path / "other.txt").write_text("abc")
    args = ["eval", "-m", str(cycle_model), str(tmp_path / "other.txt")]
    assert HEAVY & loaded_modules("-m", "charrnn", *args) == {"numpy"}


def test_a_look_loads_no_torch(cycle_model: Path, tmp_path: Path) -> None:
    """Looking inside imports NumPy only."""
    (tmp_path / "other.txt").write_text("abc" * 100)
    args = ["look", "-m", str(cycle_model), str(tmp_path / "other.txt"), "--at", "9", "--reach"]
    assert HEAVY & loaded_modules("-m", "charrnn", *args) == {"numpy"}


def test_a_missing_corpus_is_told_before_torch_is_loaded() -> None:
    """A missing corpus is reported without importing torch."""
    program = (
        "import sys; from charrnn.cli.app import app\n"
        "try: app(['train', 'missing.txt'])\n"
        "except SystemExit as end: assert end.code == 1\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version_is_that_of_the_package(charrnn: Callable) -> None:
    """The version is one line on standard output."""
    from charrnn import __version__

    finished = charrnn("--version")
    assert (finished.code, finished.text, finished.stderr) == (0, f"charrnn {__version__}\n", "")


def test_no_command_shows_the_help(invoke: Callable) -> None:
    """The program without arguments shows its help and succeeds."""
    finished = invoke()
    assert finished.code == 0
    assert finished.stdout == invoke("--help").stdout
    assert finished.text.startswith("Usage: charrnn ")


OPTIONS = {
    "": "--version --install-completion --show-completion -h --help",
    "train": (
        "--val --lines --doc-sep --glob --encoding --bytes --nfc --min-count --max-bytes "
        "--init-from --cell --block --nonlinearity --ngrams --hidden-size --num-layers "
        "--embedding-size --num-networks --memory --time --steps --epochs --batch-size "
        "--seq-length --optimizer --learning-rate --lr --clip --dropout --seed -o --out --resume "
        "--device --precision --threads --parallel --preview-every --save-every --json --color "
        "-q --quiet "
        "-h --help"
    ),
    "sample": (
        "-m --model --prompt-file --on-unknown -t --temp --temperature --top-k --top-p --min-p "
        "--repeat-penalty --repeat-last-n --no-memory --set-unit --seed -N --num-samples -n "
        "--length --stop --match --max-copy --new --echo --no-echo -0 --null --json --logprobs "
        "--novelty --unbuffered -q --quiet -h --help"
    ),
    "eval": (
        "-m --model --glob --encoding --max-bytes --no-memory --by --sort --top --heat --color "
        "--html --svg --json -q --quiet -h --help"
    ),
    "look": (
        "-m --model --encoding --no-memory --at --find --reach --units --feature --html --svg "
        "--color --json -q --quiet -h --help"
    ),
    "page": "-m --model -o --out --name --precision --memory --open -q --quiet -h --help",
    "info": "-m --model --plot --json -q --quiet -h --help",
}


@pytest.mark.parametrize("command", OPTIONS)
def test_options_are_those_agreed_on(command: str, invoke: Callable) -> None:
    """A command has the options listed here: a new one is a decision, not an accident."""
    finished = invoke(*command.split(), "--help")
    assert finished.code == 0
    found = []
    for line in re.findall(r"^  (-.*)", finished.text, re.MULTILINE):
        found += re.findall(r"(?<!\S)--?[a-zA-Z0-9][a-z-]*", line.partition("  ")[0])
    assert found == OPTIONS[command].split()


def test_commands_are_those_agreed_on(invoke: Callable) -> None:
    """The program has the commands listed here."""
    commands = invoke("--help").text.partition("\nCommands:\n")[2].partition("\n\n")[0]
    assert re.findall(r"^  (\w+) ", commands, re.MULTILINE) == list(OPTIONS)[1:]
