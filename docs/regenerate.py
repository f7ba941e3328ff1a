"""Run the examples of README and docs again, and draw the pictures anew.

    python docs/regenerate.py FOLDER

In each block of the kind ``console``, the lines that begin with ``$`` are run, in the order of the
pages, and their output takes the place of the old one. Where lines ``...`` shorten an output, as
many lines before the first and after the last one stay as there were. A part between two of them
starts at the next line that has the same beginning, up to a figure, colon or quotation mark. A
command that stands in several pages is run once. The course on understanding trains a model for ten
minutes. Afterwards, read what the pages say of their outputs. The pictures are of the shipped
story. FOLDER, which must be new, receives the runs.
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
    "reach.svg": "cat reach.svg",  # the course has drawn both
    "units.svg": "cat units.svg",
}


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
    """Return an output with parts left out where they were in the old one."""
    lines, first, *parts = new.splitlines(), *split(old.splitlines())
    kept, place = lines[: len(first)], len(first)
    for number, part in enumerate(parts, 1):
        if number == len(parts):
            place = max(len(lines) - len(part), place)
        else:
            same = (n for n in range(place, len(lines)) if start(lines[n]) == start(part[0]))
            if (found := next(same, None)) is None:
                sys.exit(f"no line of the output begins like {part[0]!r}")
            place = found
        kept += ["...", *lines[place : place + len(part)]]
        place += len(part)
    if not parts or len(kept) > len(lines):
        kept = lines
    return "".join(f"{line.rstrip()}\n" for line in kept)


def split(lines: list[str]) -> list[list[str]]:
    """Return the parts between lines ``...``."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if line == "...":
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def start(line: str) -> str:
    """Return a line up to its first figure, colon or quotation mark."""
    return re.split(r"""[\d:"]""", line, maxsplit=1)[0]


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
    for name, command in PICTURES.items():
        (DOCS / "pictures" / name).write_text(shell(command, folder), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
