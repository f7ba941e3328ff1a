"""``charrnn info``: describe a model and its training run."""

from pathlib import Path
from typing import Annotated

import typer

from charrnn.cli.command import MODEL_HELP, section
from charrnn.cli.output import STDOUT, check_output_path, log, open_stdout
from charrnn.errors import CheckpointError, ConfigError

_output = section("Output")


def info(
    path: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="As -m.", show_default=False)
    ] = None,
    model: Annotated[str | None, section("Model")("MODEL", MODEL_HELP, "-m", "--model")] = None,
    plot: Annotated[
        Path | None,
        _output("PATH", "Write the learning curves as SVG; - is stdout instead of the card."),
    ] = None,
    as_json: Annotated[bool, _output(None, "Print one JSON object.", "--json")] = False,
    quiet: Annotated[bool, _output(None, "Print only errors on stderr.", "-q", "--quiet")] = False,
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

    from charrnn.library import load
    from charrnn.render.curves import curve_picture
    from charrnn.render.model_card import Card
    from charrnn.storage.atomic import write_whole

    loaded = load(model if path is None else path)
    assert loaded.path is not None
    card = Card(loaded.checkpoint, loaded.path)
    picture = b""
    if plot is not None:
        points = [point for point in card.points if (point.train, point.val) != (None, None)]
        if not points:
            raise CheckpointError(
                f"{str(loaded.path)!r}: the model has no training history, and there is no "
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
