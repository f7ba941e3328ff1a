"""``charrnn eval``: options in, numbers on standard output."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Literal

import typer

from charrnn.cli.output import log, open_stdout
from charrnn.cli.output_paths import check_target
from charrnn.cli.values import parse_size
from charrnn.errors import ConfigError
from charrnn.processors import one_thread_a_product

NUM_BEST = 5  # alternatives that are shown for a character

Unit = Literal["file", "line", "char"]


def evaluate(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE...",
            help="Files, folders, or - for standard input. Default: the validation part of the "
            "text that the model was trained on.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            help="Model file or run directory. Default: $CHARRNN_MODEL, else the run below ./runs "
            "that was trained last.",
        ),
    ] = None,
    by: Annotated[
        Unit | None,
        typer.Option(
            help="A row for each file, line or character, in order, as they are read: of a line "
            "nats, bits per character, characters and text. A file is read from its start to its "
            "end, so what came before a line counts; a line end belongs to its line."
        ),
    ] = None,
    sort: Annotated[
        bool, typer.Option("--sort", help="The rows of --by, most surprising first.")
    ] = False,
    heat: Annotated[
        bool,
        typer.Option(
            "--heat",
            help="Show the text, each character coloured by its surprise; without colours, in "
            "digits.",
        ),
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write the same as a page for a browser.")
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="Write the same as a picture.")] = None,
    glob: Annotated[
        list[str] | None,
        typer.Option(
            help="Which files of a folder; may be repeated. Default: *.txt.", show_default=False
        ),
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of the files.")] = "utf-8",
    max_bytes: Annotated[
        str | None,
        typer.Option(help="Read only so much of the files, unpacked: 500k, 20M, 1G."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object, or one for each row.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Only errors on standard error.")
    ] = False,
) -> None:
    """Tell how surprising a text is to a model.

    \b
    charrnn eval                      # on the validation text
    charrnn eval other.txt --json
    charrnn eval other.txt --heat | less -R
    journalctl | charrnn eval - --by line --sort | head
    """
    if sort and by is None:
        raise ConfigError("--sort: sorts the rows of --by; give --by line, file or char as well")
    if heat and (by is not None or as_json):
        raise ConfigError("--heat: shows the text; leave out --by and --json")

    check_target("--html", html)
    check_target("--svg", svg)
    one_thread_a_product()

    from charrnn.cli.views import HeatView, RowView, TableView, View
    from charrnn.corpus.decode import Decoding
    from charrnn.corpus.find import find_files
    from charrnn.corpus.open import Limit
    from charrnn.evaluation.inputs import FileTexts, Texts, ValidationText
    from charrnn.evaluation.reader import Reader
    from charrnn.evaluation.report import EvalTotals, validation_corpus
    from charrnn.library import Model
    from charrnn.model.checkpoint import find_model, read_checkpoint
    from charrnn.render.heat_html import Page
    from charrnn.render.heat_svg import Picture
    from charrnn.storage.atomic import open_whole

    def notice(line: str) -> None:
        if not quiet:
            log(f"charrnn: {line}")

    decoding = Decoding(encoding)
    limit = Limit(None if max_bytes is None else parse_size("max_bytes", max_bytes))
    names = find_files(files or [], glob or ["*.txt"])
    path = find_model(model)
    loaded = Model(read_checkpoint(path))
    vocabulary = loaded.vocabulary
    notice(f"model {str(path)!r}")
    has_pictures = html is not None or svg is not None
    sketch = loaded.checkpoint.sketch
    texts: Texts
    if names:
        apart = by is not None or heat or has_pictures
        texts = FileTexts(vocabulary, names, decoding, notice, limit, sketch, apart=apart)
    else:
        texts = ValidationText(validation_corpus(vocabulary, path.parent), sketch)
    with contextlib.ExitStack() as stack:
        views: list[View] = []
        if html is not None:
            views.append(Page(stack.enter_context(open_whole(html)), vocabulary))
        if svg is not None:
            views.append(Picture(stack.enter_context(open_whole(svg)), vocabulary))
        output = stack.enter_context(open_stdout())
        rows = None
        if by is not None:
            rows = RowView(output, vocabulary, by, json=as_json, sort=sort)
            views.append(rows)
        elif heat:
            views.append(HeatView(output, vocabulary, has_names=len(names) > 1))
        else:
            views.append(TableView(output, json=as_json))
        num_best = NUM_BEST if html is not None or (by == "char" and as_json) else 0
        totals = EvalTotals(vocabulary)
        for number, name in enumerate(texts.names):
            for view in views:
                view.begin(name)
            reader = Reader(loaded.network, end_id=vocabulary.end_id)
            for passage in texts.passages(number, reader, num_best):
                totals.add(passage)
                for view in views:
                    view.take(passage)
            for view in views:
                view.end_text()
        if totals.unknown:
            notice(totals.unknown_note())
        if rows is not None and not has_pictures:
            rows.end()  # of nothing, too: a filter has no numbers to tell
            return
        evaluation = texts.complete(totals.evaluation())
        for view in views:
            view.end(evaluation)
