"""``charrnn eval``: options in, numbers on standard output."""

from __future__ import annotations

from typing import Annotated

import typer

from charrnn.cli.output import product, say


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
    glob: Annotated[str, typer.Option(help="Which files of a folder.")] = "*.txt",
    encoding: Annotated[str, typer.Option(help="Of the files.")] = "utf-8",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Only errors on standard error.")
    ] = False,
) -> None:
    """Tell how surprising a text is to a model.

    \b
    charrnn eval                      # on the validation text
    charrnn eval other.txt --json
    """
    from charrnn.evaluation.report import evaluate_corpus, evaluate_pieces
    from charrnn.library import Model
    from charrnn.model.checkpoint import find_model, read_checkpoint
    from charrnn.text.documents import read_pieces
    from charrnn.text.reading import Decoding, find_files

    def notice(line: str) -> None:
        if not quiet:
            say(f"charrnn: {line}")

    decoding = Decoding(encoding)
    names = find_files(files or [], glob)
    path = find_model(model)
    loaded = Model(read_checkpoint(path))
    sketch = loaded.checkpoint.sketch
    notice(f"model {str(path)!r}")
    if files:
        if loaded.vocabulary.is_bytes:
            decoding = Decoding(is_bytes=True)
        pieces = read_pieces(names, decoding, loaded.vocabulary.separator, notice)
        report = evaluate_pieces(loaded.network, loaded.vocabulary, pieces, sketch)
    else:
        report = evaluate_corpus(loaded.network, loaded.vocabulary, path.parent, sketch)
    if report.unknown:
        notice(report.unknown_note(loaded.vocabulary))
    with product() as output:
        if as_json:
            output.json(report.to_json())
        else:
            for line in report.lines():
                output.line(line)
