"""``charrnn look``: see inside a model while it reads a text."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

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
from charrnn.errors import ConfigError
from charrnn.processors import one_thread_a_product

_text = section("Text and model")
_questions = section("Questions")
_output = section("Output")


def look(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE...",
            help="Files, folders, or - for standard input, of which the first 100,000 characters "
            "count. Default: the validation part of the training text.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        _text(
            "MODEL",
            f"{MODEL_HELP} Repeat it to compare the losses and gates of models.",
            *("-m", "--model"),
        ),
    ] = None,
    encoding: Annotated[str, _text("NAME", "Encoding of the files. Default: utf-8.")] = "utf-8",
    no_memory: Annotated[
        bool,
        _text(None, "Use the networks alone, without the memory. Default: off.", "--no-memory"),
    ] = False,
    at: Annotated[
        int | None,
        _questions(
            "INT",
            "Why this character? Its number in the text: 1 is the first, -1 the last.",
        ),
    ] = None,
    find: Annotated[
        str | None,
        _questions("TEXT", "Why this character? It is the last one of the first such text."),
    ] = None,
    reach: Annotated[
        bool, _questions(None, "How far back does the model look?", "--reach")
    ] = False,
    units: Annotated[
        bool, _questions(None, "Which units follow something in the text?", "--units")
    ] = False,
    feature: Annotated[
        list[str] | None,
        _questions(
            "REGEX",
            "Also look for units that follow this: a Python regular expression whose groups, or "
            "whole matches, mark where it holds. Can be repeated.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        _output("PATH", "Write a page to explore it all in a browser; - is stdout."),
    ] = None,
    svg: Annotated[
        Path | None,
        _output("PATH", "Write what --reach or --units finds as an SVG picture; - is stdout."),
    ] = None,
    color: Annotated[
        ColorMode,
        _output(
            None,
            "When to use colours. Default: auto, which is on a terminal, subject to NO_COLOR and "
            "FORCE_COLOR.",
        ),
    ] = "auto",
    as_json: Annotated[bool, _output(None, "Print one JSON object.", "--json")] = False,
    quiet: Annotated[bool, _output(None, "Print only errors on stderr.", "-q", "--quiet")] = False,
) -> None:
    """Explain what a model predicts, how far back it looks, and what its units follow.

    \b
    charrnn look essay.txt                    # where the loss is, how gates are used
    charrnn look essay.txt --at 1042          # why this character
    charrnn look essay.txt --reach            # how far back it looks
    charrnn look essay.txt --units            # which units follow something
    charrnn look essay.txt --html look.html   # explore it all in a browser
    """
    if at is not None and find is not None:
        raise ConfigError("`at` and `find` exclude each other; give one of the two")
    if at == 0:
        raise ConfigError("`at`: there is no character 0; count from 1, or back from -1")
    if svg is not None and reach == units:
        raise ConfigError("`svg`: draws what `reach` or `units` finds; give one of the two")
    if feature and not units and html is None:
        raise ConfigError("`feature`: looks for `units`; give --units too")
    has_place = at is not None or find is not None
    is_overview = not (has_place or reach or units or html is not None)
    if len(model or []) > 1 and not is_overview:
        raise ConfigError("`model`: only losses and gates are compared; name one model")
    check_output_path("html", html)
    check_output_path("svg", svg)
    outputs = [("html", html == STDOUT), ("svg", svg == STDOUT), ("as_json", as_json)]
    to_stdout = [name for name, is_wanted in outputs if is_wanted]
    if len(to_stdout) > 1:
        raise ConfigError(f"`{to_stdout[0]}`: `{to_stdout[1]}` writes to stdout too; name a file")
    if as_json and html is not None and not (has_place or reach or units):
        raise ConfigError("`as_json`: there is no question to answer; give one, or leave it out")
    one_thread_a_product()

    from charrnn.cli.bar import progress_bar
    from charrnn.corpus.decode import Decoding
    from charrnn.corpus.find import find_files
    from charrnn.insight.features import compile_pattern
    from charrnn.insight.following import LEAST_CHARS
    from charrnn.insight.text import read_text
    from charrnn.library import load
    from charrnn.render.look.report import Report
    from charrnn.storage.atomic import write_whole

    def notice(line: str) -> None:
        if not quiet:
            log(f"charrnn: {line}")

    for pattern in feature or []:
        compile_pattern(pattern)  # report a mistake before any work
    decoding = Decoding(encoding)
    names = find_files(files or [], ["*.txt"])
    width = shutil.get_terminal_size((100, 24)).columns
    report = Report(color=wants_color(color, sys.stdout), width=width)
    wanted: list[str | None] = [*model] if model else [None]
    for each in wanted:
        loaded = load(each)
        notice(f"model {str(loaded.path)!r}")
        text = read_text(loaded.vocabulary, names, decoding, notice) if names else None
        looked = loaded.look(text, memory=not no_memory)
        place = looked.text.place(at) if at is not None else None
        place = looked.find(find) if find is not None else place
        with progress_bar("looking", quiet=quiet) as progress:
            if is_overview:
                report.add_overview(str(loaded.path), looked.overview(progress))
            if place is not None:
                report.add_prediction(looked, looked.prediction(place))
            if reach:
                report.add_reach(looked.reach(progress), looked.gates())
            found = []
            if units or (html is not None and looked.text.num_chars >= LEAST_CHARS):
                search = looked.units(feature or [], progress)
                found = search.found
                if units:
                    report.add_units(looked, search)
            if html is not None:
                report.add_page(looked, place, found, progress)
    with open_stdout() as output:
        for path, data in ((html, report.page), (svg, report.picture)):
            if path == STDOUT:
                output.write(data)
            elif path is not None:
                write_whole(path, data)
                notice(f"written to {str(path)!r}")
        if STDOUT in (html, svg):
            return
        if as_json:
            output.json(report.to_json())
        else:
            for line in report.lines():
                output.write_safe(f"{line}\n")
