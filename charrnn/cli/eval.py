"""``charrnn eval``: measure how surprising a text is to a model."""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from charrnn.cli.output import ColorMode, log, open_stdout, wants_color
from charrnn.cli.output_paths import STDOUT, check_output_path
from charrnn.cli.values import parse_size
from charrnn.errors import ConfigError
from charrnn.processors import one_thread_a_product

_TEXT, _SHOWN, _OUTPUT = "Text and model", "What is shown", "Output"


def evaluate(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE...",
            help="Files, folders, or - for standard input. Default: the validation part of the "
            "training text.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            metavar="MODEL",
            rich_help_panel=_TEXT,
            help="Model file or run directory. Default: $CHARRNN_MODEL, else the run under ./runs "
            "that was trained last.",
        ),
    ] = None,
    glob: Annotated[
        str,
        typer.Option(metavar="TEXT", rich_help_panel=_TEXT, help="Files to read in a folder."),
    ] = "*.txt",
    encoding: Annotated[
        str, typer.Option(metavar="TEXT", rich_help_panel=_TEXT, help="Encoding of the files.")
    ] = "utf-8",
    max_bytes: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            rich_help_panel=_TEXT,
            help="Stop after this many bytes of unpacked text: 500k, 20M, 1G. Default: read all.",
        ),
    ] = None,
    by: Annotated[
        Literal["file", "line", "char"] | None,
        typer.Option(
            rich_help_panel=_SHOWN,
            help="Print a row for each file, line or character as it is read. A row has nats, bits "
            "per character, number of characters, and text; with several files also file:number. "
            "The text before a line is its context. A line includes its line end. Default: one "
            "table for all.",
        ),
    ] = None,
    sort: Annotated[
        bool,
        typer.Option("--sort", rich_help_panel=_SHOWN, help="Most surprising rows of --by first."),
    ] = False,
    top: Annotated[
        int | None,
        typer.Option(
            metavar="INT",
            min=1,
            rich_help_panel=_SHOWN,
            help="Print only this many rows, the most surprising first, in bounded memory. "
            "Default: all.",
        ),
    ] = None,
    heat: Annotated[
        bool,
        typer.Option(
            "--heat",
            rich_help_panel=_SHOWN,
            help="Print the text and colour each character by its surprise; without colours, "
            "print digits below it.",
        ),
    ] = False,
    color: Annotated[
        ColorMode,
        typer.Option(
            rich_help_panel=_SHOWN,
            help="When --heat uses colours; auto: on a terminal, subject to NO_COLOR and "
            "FORCE_COLOR.",
        ),
    ] = "auto",
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            rich_help_panel=_OUTPUT,
            help="Write the heat map as an HTML page, - for stdout in place of the table.",
        ),
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            rich_help_panel=_OUTPUT,
            help="Write the heat map as an SVG picture, - for stdout in place of the table.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", rich_help_panel=_OUTPUT, help="Print one JSON object, or one for each row."
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("-q", "--quiet", rich_help_panel=_OUTPUT, help="Print only errors on stderr."),
    ] = False,
) -> None:
    """Measure how surprising a text is to a model.

    \b
    charrnn eval                      # on the validation text
    charrnn eval other.txt --json
    charrnn eval other.txt --heat --color always | less -R
    journalctl | charrnn eval - --by line --top 10
    """
    if by is None and (sort or top is not None):
        name = "sort" if sort else "top"
        raise ConfigError(f"`{name}`: orders the rows of `by`; give --by line, file or char")
    if heat and (by is not None or as_json):
        raise ConfigError("`heat`: shows the text; leave out `by` and `as_json`")
    check_output_path("html", html)
    check_output_path("svg", svg)
    wanted = [("html", html == STDOUT), ("svg", svg == STDOUT)]
    wanted += [("by", by is not None), ("heat", heat), ("as_json", as_json and by is None)]
    to_stdout = [name for name, is_wanted in wanted if is_wanted]
    if len(to_stdout) > 1:
        raise ConfigError(f"`{to_stdout[0]}`: `{to_stdout[1]}` writes to stdout too; name a file")
    one_thread_a_product()

    from charrnn.corpus.decode import Decoding
    from charrnn.corpus.find import find_files
    from charrnn.corpus.open import Limit
    from charrnn.evaluation.evaluate import EvaluationRun, View
    from charrnn.evaluation.inputs import FileTexts, Texts, ValidationText, validation_corpus
    from charrnn.library import Model
    from charrnn.model.checkpoint import read_checkpoint
    from charrnn.model.find import find_model
    from charrnn.render.heat_html import ByteWriter, Page
    from charrnn.render.heat_svg import Picture
    from charrnn.render.heat_terminal import make_heat
    from charrnn.render.views import HeatView, RowView, TableView
    from charrnn.storage.atomic import open_whole

    def notice(line: str) -> None:
        if not quiet:
            log(f"charrnn: {line}")

    limit = Limit(None if max_bytes is None else parse_size("max_bytes", max_bytes))
    decoding = Decoding(encoding)
    names = find_files(files or [], glob or ["*.txt"])
    path = find_model(model)
    loaded = Model(read_checkpoint(path))
    vocabulary, sketch = loaded.vocabulary, loaded.checkpoint.sketch
    notice(f"model {str(path)!r}")
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(open_stdout())

        def target(path: Path) -> ByteWriter:
            return output if path == STDOUT else stack.enter_context(open_whole(path))

        views: list[View] = []
        if html is not None:
            views.append(Page(target(html), vocabulary, notice))
        if svg is not None:
            views.append(Picture(target(svg), vocabulary, notice))
        several = len(names) > 1
        if by is not None:
            is_sorted = sort or top is not None
            views.append(
                RowView(
                    *(output, vocabulary, by),
                    json=as_json,
                    sort=is_sorted,
                    top=top,
                    has_places=several,
                )
            )
        elif heat:
            width = shutil.get_terminal_size((100, 24)).columns
            shown = make_heat(vocabulary, width, color=wants_color(color, sys.stdout))
            views.append(HeatView(output, shown, has_names=several))
        elif STDOUT not in (html, svg):
            views.append(TableView(output, json=as_json))
        texts: Texts
        if names:
            per_file = any(view.per_file for view in views)
            texts = FileTexts(vocabulary, names, decoding, notice, limit, sketch, per_file=per_file)
        else:
            texts = ValidationText(validation_corpus(vocabulary, path.parent), sketch)
        EvaluationRun(loaded.network, vocabulary, texts).run(views, notice)
