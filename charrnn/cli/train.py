"""``charrnn train``: options in, a run directory out."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Annotated

import typer

from charrnn.cli.durations import parse_duration
from charrnn.cli.output import product, say
from charrnn.cli.sizes import parse_size

_BEGAN = time.monotonic()  # the budget is what a user's watch shows, from the start of the program


def train(
    corpora: Annotated[
        list[str],
        typer.Argument(
            metavar="CORPUS...",
            help="Texts: files (also .gz, .bz2, .xz), folders, or - for standard input.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Run directory. Default: a new one below ./runs."),
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
        str | None, typer.Option(help="mingru, lstm, gru or rnn. Default: mingru.")
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
            help="Also embed the last 2, ... K characters together; 1: do not. Default: 2 for "
            "mingru where V*V <= 8192, else 1."
        ),
    ] = None,
    nonlinearity: Annotated[
        str | None,
        typer.Option(help="tanh or relu, of --cell rnn. Default: tanh.", show_default=False),
    ] = None,
    hidden_size: Annotated[int | None, typer.Option(help="Hidden units in a layer.")] = None,
    num_layers: Annotated[int | None, typer.Option(help="Layers on top of one another.")] = None,
    embedding_size: Annotated[int | None, typer.Option(help="Numbers for a character.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of units dropped, 0 to 1.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Parallel streams of text.")] = None,
    seq_length: Annotated[
        int | None, typer.Option(help="Time steps that gradients reach back.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", "--lr", help="At its highest.")
    ] = None,
    clip: Annotated[float, typer.Option(help="Longest gradient (L2 norm); 0: no limit.")] = 1.0,
    optimizer: Annotated[str, typer.Option(help="adamw, adam, rmsprop or sgd.")] = "adamw",
    val: Annotated[
        str, typer.Option(help="Share of the text, from its end, that validates; or another file.")
    ] = "0.1",
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
    """
    from charrnn.cli.monitors import make_monitor, preview_text
    from charrnn.text.corpus import CorpusOptions
    from charrnn.text.reading import Decoding
    from charrnn.training.recipe import Settings
    from charrnn.training.run import train as run

    settings = Settings(
        time=None if time is None else parse_duration("--time", time),
        steps=steps,
        epochs=epochs,
        cell=cell,
        block=block,
        ngrams=ngrams,
        nonlinearity=nonlinearity,
        hidden_size=hidden_size,
        num_layers=num_layers,
        embedding_size=embedding_size,
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
        max_bytes=None if max_bytes is None else parse_size("--max-bytes", max_bytes),
    )
    between = parse_duration("--preview-every", preview_every, may_be_zero=True)
    with contextlib.ExitStack() as stack:
        write_json = stack.enter_context(product()).json if as_json else None
        monitor = stack.enter_context(make_monitor(quiet=quiet, json=write_json))
        result = run(
            corpora,
            out=out,
            options=options,
            settings=settings,
            monitor=monitor,
            preview_every=between,
            preview_text=preview_text,
            began=_BEGAN,
        )
    if not quiet:
        for line in monitor.closing_lines(result):
            say(f"charrnn: {line}")
    if result.stop_signal is not None:
        raise typer.Exit(128 + result.stop_signal)
