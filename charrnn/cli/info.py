"""``charrnn info``: what a model is, and how it was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from charrnn.cli.output import log, open_stdout
from charrnn.cli.output_paths import check_target
from charrnn.errors import CheckpointError


def info(
    model: Annotated[
        str | None,
        typer.Argument(
            help="Model file or run directory. Default: $CHARRNN_MODEL, else the run below ./runs "
            "that was trained last.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Write the learning curves as a picture, SVG.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Only errors on standard error.")
    ] = False,
) -> None:
    """Tell what a model is, and how it was trained.

    \b
    charrnn info runs/harbour
    charrnn info runs/harbour --plot curves.svg
    """
    check_target("--plot", plot)

    from charrnn.model.checkpoint import read_checkpoint
    from charrnn.model.find import find_model
    from charrnn.render.curves import curve_picture
    from charrnn.render.model_card import Card
    from charrnn.storage.atomic import write_whole

    path = find_model(model)
    card = Card(read_checkpoint(path), path)
    if plot is not None:
        points = [point for point in card.points if (point.train, point.val) != (None, None)]
        if not points:
            raise CheckpointError(
                f"{str(path)!r}: the model says nothing of its training, and there is no "
                "metrics.jsonl beside it"
            )
        write_whole(plot, curve_picture(points, "charrnn: learning curves").encode())
        if not quiet:
            log(f"charrnn: the learning curves are {str(plot)!r}")
    with open_stdout() as output:
        if as_json:
            output.json(card.to_json())
        else:
            for line in card.lines():
                output.line(line)
