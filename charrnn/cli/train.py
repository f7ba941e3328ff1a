"""``charrnn train``: options in, a run directory out."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charrnn.cli.output import log, open_stdout
from charrnn.cli.values import parse_duration, parse_separator, parse_size
from charrnn.errors import ConfigError

if TYPE_CHECKING:
    from charrnn.corpus.options import CorpusOptions
    from charrnn.training.recipe.settings import Settings

_BEGAN = time.monotonic()  # the budget is what a user's watch shows, from the start of the program


# Which attribute of CorpusOptions an option is about.
_READING = {
    "glob": "pattern",
    "encoding": "decoding",
    "as_bytes": "decoding",
    "lines": "separator",
    "doc_sep": "separator",
    "min_count": "min_count",
    "max_bytes": "max_bytes",
    "val": "val",
}


def train(
    context: typer.Context,
    corpora: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CORPUS...",
            help="Texts: files (also .gz, .bz2, .xz), folders, or - for standard input.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Run directory. Default: a new one below ./runs."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the run in -o, or else with the last one below ./runs on this text; a "
            "larger --time, --steps or --epochs makes it longer.",
        ),
    ] = False,
    init_from: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Begin with the weights of a model file or run directory."
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="How long the whole run may take: 90s, 5m, 2h. Default: 5m, if neither --steps "
            "nor --epochs is given.",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Optimizer updates.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the text.")] = None,
    cell: Annotated[
        str | None, typer.Option(help="lstm, gru, rnn or mingru. Default: lstm.")
    ] = None,
    block: Annotated[
        str | None,
        typer.Option(
            help="plain stacks layers; residual adds each to its normalised input. Default: "
            "residual for mingru, else plain."
        ),
    ] = None,
    ngrams: Annotated[
        int | None,
        typer.Option(
            help="Also embed the last 2, ... K characters together; 1: do not. Default: 4 of a "
            "text that is read few times, 2 of a short one, else 3."
        ),
    ] = None,
    nonlinearity: Annotated[
        str | None,
        typer.Option(help="tanh or relu, of --cell rnn. Default: tanh.", show_default=False),
    ] = None,
    hidden_size: Annotated[int | None, typer.Option(help="Hidden units in a layer.")] = None,
    num_layers: Annotated[int | None, typer.Option(help="Layers on top of one another.")] = None,
    embedding_size: Annotated[int | None, typer.Option(help="Numbers for a character.")] = None,
    num_networks: Annotated[
        int | None,
        typer.Option(
            help="Networks that learn side by side, whose predictions are averaged. Default: one "
            "if time is short for the text, else one for each core, up to 4 if there is time."
        ),
    ] = None,
    counts: Annotated[
        int | None,
        typer.Option(
            help="Let what followed the last 0, ... K characters in the text have a share in each "
            "prediction; 0: do not. Default: 8, or 12 of a long text."
        ),
    ] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of units dropped, 0 to 1.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Parallel streams of text.")] = None,
    seq_length: Annotated[
        int | None, typer.Option(help="Time steps that gradients reach back.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", "--lr", help="At its highest.")
    ] = None,
    clip: Annotated[float, typer.Option(help="Longest gradient (L2 norm); 0: no limit.")] = 1.0,
    optimizer: Annotated[str, typer.Option(help="muon, adamw, adam, rmsprop or sgd.")] = "muon",
    val: Annotated[
        str, typer.Option(help="Share of the text, from its end, that validates; or another file.")
    ] = "0.1",
    lines: Annotated[
        bool,
        typer.Option("--lines", help="Each line is a document, with nothing before it to know of."),
    ] = False,
    doc_sep: Annotated[
        str | None,
        typer.Option(
            help="What stands between documents; \\n, \\t, \\r, \\0 and \\\\ are understood.",
            show_default=False,
        ),
    ] = None,
    glob: Annotated[str, typer.Option(help="Which files of a folder.")] = "*.txt",
    encoding: Annotated[str, typer.Option(help="Of the texts.")] = "utf-8",
    as_bytes: Annotated[
        bool, typer.Option("--bytes", help="Model bytes; works on anything.")
    ] = False,
    min_count: Annotated[
        int, typer.Option(help="Characters seen less often become one unknown symbol.")
    ] = 1,
    max_bytes: Annotated[
        str | None,
        typer.Option(help="Read only so much of the text, unpacked: 500k, 20M, 1G."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[
        str, typer.Option(help="auto, float32 or bfloat16, of products.")
    ] = "auto",
    threads: Annotated[int | None, typer.Option(help="Processor threads.")] = None,
    preview_every: Annotated[
        str, typer.Option(help="Time between short texts of the model; 0: none.")
    ] = "30s",
    save_every: Annotated[
        str, typer.Option(help="Time between saves of the run's state; 0: only at its end.")
    ] = "1m",
    as_json: Annotated[
        bool, typer.Option("--json", help="Each report as a line of JSON on standard output.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Only errors on standard error.")
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
        raise ConfigError("--init-from: a run that goes on has its weights; drop it or --resume")
    if not corpora and not (resume and out is not None):
        raise ConfigError(
            "no text: name files, folders, or - for standard input; see charrnn train --help"
        )
    from charrnn.cli.progress import make_monitor, preview_text
    from charrnn.corpus.decode import Decoding
    from charrnn.corpus.options import CorpusOptions
    from charrnn.model.find import find_model
    from charrnn.training import api
    from charrnn.training.recipe.settings import Settings

    settings = Settings(
        time=None if time is None else parse_duration("time", time),
        steps=steps,
        epochs=epochs,
        cell=cell,
        block=block,
        ngrams=ngrams,
        nonlinearity=nonlinearity,
        hidden_size=hidden_size,
        num_layers=num_layers,
        embedding_size=embedding_size,
        num_networks=num_networks,
        counts=counts,
        dropout=dropout,
        batch_size=batch_size,
        seq_length=seq_length,
        learning_rate=learning_rate,
        clip=clip,
        optimizer=optimizer,
        seed=seed,
        device=device,
        precision=precision,
        threads=threads,
    )
    options = CorpusOptions(
        pattern=glob,
        decoding=Decoding(encoding, as_bytes),
        min_count=min_count,
        val=val,
        max_bytes=None if max_bytes is None else parse_size("max_bytes", max_bytes),
        separator=parse_separator(lines, doc_sep),
    )
    how: dict[str, Any] = {
        "preview_every": parse_duration("preview_every", preview_every, may_be_zero=True),
        "preview_text": preview_text,
        "save_every": parse_duration("save_every", save_every, may_be_zero=True),
        "began": _BEGAN,
    }
    with contextlib.ExitStack() as stack:
        write_json = stack.enter_context(open_stdout()).json if as_json else None
        how["monitor"] = monitor = stack.enter_context(make_monitor(quiet=quiet, json=write_json))
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
    if result.stop_signal is not None:
        raise typer.Exit(128 + result.stop_signal)


def _given(context: typer.Context, settings: Settings, options: CorpusOptions) -> dict[str, object]:
    """Return the attributes of the settings that a user named, with their values.

    A run that goes on keeps what it was started with; only what is named is meant to differ.
    """
    given = {}
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is None or source.name == "DEFAULT":
            continue
        if name in _READING:
            given[_READING[name]] = getattr(options, _READING[name])
        elif hasattr(settings, name):
            given[name] = getattr(settings, name)
    return given
