"""A shell runs the commands of README and docs, on small models and with small budgets."""

from __future__ import annotations

import json
import lzma
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STARTS = ("charrnn ", "journalctl ", "sed ", "for ", "echo ")
LEFT_OUT = ("torchrun", "^C")  # other machines, and a signal at the right moment
NEEDS = ("jq", "less", "sed")

# Stands for charrnn: trains a tiny network for two steps, or four if it resumes; opens no browser.
PROGRAM = """#!{python}
import re, runpy, sys
words = [word for word in sys.argv[1:] if word != "--open"]
if words and words[0] == "train":
    for option in ("--time", "--steps", "--epochs"):
        if option in words:
            at = words.index(option)
            del words[at : at + 2]
    words += ["--steps", "4"] if "--resume" in words else {tiny}
words = [re.sub(r"^\\d+:\\d+=", "0:1=", word) for word in words]
sys.argv = ["charrnn", *words]
runpy.run_module("charrnn", run_name="__main__")
"""
TINY = shlex.split(
    "--steps 2 --cell lstm --hidden-size 8 --embedding-size 8 --ngrams 2 --num-networks 1"
    " --batch-size 4 --seq-length 16 --threads 1 --preview-every 0"
)
TEXTS = ["essay", "essays", "letter", "other", "chapter", "begin", "unknown", "ann", "ben"]


def commands(text: str) -> list[str]:
    """Return the commands of a page, in order, and then those in its tables."""
    found = []
    for kind, block in FENCE.findall(text):
        typed = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
        if not typed and not kind and block.startswith(STARTS):
            typed = re.findall(r"^for .*?^done[^\n]*|^[^\n]+", block, re.MULTILINE | re.DOTALL)
        if not any(map(block.count, LEFT_OUT)):
            found += typed
    rows = re.findall(r"^\|.*\| `(.*charrnn sample .*)` \|$", text, re.MULTILINE)
    return [*found, *(row.replace(r"\|", "|") for row in rows)]


CASES = {path.name: commands(path.read_text(encoding="utf-8")) for path in PAGES[1:]}
CASES["the README"] = commands(PAGES[0].read_text(encoding="utf-8"))


def test_there_are_commands() -> None:
    """The pages are read as they should be."""
    assert sum(map(len, CASES.values())) > 80
    assert commands("```\n$ charrnn info\nmodel x\n$ ls\n```\n") == ["charrnn info", "ls"]
    loop = "for x in y; do\n  z\ndone > a"
    assert commands(f"```\n{loop}\nsed b\n```\n") == [loop, "sed b"]
    assert commands("```\ncharrnn train a\n^C\n```\n") == []
    assert commands("| a | `echo \\| charrnn sample -` |\n") == ["echo | charrnn sample -"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program, texts and two small models."""
    desk: Path = tmp_path_factory.mktemp("desk")
    scripts = {
        "charrnn": PROGRAM.format(python=sys.executable, tiny=TINY),
        "journalctl": "#!/bin/sh\ncat app.log\n",
    }
    (desk / "bin").mkdir()
    for name, script in scripts.items():
        (desk / "bin" / name).write_text(script)
        (desk / "bin" / name).chmod(0o755)
    (desk / "corpora").symlink_to(ROOT / "corpora")
    story = (ROOT / "corpora/harbour.txt").read_text(encoding="utf-8")
    for number, name in enumerate(TEXTS):
        part = story[5000 * number :][:1500]
        (desk / f"{name}.txt").write_text(part[part.index("\n") + 1 :], encoding="utf-8")
    (desk / "begin.txt").write_text("NELL:\n")
    for name in ("app.log", "other-genome.txt", "src/a.c", "src/a.h"):
        (desk / name).parent.mkdir(exist_ok=True)
        (desk / name).write_text(story[:3000], encoding="utf-8")
    (desk / "genome.txt.xz").write_bytes(lzma.compress(story[:3000].encode()))
    for corpus in ("corpora/harbour.txt", "corpora/names.txt --lines"):
        command = [desk / "bin/charrnn", "train", *corpus.split(), "-q"]
        subprocess.run(command, cwd=desk, check=True)
    for name in ("essays", "letters", "python"):
        shutil.copytree(desk / "runs/harbour", desk / "runs" / name)
    return desk


def check(command: str, output: str, folder: Path) -> None:
    """Check that a command does what its options say."""
    words = shlex.split(command, comments=True)
    options = dict(zip(words, [*words[1:], ""], strict=True))
    for option in ("--html", "--svg", "--plot", ">"):
        if option in options:
            assert (folder / options[option]).stat().st_size > 0
    if "|" in words or ">" in words or words[0] != "charrnn":
        return
    if options.get("--color") == "always":
        assert "\x1b[" in output
    if "--json" in words:
        assert all(isinstance(json.loads(line), dict) for line in output.splitlines())
    elif "--match" in words and "-N" in words:
        lines = output.splitlines()
        assert len(lines) == int(options["-N"])
        assert all(re.fullmatch(options["--match"], line) for line in lines)
    elif words[1] in ("sample", "eval", "look", "info"):
        assert output.strip() or "--html" in words or "--svg" in words


def test_the_check_can_fail(tmp_path: Path) -> None:
    """An empty file, an empty text, a wrong match and a wrong number of samples are noticed."""
    (tmp_path / "a.svg").touch()
    for command, output in (
        ("charrnn eval --svg a.svg", "x"),
        ("charrnn sample > a.svg", ""),
        ("charrnn sample", ""),
        ("charrnn sample -N 1 --match 'a+'", "ab\n"),
        ("charrnn sample -N 2 --match 'a+'", "a\n"),
        ("charrnn eval --heat --color always", "x"),
    ):
        with pytest.raises(AssertionError):
            check(command, output, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, typed in CASES.items() if typed])
def test_a_page_works(page: str, desk: Path, tmp_path: Path) -> None:
    """Every command, from top to bottom, succeeds and does what its options say."""
    folder = tmp_path / "desk"
    shutil.copytree(desk, folder, symlinks=True)
    model = "names" if page in ("names.md", "documents.md") else "harbour"
    environment = {
        **{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")},
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "CHARRNN_MODEL": f"runs/{model}",
        "LESS": "-R",
    }
    for command in CASES[page]:
        if any(f"{name} " in command and not shutil.which(name) for name in NEEDS):
            continue
        for run in re.findall(r"charrnn train (?!.*--resume).* -o (\S+)", command):
            shutil.rmtree(folder / run, ignore_errors=True)  # it is made anew
        done = subprocess.run(
            ["bash", "-c", f"set -e\n{command}".replace("100000", "3000")],
            cwd=folder,
            env=environment,
            capture_output=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        assert b"error:" not in done.stderr
        check(command, done.stdout.decode(errors="replace"), folder)
