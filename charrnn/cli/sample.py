"""``charrnn sample``: options in, text on standard output."""

from __future__ import annotations

import math
import sys
from typing import Annotated, Literal

import typer

from charrnn.cli.output import product, say
from charrnn.errors import ConfigError, TextError


def sample(
    prompt: Annotated[
        str, typer.Argument(help="What the model reads first; - reads it from standard input.")
    ] = "",
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            help="Model file or run directory. Default: $CHARRNN_MODEL, else the run below ./runs "
            "that was trained last.",
        ),
    ] = None,
    temperature: Annotated[
        float,
        typer.Option(
            "-t",
            "--temp",
            "--temperature",
            help="0 takes the likeliest character each time; 1 is the model as trained; below 1 is "
            "safer, above 1 wilder.",
        ),
    ] = 0.8,
    length: Annotated[
        int, typer.Option("-n", "--length", help="New characters; -1 goes on until stopped.")
    ] = 500,
    seed: Annotated[
        int | None,
        typer.Option(help="The same seed gives the same text. Default: a random one, told."),
    ] = None,
    on_unknown: Annotated[
        Literal["error", "skip", "replace"],
        typer.Option(help="For characters of the prompt that the model never saw."),
    ] = "error",
    novel: Annotated[
        bool,
        typer.Option(
            "--novel",
            help="Tell on standard error, -q or not, how much of the text is copied from the text "
            "that the model was trained on.",
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Only errors on standard error.")
    ] = False,
) -> None:
    """Write text with a model.

    \b
    charrnn sample "NELL:" --temp 0.6 -n 300
    charrnn sample -n -1 | head -c 10000 > novel.txt
    """
    if not (math.isfinite(temperature) and temperature >= 0):
        raise ConfigError(f"--temp: {temperature} is not a temperature; give 0 or more")
    if length < -1:
        raise ConfigError(f"--length: {length} is not a number of characters; -1 is endless")
    if seed is not None and not 0 <= seed < 2**63:
        raise ConfigError(f"--seed: {seed} is not a seed; give a whole number, 0 or more")
    if prompt == "-":
        prompt = _read_prompt()

    from charrnn.library import Model, random_seed
    from charrnn.model.checkpoint import find_model, read_checkpoint

    path = find_model(model)
    loaded = Model(read_checkpoint(path))
    search = loaded.copy_search() if novel else None
    if seed is None:
        seed = random_seed()
    if not quiet:
        say(f"charrnn: model {str(path)!r}, seed {seed}")
    characters = loaded.stream(
        prompt,
        temperature=temperature,
        length=None if length < 0 else length,
        seed=seed,
        on_unknown=on_unknown,
    )
    with product() as output:
        for character in characters:
            output.write(loaded.vocabulary.to_bytes(character))
            if search is not None:
                search.read(loaded.vocabulary.look_up(character))
        output.write(loaded.vocabulary.to_bytes(loaded.vocabulary.separator))
    if search is not None:
        say(f"charrnn: {search.result().line()}")


def _read_prompt() -> str:
    """Return standard input, as what a user would have typed."""
    if sys.stdin is None:
        raise TextError("'-': standard input is closed")
    return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
