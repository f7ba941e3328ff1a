"""Run a benchmark and keep what it measured, with the command, the date, the machine and versions.

    python benchmarks/record.py NAME SCRIPT [ARGUMENTS...]
    python benchmarks/record.py startup startup -m runs/harbour

The script is run with ``--json``; the objects that it prints go to ``results/NAME.json``. Documents
take their figures from there.
"""

import json
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tables import RESULTS

import charrnn

HERE = Path(__file__).parent


def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def parse(output: str) -> list[dict[str, Any]]:
    """Return the objects that a script printed, one on a line."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def main(name: str, script: str, arguments: list[str]) -> None:
    """Run a script and write its results."""
    command = [sys.executable, str(HERE / f"{script}.py"), *arguments, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    # Of a path outside, only the name says something to others.
    shown = [Path(each).name if Path(each).is_absolute() else each for each in arguments]
    record = {
        "command": shlex.join(["python", f"benchmarks/{script}.py", *shown]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"processor": processor(), "cores": os.cpu_count(), "system": platform.system()},
        "versions": {
            "charrnn": charrnn.__version__,
            "python": platform.python_version(),
            **{package: version(package) for package in ("torch", "numpy")},
        },
        "results": parse(done.stdout),
    }
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    print(done.stdout, end="")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
