"""``charrnn info``: describe a model and its training run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from charrnn.cli.output import log, open_stdout
from charrnn.cli.output_paths import STDOUT, check_output_path
from charrnn.errors import CheckpointError, ConfigError


def info(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL", help="Model file or run directory, as for -m.", show_default=False
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            metavar="MODEL",
            rich_help_panel="Model",
            help="Model file or run directory. Default: $CHARRNN_MODEL, else the run under ./runs "
            "that was trained last.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            rich_help_panel="Output",
            help="Write the learning curves as SVG. - writes them to stdout in place of the card.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", rich_help_panel="Output", help="Print one JSON object.")
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "-q", "--quiet", rich_help_panel="Output", help="Print only errors on stderr."
        ),
    ] = False,
) -> None:
    """Describe a model and how it was trained.

    \b
    charrnn info runs/harbour
    charrnn info runs/harbour --plot curves.svg
    """
    if path is not None and model is not None:
        raise ConfigError("`model`: the model is named twice; name it once")
    check_output_path("plot", plot)
    if plot == STDOUT and as_json:
        raise ConfigError("`plot`: - and `as_json` both write to stdout; give --plot a file")

    from charrnn.model.checkpoint import read_checkpoint
    from charrnn.model.find import find_model
    from charrnn.render.curves import curve_picture
    from charrnn.render.model_card import Card
    from charrnn.storage.atomic import write_whole

    found = find_model(model if path is None else path)
    card = Card(read_checkpoint(found), found)
    picture = b""
    if plot is not None:
        points = [point for point in card.points if (point.train, point.val) != (None, None)]
        if not points:
            raise CheckpointError(
                f"{str(found)!r}: the model has no training history, and there is no "
                "metrics.jsonl beside it"
            )
        picture = curve_picture(points, "charrnn: learning curves").encode()
        if plot != STDOUT:
            write_whole(plot, picture)
            if not quiet:
                log(f"charrnn: learning curves written to {str(plot)!r}")
    with open_stdout() as output:
        if plot == STDOUT:
            output.write(picture)
        elif as_json:
            output.json(card.to_json())
        else:
            for line in card.lines():
                output.line(line)
