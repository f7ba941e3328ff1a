"""Tables of README and docs, made from ``results/*.json``.

    cog -r -I benchmarks -p "import cog, tables" README.md docs/*.md

puts them there.
"""

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from scaling import GPU, NUMBERS, WAYS, processor

RESULTS = Path(__file__).parent / "results"

# Figures that others published, with their source.
NANOGPT = ("nanoGPT's recipe for a GPU, [its README](https://github.com/karpathy/nanoGPT)", 1.4697)


def load(name: str) -> dict[str, Any]:
    """Return a record: command, date, machine, versions, results."""
    record: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return record


def results(name: str) -> list[dict[str, Any]]:
    """Return the objects that a benchmark printed."""
    found: list[dict[str, Any]] = load(name)["results"]
    return found


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def source(*names: str) -> str:
    """Return a paragraph that says how, when and where figures were measured."""
    records = [load(name) for name in names]
    commands = ", ".join(dict.fromkeys(f"`{record['command']}`" for record in records))
    dates = sorted({record["date"] for record in records})
    machine, versions = records[0]["machine"], records[0]["versions"]
    files = ", ".join(f"[{name}.json](../benchmarks/results/{name}.json)" for name in names)
    return (
        f"\n\nMeasured by {commands} on {' and '.join(dates)}: {machine['cores']} cores of an "
        f"{machine['processor']}, {machine['system']}, torch {versions['torch']}, "
        f"NumPy {versions['numpy']}. Record: {files}."
    )


def headline() -> str:
    """Return the table of the README."""
    record = load("compression")
    minute, cores = record["results"][0], record["machine"]["cores"]
    (ten_minutes,) = results("compression-10m")
    paper, loss = NANOGPT
    rows = [
        (
            "`charrnn train --time 60s`",
            f"60 s on {cores} cores",
            f"**{minute['median']['with']:.3f}**",
        ),
        ("the same, `--time 10m`", "10 min", f"**{ten_minutes['median']['with']:.3f}**"),
        ("60 s, without the memory", "", f"{minute['median']['without']:.3f}"),
        ("PPMd, a compressor, at its best order", "", f"{minute['ppmd']:.3f}"),
        (paper, "3 min on an A100", f"{loss:.3f}"),
    ]
    return markdown(["model", "training", "loss"], rows)


def texts() -> str:
    """Return the losses on texts of many kinds."""
    rows = []
    (ten_minutes,) = results("compression-10m")
    ten_minutes["text"] += ", 10 min"
    for row in [*results("compression"), ten_minutes]:
        seeds = sorted(seed["with"] for seed in row["seeds"])
        rows.append(
            (
                row["text"],
                f"{row['characters']:,}",
                f"{row['distinct']:,}",
                f"{row['median']['with']:.3f} ({seeds[0]:.3f} to {seeds[-1]:.3f})",
                f"{row['median']['without']:.3f}",
                f"{row['ppmd']:.3f} (order {row['order']})",
            )
        )
    return markdown(["text", "characters", "distinct", "with memory", "without", "PPMd"], rows)


def startup() -> str:
    """Return the seconds of a cold start."""
    columns = [results(name)[0] for name in ("startup-one", "startup")]
    head = ["seconds, median", "one network", "two networks"]
    rows: list[tuple[str, ...]] = [
        (name, *(f"{column['median_seconds'][name]:.3f}" for column in columns))
        for name in columns[0]["median_seconds"]
    ]
    rows += [
        (name, *(f"{column['ratios'][name]:.3f}" for column in columns))
        for name in ("first character / import torch", "sample / import torch")
    ]
    return markdown(head, rows)


def generation() -> str:
    """Return the speed of sampling."""
    (found,) = results("generation")
    speeds = found["chars_per_second"]
    names = {
        "lstm 2 x 256": "one `lstm` network of 2 x 256",
        "two networks": "two `lstm` networks of 1 x 256 with trigrams",
        "with memory": "the same with a memory of a million characters",
        "after a prompt": "the same after a prompt of 2,000 characters",
        "mingru 4 x 128": "one `mingru` network of 4 x 128 with bigrams",
    }
    rows = [
        (label, f"{speeds[f'{name}, 1']:,.0f}", f"{speeds[f'{name}, 64']:,.0f}")
        for name, label in names.items()
    ]
    best = max(speed for name, speed in speeds.items() if name.startswith("torch"))
    torch = ("`torch.nn.LSTM` of 2 x 256, a character at a time", f"{best:,.0f}", "")
    return markdown(["characters a second", "one sample", "64 samples"], [*rows, torch])


def training_memory() -> str:
    """Return the peaks of memory in training."""
    (found,) = results("memory")
    rows = [
        (
            row["run"],
            f"{row['held'] / 1e6:.0f} MB",
            f"{row['peak'] / 1e6:.0f} MB",
            f"{row['ratio']:.2f}",
        )
        for row in found["rows"]
    ]
    return markdown(["run", "minimum", "peak beyond torch itself", "ratio"], rows)


