"""``charrnn page``: a model as one page for a browser."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from charrnn.cli.command import MODEL_HELP, section
from charrnn.cli.output import STDOUT, check_output_path, log, open_stdout
from charrnn.cli.values import parse_size
from charrnn.errors import ConfigError
from charrnn.processors import one_thread_a_product

_model = section("Model")
_page = section("Page")


def page(
    model: Annotated[str | None, _model("MODEL", MODEL_HELP, "-m", "--model")] = None,
    out: Annotated[
        Path | None,
        _page(
            "PATH",
            "Where to write the page; - is stdout. Default: the name of the run and .html.",
            *("-o", "--out"),
        ),
    ] = None,
    name: Annotated[
        str | None, _page("TEXT", "What the page calls the model. Default: the name of the run.")
    ] = None,
    precision: Annotated[
        Literal["int8", "float16"],
        _page(None, "How weights are stored; float16 doubles the page. Default: int8."),
    ] = "int8",
    memory: Annotated[
        str,
        _page(
            "SIZE",
            "How much of the page the memory may take; 0 leaves every piece of the training text "
            "out. Default: 1M.",
        ),
    ] = "1M",
    open_it: Annotated[bool, _page(None, "Open the page in a browser.", "--open")] = False,
    quiet: Annotated[bool, _page(None, "Print only errors on stderr.", "-q", "--quiet")] = False,
) -> None:
    """Put a model into one page to write with, for any browser, without a server or a network.

    \b
    charrnn page -m runs/harbour -o story.html --open
    charrnn page -m runs/names --memory 0
    """
    max_memory = parse_size("memory", memory, may_be_zero=True)
    check_output_path("out", out)
    if open_it and out == STDOUT:
        raise ConfigError("`open_it`: a page on stdout cannot be opened; give --out a file")
    one_thread_a_product()

    from charrnn.library import load
    from charrnn.storage.atomic import write_whole

    loaded = load(model)
    assert loaded.path is not None
    run = loaded.path.resolve().parent.name or "model"
    made = loaded.page(name or run, precision=precision, max_memory=max_memory)
    data = made.text.encode()
    with open_stdout() as output:
        if out == STDOUT:
            output.write(data)
        else:
            path = out or Path(f"{run}.html")
            check_output_path("out", path)
            write_whole(path, data)
            if not quiet:
                hint = "" if open_it else "; open it in a browser"
                log(f"charrnn: {len(data) / 1e6:,.1f} MB written to {str(path)!r}{hint}")
        if made.before is not None and made.after is not None and not quiet:
            log(
                f"charrnn: {made.before:.4f} nats per character before it was packed, "
                f"{made.after:.4f} in the page"
            )
    if open_it:
        typer.launch(str(path.resolve()))
