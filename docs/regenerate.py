"""Run the examples of README and docs again, and draw the pictures anew.

    python docs/regenerate.py FOLDER

In each block of the kind ``console``, the lines that begin with ``$`` are run, in the order of the
pages, and their output takes the place of the old one. Where a line ``...`` shortens an output, as
many lines before and after it stay as there were. A command that stands in several pages is run
once. The pictures are of the shipped story. FOLDER, which must be new, receives the runs.
"""

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
DRAW = f'"{sys.executable}" "{ROOT / "benchmarks/pictures.py"}"'
PICTURES = {
    "surprise.svg": 'charrnn sample "OSKAR:" --temp 0.6 -n 700 --seed 3 -q --echo -m runs/harbour'
    " | charrnn eval - --svg - -q -m runs/harbour",
    "loss.svg": f"{DRAW} loss",
    "processes.svg": f"{DRAW} processes",
    "reach.svg": "charrnn look --reach --svg - -q -m runs/story",
    "units.svg": "charrnn look corpora/harbour.txt --units --svg - -q -m runs/story"
    r" --feature '(?ms)^[A-Z. ]+:\n(.+?)\n\n'",
}
STORY = "charrnn train corpora/harbour.txt --time 10m -o runs/story -q"


@functools.cache
def shell(command: str, folder: Path) -> str:
    """Run a command; return what it writes to both streams."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.stdout


def shortened(new: str, old: str) -> str:
    """Return an output with its middle left out where it was in the old one."""
    new_lines, old_lines = new.splitlines(), old.splitlines()
    if "..." in old_lines:
        before = old_lines.index("...")
        after = len(old_lines) - before - 1
        if len(new_lines) > before + after + 1:
            new_lines[before : len(new_lines) - after] = ["..."]
    return "".join(f"{line.rstrip()}\n" for line in new_lines)


def run_again(block: str, folder: Path) -> str:
    """Return a block with the outputs of its commands as they are now."""
    parts = re.findall(r"^\$ ([^\n]*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    return "".join(
        f"$ {command}\n{shortened(shell(command, folder), old)}" for command, old in parts
    )


def main(folder: Path) -> None:
    """Rewrite the pages and the pictures."""
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "corpora", folder / "corpora")
    contents = re.findall(r"^\d+\. \[[^\]]+\]\(([^)]+)\)", (DOCS / "README.md").read_text(), re.M)
    for path in [ROOT / "README.md", *(DOCS / name for name in contents)]:
        text = path.read_text(encoding="utf-8")
        path.write_text(
            BLOCK.sub(lambda found: run_again(found[1], folder), text), encoding="utf-8"
        )
    shell(STORY, folder)
    for name, command in PICTURES.items():
        (DOCS / "pictures" / name).write_text(shell(command, folder), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
