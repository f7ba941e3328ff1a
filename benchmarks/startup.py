"""Time of a cold ``charrnn sample``, relative to ``import torch``.

python benchmarks/startup.py -m runs/harbour [--rounds 9] [--json]

Python keeps the compiled code of each module, as it does for every user after the first start.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}


def wall_seconds(command: list[str]) -> tuple[float, float]:
    """Run a command; return the seconds to its first byte on stdout, and to its end."""
    begin = time.perf_counter()
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        first = time.perf_counter() - begin
        process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return first, time.perf_counter() - begin


def main() -> None:
    """Time the commands alternately; print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-m", "--model", required=True, help="model file or run directory")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    charrnn = [sys.executable, "-m", "charrnn"]
    commands = {
        "import torch": [sys.executable, "-c", "import torch"],
        "import typer": [sys.executable, "-c", "import typer"],
        "charrnn sample -n 200": [*charrnn, "sample", "-m", arguments.model, "-n", "200"],
        "charrnn --help": [*charrnn, "--help"],
    }
    times: dict[str, list[float]] = {}
    for number in range(arguments.rounds + 1):
        for name, command in commands.items():
            first, seconds = wall_seconds(command)
            if number:  # the first round warms the disk cache
                times.setdefault(name, []).append(seconds)
                if "sample" in name:
                    times.setdefault(f"{name}, first character", []).append(first)
    medians = {name: statistics.median(values) for name, values in times.items()}
    sample, torch = medians["charrnn sample -n 200"], medians["import torch"]
    ratios = {
        "first character / import torch": medians["charrnn sample -n 200, first character"] / torch,
        "sample / import torch": sample / torch,
        "help / import typer": medians["charrnn --help"] / medians["import typer"],
    }
    if arguments.json:
        print(json.dumps({"median_seconds": medians, "ratios": ratios}))
        return
    for name, seconds in medians.items():
        print(f"{name:40}{seconds:8.3f} s")
    for name, ratio in ratios.items():
        print(f"{name:40}{ratio:8.3f}")


if __name__ == "__main__":
    main()
