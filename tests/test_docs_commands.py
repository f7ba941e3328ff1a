"""A shell runs the commands of README and docs, on small models and with small budgets."""

from __future__ import annotations

import json
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
# What no test can do: other machines, a signal at the right moment, a run from before.
LEFT_OUT = ("torchrun", "^C", "--init-from", "--resume")
NEEDS = ("jq", "less", "sed")

# Stands for charrnn: trains a tiny network for two steps, and opens no browser.
PROGRAM = """#!{python}
import re, runpy, sys
words = [word for word in sys.argv[1:] if word != "--open"]
if words and words[0] == "train":
    for option in ("--time", "--steps", "--epochs"):
        if option in words:
            at = words.index(option)
            del words[at : at + 2]
    words += {tiny}
words = [re.sub(r"^\\d+:\\d+=", "0:1=", word) for word in words]
sys.argv = ["charrnn", *words]
runpy.run_module("charrnn", run_name="__main__")
"""
TINY = shlex.split(
    "--steps 2 --cell lstm --hidden-size 8 --embedding-size 8 --ngrams 2 --num-networks 1"
    " --batch-size 4 --seq-length 16 --threads 1 --preview-every 0"
)
TEXTS = ["essay", "essays", "letter", "other", "chapter", "begin", "unknown", "ann", "ben"]


def blocks(text: str) -> list[str]:
    """Return the commands of a page: each block as one program, and those in tables."""
    found = []
    for kind, block in FENCE.findall(text):
        lines = block.splitlines()
        typed = [line[2:] for line in lines if line.startswith("$ ")]
        if typed:
            found.append("\n".join(typed))
        elif not kind and lines[0].startswith(STARTS):
            found.append(block)
    rows = re.findall(r"^\|.*\| `(.*charrnn sample .*)` \|$", text, re.MULTILINE)
    found += [row.replace(r"\|", "|") for row in rows]
    return [block for block in found if not any(word in block for word in LEFT_OUT)]


CASES = [
    pytest.param(path.name, block, id=f"{path.stem}-{number}")
    for path in PAGES
    for number, block in enumerate(blocks(path.read_text(encoding="utf-8")))
]


def test_there_are_commands() -> None:
    """The pages are read as they should be."""
    assert len(CASES) > 40
    assert blocks("```\n$ charrnn info\nmodel x\n$ ls\n```\n") == ["charrnn info\nls"]
    assert blocks("| a | `echo \\| charrnn sample -` |\n") == ["echo | charrnn sample -"]


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
    for name in ("app.log", "genome.txt", "other-genome.txt", "src/a.c", "src/a.h"):
        (desk / name).parent.mkdir(exist_ok=True)
        (desk / name).write_text(story[:3000], encoding="utf-8")
    subprocess.run(["xz", "genome.txt"], cwd=desk, check=True)
    for name, options in (("harbour", []), ("names", ["--lines"])):
        corpus = ["train", f"corpora/{name}.txt", *options, "-o", f"runs/{name}", "-q"]
        subprocess.run([desk / "bin/charrnn", *corpus], cwd=desk, check=True)
    for name in ("essays", "letters", "python"):
        shutil.copytree(desk / "runs/harbour", desk / "runs" / name)
    return desk


def check(command: str, output: str, folder: Path) -> None:
    """Check that a command does what its options say."""
    words = shlex.split(command, comments=True)
    options = dict(zip(words, [*words[1:], ""], strict=True))
    for option in ("--html", "--svg", "--plot"):
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
    elif words[1] == "sample" and "-q" in words:
        assert output.strip()


@pytest.mark.slow
@pytest.mark.parametrize(("page", "block"), CASES)
def test_a_block_works(page: str, block: str, desk: Path, tmp_path: Path) -> None:
    """Every command succeeds without an error, and one that is alone does what its options say."""
    if missing := [name for name in NEEDS if f"{name} " in block and not shutil.which(name)]:
        pytest.skip(f"there is no {missing[0]} here")
    folder = tmp_path / "desk"
    shutil.copytree(desk, folder, symlinks=True)
    for run in re.findall(r"charrnn train .* -o (\S+)", block):  # they are made anew
        shutil.rmtree(folder / run, ignore_errors=True)
    model = "names" if page in ("names.md", "documents.md") else "harbour"
    environment = {
        **{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")},
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "CHARRNN_MODEL": f"runs/{model}",
        "LESS": "-R",
    }
    done = subprocess.run(
        ["bash", "-c", f"set -e\n{block}".replace("100000", "3000")],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"error:" not in done.stderr
    if len(block.splitlines()) == 1:
        check(block, done.stdout.decode(errors="replace"), folder)
