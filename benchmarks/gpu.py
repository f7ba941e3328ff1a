"""Everything that only a GPU can show, in at most six minutes: is it right, and how fast is it?

    python benchmarks/gpu.py TEXT [--device cpu] [--only losses ...] [--json]

It is meant to be started without a second try. Each section is a process of its own with a time
limit; whatever fails is a row of the table, and the next section goes on.

    tests     the tests marked ``cuda``
    losses    200 steps of each cell, their losses against those of the processor
    resume    each cell stopped after 20 steps of 40, against a run without a stop, bit for bit
    speed     forward and backward pass against torch's own layers on the same device, peak memory
    networks  several networks at once against one
    recipe    the program itself on the text: the loss after 15 s and after 60 s, without memory

The yardstick of the last section is 1.4697 nats on tinyshakespeare, which nanoGPT's recipe for that
text reaches in about three minutes on an A100, as its README says. ``--device cpu`` runs all
sections but the first on the processor.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cells import our_pass, torch_pass

from charrnn.memory.memory import Memory
from charrnn.model.cells.registry import CELLS
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.devices.backend import Backend, prepare_backend
from charrnn.training.learn.trainer import Trainer
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.budget import Budget

NANOGPT_NATS = 1.4697
SEQ_LENGTH = 64
LIMITS = {  # seconds
    "tests": 50, "losses": 60, "resume": 40, "speed": 50, "networks": 40, "recipe": 120,
}  # fmt: skip
PATIENCE = {"cuda": 1, "cpu": 5}  # times that long

Row = dict[str, Any]
Section = Callable[[str, str], Iterator[Row]]


def make_trainer(text: str, backend: Backend, steps: int, **settings: Any) -> Trainer:
    """Return a trainer on the beginning of a text."""
    characters = Path(text).read_text(encoding="utf-8")[:200_000]
    vocabulary = Vocabulary("".join(sorted(set(characters))))
    ids = vocabulary.look_up(characters).astype(np.uint16)
    chosen = Settings(steps=steps, ngrams=3, dropout=0.1, **settings)
    recipe = resolve(chosen, num_chars=len(ids), vocab_size=vocabulary.size)
    budget = Budget(None, steps, time.monotonic())
    return Trainer(recipe, backend, ids, ids[:0], budget, memory=Memory(vocabulary, None))


def wait(device: str) -> None:
    """Wait for a device."""
    if device == "cuda":
        torch.cuda.synchronize()


def tests(_: str, device: str) -> Iterator[Row]:
    """Run the tests of CUDA."""
    if device != "cuda":
        yield {"name": "tests marked cuda", "value": "not for this device", "is_ok": True}
        return
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "-n0", "tests/training"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    yield {"name": "tests marked cuda", "value": lines[-1], "is_ok": done.returncode == 0}
    for line in lines:
        if line.startswith(("FAILED", "ERROR", "E  ")):
            yield {"name": "", "value": line[:160], "is_ok": False}


def losses(text: str, device: str) -> Iterator[Row]:
    """Train each cell on both, from the same weights and with the same masks of dropout."""
    sizes = {"hidden_size": 128, "batch_size": 32, "num_networks": 1}
    for cell in CELLS:
        reference = make_trainer(
            text, prepare_backend("cpu", "float32", None), 200, cell=cell, **sizes
        )
        for _ in range(200):
            reference.advance(0.5)
        expected = np.array(reference.take_nats())
        for precision in ("float32", "auto"):
            backend = prepare_backend(device, precision, None)
            trainer = make_trainer(text, backend, 200, cell=cell, **sizes)
            for _ in range(200):
                trainer.advance(0.5)
            found = np.array(trainer.take_nats())
            difference = float(np.abs(found / expected - 1)[-50:].mean())
            yield {
                "name": f"{cell}, {backend.precision}: loss of the last 50 steps is off by",
                "value": difference,
                "is_ok": difference < (0.005 if backend.precision == "float32" else 0.02),
            }


def resume(text: str, device: str) -> Iterator[Row]:
    """Compare the weights of runs with and without a stop."""
    backend = prepare_backend(device, "auto", None)
    for cell in CELLS:
        settings = {"cell": cell, "hidden_size": 128, "num_networks": 2, "batch_size": 32}
        whole, again = (make_trainer(text, backend, 40, **settings) for _ in range(2))
        for _ in range(20):
            whole.advance(0.5)
        again.load_state_arrays(
            {name: array.copy() for name, array in whole.state_arrays().items()}, step=20, chars=0
        )
        for trainer in (whole, again):
            for _ in range(20):
                trainer.advance(0.5)
        arrays, others = whole.to_arrays(), again.to_arrays()
        is_same = all(np.array_equal(array, others[name]) for name, array in arrays.items())
        yield {"name": f"{cell}: resumed bit for bit", "value": is_same, "is_ok": is_same}


def seconds_of(run: Callable[[], None], device: str) -> float:
    """Return the median seconds of a pass."""
    taken = []
    for _ in range(12):
        wait(device)
        began = time.perf_counter()
        run()
        wait(device)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken[2:]))


def speed(_: str, device: str) -> Iterator[Row]:
    """Time one layer with embedding and output layer, forward and backward."""
    backend = prepare_backend(device, "auto", None)
    for hidden_size, num_streams in [(256, 64), (512, 64), (512, 256), (1024, 256)]:
        if device == "cpu" and hidden_size * num_streams > 256 * 64:
            continue
        for cell in CELLS:
            if device == "cuda":
                torch.cuda.reset_peak_memory_stats()
            ours, _ = our_pass(cell, hidden_size, 1, num_streams, backend)
            seconds = seconds_of(ours, device)
            row = {
                "name": f"{cell} 1 x {hidden_size}, {num_streams} streams: characters a second",
                "value": round(num_streams * SEQ_LENGTH / seconds),
                "is_ok": True,
            }
            if device == "cuda":
                row["peak_mb"] = round(torch.cuda.max_memory_allocated() / 1e6)
            if cell in ("lstm", "gru", "rnn"):
                theirs = torch_pass(cell, hidden_size, 1, num_streams, backend)
                row["ratio"] = round(seconds_of(theirs, device) / seconds, 2)
                row["is_ok"] = row["ratio"] > 0.9
            yield row


def networks(text: str, device: str) -> Iterator[Row]:
    """Time whole steps of 1, 2 and 4 networks."""
    backend = prepare_backend(device, "auto", None)
    alone = 0.0
    for number in (1, 2, 4):
        trainer = make_trainer(
            text, backend, 1000, hidden_size=256, batch_size=64, num_networks=number
        )
        for steps in (8, 40):  # the first steps prepare kernels
            began = time.perf_counter()
            for _ in range(steps):
                trainer.advance(0.5)
            trainer.take_nats()
            seconds = time.perf_counter() - began
        rate = 40 * 64 * SEQ_LENGTH * number / seconds
        alone = alone or rate
        yield {
            "name": f"{number} networks of 256, 64 streams: characters a second, all together",
            "value": round(rate),
            "ratio": round(rate / alone, 2),
            "is_ok": rate >= 0.9 * alone,
        }


def recipe(text: str, device: str) -> Iterator[Row]:
    """Run the program and take the loss from its reports."""
    for seconds in (15, 60):
        with tempfile.TemporaryDirectory() as folder:
            command = [
                sys.executable, "-m", "charrnn", "train", text, "--time", f"{seconds}s",
                "--memory", "0", "--device", device, "-o", f"{folder}/run", "--preview-every", "0",
                "--json",
            ]  # fmt: skip
            began = time.monotonic()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            took = time.monotonic() - began
        notices = [line for line in done.stderr.splitlines() if ": training " in line]
        if done.returncode:
            notices = done.stderr.strip().splitlines()[-1:]
        reports = [json.loads(line) for line in done.stdout.splitlines()]
        found = [each for each in reports if each["val_nats_per_char"] is not None]
        best = min((each["val_nats_per_char"] for each in found), default=None)
        reached = [e["seconds"] for e in found if e["val_nats_per_char"] <= NANOGPT_NATS]
        yield {
            "name": f"best loss of a run of {seconds} s, nats per character",
            "value": best,
            "seconds_to_1.4697": reached[0] if reached else None,
            "took": round(took, 1),
            "is_ok": bool(reached),
            "more": " ".join(notices)[:160],
        }


SECTIONS: dict[str, Section] = {
    "tests": tests, "losses": losses, "resume": resume, "speed": speed, "networks": networks,
    "recipe": recipe,
}  # fmt: skip


def run_section(name: str, text: str, device: str) -> list[Row]:
    """Run a section in a process of its own; return its rows, the last one if it failed."""
    command = [sys.executable, __file__, text, "--device", device, "--section", name]
    limit = LIMITS[name] * PATIENCE[device]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors)
        try:
            process.wait(limit)
            failure = f"exit code {process.returncode}" if process.returncode else ""
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            failure = f"not done after {limit} s"
        output.seek(0)
        errors.seek(0)
        rows = [json.loads(line) for line in output.read().splitlines() if line.endswith("}")]
        said = errors.read().strip().splitlines()
    if failure:
        last = f"; {said[-1][:160]}" if said else ""
        rows.append({"name": "the section failed", "value": f"{failure}{last}", "is_ok": False})
    return rows


def describe(device: str) -> dict[str, Any]:
    """Return the device and the versions of its software."""
    is_cuda = device == "cuda" and torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if is_cuda else device,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if is_cuda else None,
    }


def main() -> None:
    """Print a table, or one object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--only", nargs="*", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--section", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.section is not None:
        for row in SECTIONS[arguments.section](arguments.text, arguments.device):
            print(json.dumps(row), flush=True)
        return
    about = describe(arguments.device)
    found: dict[str, list[Row]] = {}
    if not arguments.json:
        print(", ".join(f"{name} {value}" for name, value in about.items()))
    for name in arguments.only:
        found[name] = run_section(name, arguments.text, arguments.device)
        if not arguments.json:
            print(f"\n{name}", flush=True)
            for row in found[name]:
                rest = {key: each for key, each in row.items() if key not in ("name", "is_ok")}
                words = "  ".join(f"{key} {each}" for key, each in rest.items())
                print(f"  {'  ' if row['is_ok'] else '! '}{row['name']}  {words}", flush=True)
    if arguments.json:
        print(json.dumps({**about, "sections": found}))


if __name__ == "__main__":
    main()
