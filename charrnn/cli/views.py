"""The ways in which ``charrnn eval`` shows a text: rows, colours, a page, a picture, a table."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import Protocol

from charrnn.cli.output import Output, wants_color
from charrnn.evaluation.report import Evaluation
from charrnn.evaluation.surprise import Passage
from charrnn.render.heat_terminal import ColourHeat, DigitHeat
from charrnn.render.row_builders import CharCutter, FileCutter, LineCutter
from charrnn.render.rows import CharRow, FileRow, LineRow
from charrnn.text.vocabulary import Vocabulary

Row = LineRow | CharRow | FileRow


class View(Protocol):
    """Shows texts while they are measured."""

    def begin(self, name: str) -> None:
        """Take the name of the next text."""

    def take(self, passage: Passage) -> None:
        """Take what comes next of it."""

    def end_text(self) -> None:
        """Take that it has ended."""

    def end(self, evaluation: Evaluation) -> None:
        """Take the numbers of all texts."""


class RowView:
    """A row for each file, line or character, as soon as it is whole; or all at the end, sorted."""

    def __init__(
        self,
        output: Output,
        vocabulary: Vocabulary,
        by: str,
        *,
        json: bool,
        sort: bool,
    ) -> None:
        """Take what the user asked for.

        Args:
            output: Where rows go.
            vocabulary: The characters of the model.
            by: ``file``, ``line`` or ``char``.
            json: Rows are objects.
            sort: Most surprising first; of equals, the first first.
        """
        self._output = output
        self._vocabulary = vocabulary
        self._by = by
        self._json = json
        self._sort = sort
        self._kept: list[Row] = []

    def begin(self, name: str) -> None:
        """Begin a file."""
        cutters: dict[str, type[FileCutter | LineCutter | CharCutter]] = {
            "file": FileCutter,
            "line": LineCutter,
            "char": CharCutter,
        }
        self._cutter = cutters[self._by](name, self._vocabulary)

    def take(self, passage: Passage) -> None:
        """Show the rows that end in a passage."""
        self._show(self._cutter.rows(passage))

    def end_text(self) -> None:
        """Show what is left of a file."""
        self._show(self._cutter.rest())

    def end(self, evaluation: Evaluation | None = None) -> None:
        """Show the rows that were kept, sorted."""
        del evaluation
        for row in sorted(self._kept, key=lambda row: -row.surprise):
            self._write(row)

    def _show(self, rows: Iterator[Row]) -> None:
        """Show rows at once, or keep them."""
        if self._sort:
            self._kept.extend(rows)
            return
        for row in rows:
            self._write(row)
        self._output.flush()

    def _write(self, row: Row) -> None:
        """Write a row."""
        if self._json:
            self._output.json(row.to_json(self._vocabulary))
        else:
            self._output.write(row.head().encode() + b"\t" + row.tail(self._vocabulary) + b"\n")


class HeatView:
    """The text itself, in colours where they are wanted, with digits elsewhere."""

    def __init__(self, output: Output, vocabulary: Vocabulary, *, has_names: bool) -> None:
        """Take where to show texts, and whether each is to have its name above it."""
        self._output = output
        self._has_names = has_names
        self._heat: ColourHeat | DigitHeat
        if wants_color("auto", sys.stdout):
            self._heat = ColourHeat(vocabulary)
        else:
            self._heat = DigitHeat(vocabulary, shutil.get_terminal_size((100, 24)).columns)
        output.write_safe(self._heat.legend())

    def begin(self, name: str) -> None:
        """Show the name of a text."""
        if self._has_names:
            self._output.line(f"\n==> {name} <==")

    def take(self, passage: Passage) -> None:
        """Show a passage."""
        self._output.write_safe(self._heat.text(passage))
        self._output.flush()

    def end_text(self) -> None:
        """Show what is left of a text, and end its last line."""
        self._output.write_safe(self._heat.rest())
        self._output.end_line()

    def end(self, evaluation: Evaluation) -> None:
        """Show the numbers."""
        for line in evaluation.lines():
            self._output.line(line)


class TableView:
    """The numbers of all texts, as a table or as an object."""

    def __init__(self, output: Output, *, json: bool) -> None:
        """Take where they go."""
        self._output = output
        self._json = json

    def begin(self, name: str) -> None:
        """Show nothing yet."""

    def take(self, passage: Passage) -> None:
        """Show nothing yet."""

    def end_text(self) -> None:
        """Show nothing yet."""

    def end(self, evaluation: Evaluation) -> None:
        """Show the numbers."""
        if self._json:
            self._output.json(evaluation.to_json())
            return
        for line in evaluation.lines():
            self._output.line(line)
