"""Time of a cold ``charrnn sample``, relative to ``import torch``.

python benchmarks/startup.py -m runs/harbour [--rounds 9] [--json]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time


def wall_seconds(command: list[str]) -> float:
    """Run a command; return its wall-clock seconds."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


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
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(arguments.rounds + 1):
        for name, command in commands.items():
            seconds = wall_seconds(command)
            if number:  # the first round warms the disk cache
                times[name].append(seconds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratios = {
        "sample / import torch": medians["charrnn sample -n 200"] / medians["import torch"],
        "help / import typer": medians["charrnn --help"] / medians["import typer"],
    }
    if arguments.json:
        print(json.dumps({"median_seconds": medians, "ratios": ratios}))
        return
    for name, seconds in medians.items():
        print(f"{name:24}{seconds:8.3f} s")
    for name, ratio in ratios.items():
        print(f"{name:24}{ratio:8.3f}")


if __name__ == "__main__":
    main()
