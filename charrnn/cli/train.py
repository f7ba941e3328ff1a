"""``charrnn train``: options in, a run directory out."""

# ruff: noqa: ARG001 - the settings are taken from the context by the names of the parameters

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charrnn.cli import values
from charrnn.cli.command import section
from charrnn.cli.output import ColorMode, log, open_stdout
from charrnn.errors import ConfigError

if TYPE_CHECKING:
    from charrnn.corpus.options import CorpusOptions
    from charrnn.training.recipe.settings import Settings

_BEGAN = time.monotonic()  # the time budget includes the start of the program

# Options that set an attribute of CorpusOptions with another name.
_READING = {
    "encoding": "decoding",
    "as_bytes": "decoding",
    "lines": "separator",
    "doc_sep": "separator",
}


_data = section("Data")
_model = section("Model")
_budget = section("Budget and optimisation")
_run = section("Output and run")


def train(
    context: typer.Context,
    corpora: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CORPUS...",
            help="Texts: files (also .gz, .bz2, .xz), folders, or - for standard input.",
        ),
    ] = None,
    val: Annotated[
        str,
        _data(
            "SHARE|PATH",
            "Share of the text, from its end, to validate on; or the path of another text. "
            "Default: 0.1.",
        ),
    ] = "0.1",
    lines: Annotated[
        bool, _data(None, "Treat each line as an independent document. Default: off.", "--lines")
    ] = False,
    doc_sep: Annotated[
        str | None,
        _data(
            "TEXT",
            "Separator between documents; \\n, \\t, \\r, \\0 and \\\\ are escapes. Default: the "
            "text is one document.",
        ),
    ] = None,
    glob: Annotated[
        list[str] | None,
        _data("PATTERN", "Which files of a folder to read; can be repeated. Default: *.txt."),
    ] = None,
    encoding: Annotated[
        str, _data("NAME", "Character encoding of the texts. Default: utf-8.")
    ] = "utf-8",
    as_bytes: Annotated[
        bool,
        _data(None, "Model bytes, not characters; works on any file. Default: off.", "--bytes"),
    ] = False,
    nfc: Annotated[
        bool, _data(None, "Normalise the text to Unicode NFC. Default: off.", "--nfc")
    ] = False,
    min_count: Annotated[
        int, _data("INT", "Characters that occur less often become one unknown symbol. Default: 1.")
    ] = 1,
    max_bytes: Annotated[
        str | None,
        _data("SIZE", "Read at most this much of the text, unpacked: 500k, 20M, 1G. Default: all."),
    ] = None,
    init_from: Annotated[
        str | None,
        _model("MODEL", "Start from the weights of this model. Default: random weights."),
    ] = None,
    cell: Annotated[
        values.Cell | None, _model(None, "Kind of recurrent layer. Default: lstm.")
    ] = None,
    block: Annotated[
        values.Block | None,
        _model(
            None,
            "plain stacks layers; residual adds each layer to its normalised input. Default: as "
            "suits the cell.",
        ),
    ] = None,
    nonlinearity: Annotated[
        values.Nonlinearity | None, _model(None, "For --cell rnn. Default: tanh.")
    ] = None,
    ngrams: Annotated[
        int | None,
        _model(
            "INT",
            "Also embed the last 2, ... K characters together; 1: single characters only. "
            "Default: chosen from text and budget.",
        ),
    ] = None,
    hidden_size: Annotated[
        int | None, _model("INT", "Hidden units per layer. Default: chosen from text and budget.")
    ] = None,
    num_layers: Annotated[
        int | None, _model("INT", "Stacked layers. Default: as suits the cell.")
    ] = None,
    embedding_size: Annotated[
        int | None,
        _model("INT", "Embedding dimension. Default: 128, or the hidden size of residual blocks."),
    ] = None,
    num_networks: Annotated[
        int | None,
        _model(
            "INT",
            "Networks whose predictions are averaged. Default: from budget and threads, up to 4.",
        ),
    ] = None,
    memory: Annotated[
        str | None,
        _model(
            "SIZE",
            "Characters of the training text that the model file remembers: 500k, 20M; 0: none. "
            "Default: 8M, fewer in a short time.",
        ),
    ] = None,
    time: Annotated[
        str | None,
        _budget(
            "DURATION",
            "Time limit for the whole run: 90s, 5m, 2h. Default: 5m, if neither --steps nor "
            "--epochs is given.",
        ),
    ] = None,
    steps: Annotated[
        int | None, _budget("INT", "Number of optimizer updates. Default: no limit.")
    ] = None,
    epochs: Annotated[
        float | None,
        _budget("FLOAT", "Passes over the text. Default: no limit, or 60 for a short text."),
    ] = None,
    batch_size: Annotated[
        int | None,
        _budget("INT", "Parallel streams of text. Default: chosen from text and budget."),
    ] = None,
    seq_length: Annotated[
        int | None,
        _budget("INT", "Time steps that gradients reach back. Default: 64, fewer for a tiny text."),
    ] = None,
    optimizer: Annotated[values.Optimizer, _budget(None, "Optimizer. Default: muon.")] = "muon",
    learning_rate: Annotated[
        float | None,
        _budget(
            "FLOAT",
            "Peak learning rate. Default: chosen from text and optimizer.",
            "--learning-rate",
            "--lr",
        ),
    ] = None,
    clip: Annotated[
        float, _budget("FLOAT", "Maximum L2 norm of the gradient; 0: no limit. Default: 1.")
    ] = 1.0,
    dropout: Annotated[
        float | None,
        _budget("FLOAT", "Share of units to drop. Default: chosen from text and budget."),
    ] = None,
    seed: Annotated[int, _budget("INT", "Random seed. Default: 1.")] = 1,
    out: Annotated[
        Path | None, _run("PATH", "Run directory. Default: a new one below ./runs.", "-o", "--out")
    ] = None,
    resume: Annotated[
        bool,
        _run(
            None,
            "Resume the run in -o, or the latest run below ./runs on this text; a larger --time, "
            "--steps or --epochs extends it. Default: start a new run.",
            "--resume",
        ),
    ] = False,
    device: Annotated[values.Device, _run(None, "Where to train. Default: auto.")] = "auto",
    precision: Annotated[
        values.Precision, _run(None, "Precision of matrix products. Default: auto.")
    ] = "auto",
    threads: Annotated[int | None, _run("INT", "Processor threads. Default: one per core.")] = None,
    parallel: Annotated[
        values.Parallel,
        _run(None, "What the processes of torchrun share: networks or streams. Default: auto."),
    ] = "auto",
    preview_every: Annotated[
        str, _run("DURATION", "Time between sample texts; 0: none. Default: 30s.")
    ] = "30s",
    save_every: Annotated[
        str,
        _run(
            "DURATION",
            "Time between saves of the state for --resume; 0: only at the end. Default: 1m.",
        ),
    ] = "1m",
    as_json: Annotated[
        bool,
        _run(None, "Write each report to stdout as a line of JSON. Default: off.", "--json"),
    ] = False,
    color: Annotated[
        ColorMode, _run(None, "Colours of the progress bar. Default: auto, on a terminal.")
    ] = "auto",
    quiet: Annotated[
        bool, _run(None, "Print only errors on stderr. Default: off.", "-q", "--quiet")
    ] = False,
) -> None:
    """Train a model on texts.

    \b
    charrnn train corpus.txt
    charrnn train book1.txt book2.txt.gz --time 20m -o runs/books
    charrnn train src/ --glob "*.py" --time 10m
    charrnn train corpus.txt --resume --time 20m
    charrnn train names.txt --lines   # then each sample is a name
    """
    if resume and init_from is not None:
        raise ConfigError("`init_from` and `resume` exclude each other; drop one of the two")
    if not corpora and not (resume and out is not None):
        raise ConfigError(
            "no text: name files, folders, or - for standard input; see charrnn train --help"
        )
    from charrnn.cli.progress import make_monitor, preview_text
    from charrnn.corpus.decode import Decoding
    from charrnn.corpus.options import CorpusOptions
    from charrnn.model.find import find_model
    from charrnn.training import api
    from charrnn.training.processes.peers import is_follower, is_one_of_several
    from charrnn.training.recipe.settings import Settings

    chosen = {field.name: context.params[field.name] for field in dataclasses.fields(Settings)}
    if time is not None:
        chosen["time"] = values.parse_duration("time", time)
    if memory is not None:
        chosen["memory"] = values.parse_size("memory", memory, may_be_zero=True)
    settings = Settings(**chosen)
    options = CorpusOptions(
        glob=tuple(glob or ("*.txt",)),
        decoding=Decoding(encoding, as_bytes),
        nfc=nfc,
        min_count=min_count,
        val=val,
        max_bytes=None if max_bytes is None else values.parse_size("max_bytes", max_bytes),
        separator=values.parse_separator(lines, doc_sep),
    )
    how: dict[str, Any] = {
        "preview_every": values.parse_duration("preview_every", preview_every, may_be_zero=True),
        "preview_text": preview_text,
        "save_every": values.parse_duration("save_every", save_every, may_be_zero=True),
        "began": _BEGAN,
    }
    with contextlib.ExitStack() as stack:
        quiet = quiet or is_follower()
        is_json = as_json and not is_follower()
        write_json = stack.enter_context(open_stdout()).json if is_json else None
        monitor = stack.enter_context(make_monitor(quiet=quiet, json=write_json, color=color))
        how["monitor"] = monitor
        if resume:
            changes = _given(context, settings, options)
            result = api.resume(out, corpora or (), changes=changes, **how)
        else:
            source = None if init_from is None else find_model(init_from)
            how |= {"options": options, "settings": settings, "init_from": source}
            result = api.train(corpora or (), out=out, **how)
    if not quiet:
        for line in monitor.closing_lines(result):
            log(f"charrnn: {line}")
    # Torchrun takes another exit code than 0 for a failure, and would start the run again.
    if result.stop_signal is not None and not is_one_of_several():
        raise typer.Exit(128 + result.stop_signal)


def _given(context: typer.Context, settings: Settings, options: CorpusOptions) -> dict[str, object]:
    """Return the settings and corpus options that the user named; a resumed run keeps the rest."""
    given = {}
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is None or source.name == "DEFAULT":
            continue
        attribute = _READING.get(name, name)
        for holder in (settings, options):
            if hasattr(holder, attribute):
                given[attribute] = getattr(holder, attribute)
    return given