def pages() -> str:
    """Return how fast pages open and write."""
    names = {
        "page-one-network": "one network of 256 with a memory of 1 MB",
        "page-two-networks": "two networks of 256 with a memory of 1 MB",
        "page-story": "the story's model, two networks of 256",
    }
    rows = [
        (
            label,
            f"{statistics.median(row['first'] for row in results(name)):.2f} s",
            f"{statistics.median(row['chars_per_second'] for row in results(name)):,.0f}",
        )
        for name, label in names.items()
    ]
    return markdown(["page", "first character", "characters a second"], rows)


def index() -> str:
    """Return size and speed of the index."""
    (found,) = results("novelty")
    rates = [found[f"search_chars_per_second{case}"] for case in ("", "_if_all_is_copied")]
    rows = [
        ("to index a million characters", f"{found['build_seconds_per_million']:.2f} s"),
        ("size for each character", f"{found['index_bytes_per_character']:.0f} B"),
        ("search for copies, characters a second", f"{rates[0]:,.0f}"),
        ("the same where all is copied", f"{rates[1]:,.0f}"),
    ]
    return markdown(["index of the training text", "measured"], rows)


def evaluation() -> str:
    """Return the time of a cold ``charrnn eval``."""
    (found,) = results("evaluation")
    seconds, losses = found["median_seconds"], found["nats_per_char"]
    rows = [
        (name, f"{seconds[name]:.2f} s", f"{losses[name]:.4f}" if name in losses else "")
        for name in seconds
    ]
    return markdown(["cold start, 1.2 million characters", "time", "nats per character"], rows)


def settings() -> str:
    """Return the losses of hand-chosen settings on some texts."""
    rows = results("grid")[0]["rows"]
    names = list(rows[0]["nats_per_char"])
    head = ["setting", *(row["text"] for row in rows)]
    losses = [[f"{row['nats_per_char'][name]:.3f}" for row in rows] for name in names]
    return markdown(head, [(name, *line) for name, line in zip(names, losses, strict=True)])


def cells() -> str:
    """Return the speed of training of the cells relative to other layers."""
    rows = []
    for row in results("cells")[0]["rows"]:
        size = f"{row['num_layers']} x {row['hidden_size']}"
        rows.append(
            (
                f"`{row['cell']}`",
                size,
                row["batch_size"],
                f"{row['chars_per_second']:,.0f}",
                f"{row['ratio']:.2f} x {row['reference']}",
                f"{row['gemm_share']:.0%}",
            )
        )
    head = ["cell", "layers x units", "B", "characters a second", "speed", "share of a product"]
    return markdown(head, rows)


def processes() -> str:
    """Return the speed and the loss of two processes and of two threads."""
    (found,) = results("processes")
    names = {
        "threads": "one process, a thread for each network",
        "ensemble": "two processes, `ensemble`",
        "data": "two processes, `data`",
    }
    rows = [
        (
            label,
            f"{found[name]['chars_per_second']:,}",
            f"{found[name]['ratio']:.2f}",
            ", ".join(f"{loss:.4f}" for loss in found[name]["loss"]),
        )
        for name, label in names.items()
    ]
    return markdown(["", "characters a second", "relative", "loss of three seeds"], rows)


def scaling(name: str) -> str:
    """Return how speed grows with the number of ``GPUs`` or ``processors``, by arithmetic."""
    process, ways = GPU, list(WAYS)
    if name == "processors":
        (found,) = results("processes")
        # A process of an ensemble trains a network by itself.
        process = processor(found["ensemble"]["chars_per_second"], found["gradient_bytes"])
        ways = [way for way in ways if "NVLink" not in way]
    rows = [(n, *(f"{process.speedup(way, n):.1f}" for way in ways)) for n in NUMBERS]
    return markdown([name, *ways], rows)


def names_again() -> str:
    """Return how often the names of a prompt come again."""
    (found,) = results("prompt")
    head = ["", f"of {len(found['names'])} new names", "times"]
    return markdown(head, [(name, *counts) for name, counts in found["rows"].items()])


def writing() -> str:
    """Return what free writing copies, repeats and invents."""
    rows = [
        (
            row["run"],
            row["text"],
            f"{row['copied']:.1%}",
            row["longest_copied"],
            f"{row['repeated']:.2%}",
            f"{row['invented']:.1%}",
            f"{row['loops']} of {row['texts']}",
            row["new_loops"],
        )
        for row in results("writing")
    ]
    head = ["model", "text", "copied 20-grams", "longest copy", "own 20-grams repeated"]
    return markdown([*head, "new words", "texts with a loop", "with a new loop"], rows)
