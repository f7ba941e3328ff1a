"""``charrnn eval``: measure how surprising a text is to a model."""

import contextlib
import shutil
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from charrnn.cli.command import MODEL_HELP, section
from charrnn.cli.output import (
    STDOUT,
    ColorMode,
    check_output_path,
    log,
    open_stdout,
    wants_color,
)
from charrnn.cli.values import parse_size
from charrnn.errors import ConfigError
from charrnn.processors import one_thread_a_product

_text = section("Text and model")
_shown = section("What is shown")
_output = section("Output")


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
    model: Annotated[str | None, _text("MODEL", MODEL_HELP, "-m", "--model")] = None,
    glob: Annotated[
        list[str] | None,
        _text("PATTERN", "Which files of a folder to read; can be repeated. Default: *.txt."),
    ] = None,
    encoding: Annotated[str, _text("NAME", "Encoding of the files. Default: utf-8.")] = "utf-8",
    max_bytes: Annotated[
        str | None,
        _text("SIZE", "Read at most this much text, unpacked: 500k, 20M, 1G. Default: all."),
    ] = None,
    no_memory: Annotated[
        bool,
        _text(None, "Use the networks alone, without the memory. Default: off.", "--no-memory"),
    ] = False,
    by: Annotated[
        Literal["file", "line", "char"] | None,
        _shown(
            None,
            "Print a row for each file, line or character as it is read: nats, bits per character, "
            "number of characters, and text; with several files also file:number. The text before "
            "a line is its context. A line includes its line end. Default: one table for all.",
        ),
    ] = None,
    sort: Annotated[
        bool, _shown(None, "Print the most surprising rows of --by first.", "--sort")
    ] = False,
    top: Annotated[
        int | None,
        _shown("INT", "Print only this many rows, the most surprising first. Default: all.", min=1),
    ] = None,
    heat: Annotated[
        bool,
        _shown(
            None,
            "Print the text and colour each character by its surprise; without colours, print "
            "digits below it.",
            "--heat",
        ),
    ] = False,
    color: Annotated[
        ColorMode,
        _shown(
            None,
            "When --heat uses colours. Default: auto, which is on a terminal, subject to NO_COLOR "
            "and FORCE_COLOR.",
        ),
    ] = "auto",
    html: Annotated[
        Path | None,
        _output("PATH", "Write the heat map as an HTML page; - is stdout instead of the table."),
    ] = None,
    svg: Annotated[
        Path | None,
        _output("PATH", "Write the heat map as an SVG picture; - is stdout instead of the table."),
    ] = None,
    as_json: Annotated[
        bool, _output(None, "Print one JSON object, or one for each row.", "--json")
    ] = False,
    quiet: Annotated[bool, _output(None, "Print only errors on stderr.", "-q", "--quiet")] = False,
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
    from charrnn.evaluation.evaluate import View
    from charrnn.library import load
    from charrnn.render.heat import ByteWriter
    from charrnn.render.heat_html import Page
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
    has_names = len(names) > 1
    loaded = load(model)
    vocabulary = loaded.vocabulary
    notice(f"model {str(loaded.path)!r}")
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(open_stdout())

        def target(path: Path) -> ByteWriter:
            return output if path == STDOUT else stack.enter_context(open_whole(path))

        views: list[View] = []
        if html is not None:
            views.append(Page(target(html), vocabulary, notice))
        if svg is not None:
            views.append(Picture(target(svg), vocabulary, notice))
        if by is not None:
            is_sorted = sort or top is not None
            rows = RowView(
                output,
                vocabulary,
                by,
                json=as_json,
                sort=is_sorted,
                top=top,
                has_places=has_names,
                notice=notice,
            )
            views.append(rows)
        elif heat:
            width = shutil.get_terminal_size((100, 24)).columns
            shown = make_heat(vocabulary, width, color=wants_color(color, sys.stdout))
            views.append(HeatView(output, shown, has_names=has_names))
        elif STDOUT not in (html, svg):
            views.append(TableView(output, json=as_json))
        loaded.evaluate(
            names, views, decoding=decoding, limit=limit, memory=not no_memory, notice=notice
        )
