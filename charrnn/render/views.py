"""Views of an evaluation on standard output: rows, a heat map or a table."""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, Protocol

from charrnn.evaluation.evaluate import EvaluationRun, View
from charrnn.evaluation.surprise import Passage
from charrnn.render.heat_terminal import ColorHeat, DigitHeat
from charrnn.render.rows import CharCutter, Cutter, FileCutter, LineCutter, Row
from charrnn.text.vocabulary import Vocabulary

NUM_BEST = 5  # alternatives of a character in JSON
MAX_SORTED = 100_000  # rows that are kept without ``top``

Unit = Literal["file", "line", "char"]
_CUTTERS: dict[str, type[Cutter]] = {"file": FileCutter, "line": LineCutter, "char": CharCutter}


class Sink(Protocol):
    """Where a view writes; see ``charrnn.cli.output.Output``."""

    def write(self, data: bytes) -> None:
        """Write bytes, escaped on a terminal."""

    def write_safe(self, text: str) -> None:
        """Write text that is already safe for a terminal."""

    def line(self, text: str) -> None:
        """Write one line."""

    def json(self, value: Mapping[str, Any]) -> None:
        """Write an object as one line of JSON."""

    def end_line(self) -> None:
        """End an open line."""

    def flush(self) -> None:
        """Send the buffer."""


@dataclass(eq=False)
class RowView(View):
    """A row for each file, line or character: in order as they are read, or sorted at the end.

    Attributes:
        sink: Where rows go.
        vocabulary: The characters of the model.
        by: What a row describes.
        json: Whether rows are JSON objects.
        sort: Whether the most surprising rows come first; ties keep their order.
        top: Maximum number of sorted rows, which bounds the memory; None for ``MAX_SORTED``.
        has_places: Whether text rows name the file and the line or character.
        notice: Called with one line if ``MAX_SORTED`` leaves out rows.
    """

    sink: Sink
    vocabulary: Vocabulary
    by: Unit
    _: KW_ONLY
    json: bool = False
    sort: bool = False
    top: int | None = None
    has_places: bool = False
    notice: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        """Prepare to show rows."""
        self._heap: list[tuple[float, int, Row]] = []  # the least surprising row is first
        self._num_rows = 0
        self.num_best = NUM_BEST if self.by == "char" and self.json else 0

    def begin(self, name: str) -> None:
        """Begin a file."""
        self._cutter = _CUTTERS[self.by](name, self.vocabulary)

    def take(self, passage: Passage) -> None:
        """Show the rows that end in a passage."""
        self._show(self._cutter.rows(passage))

    def end_text(self) -> None:
        """Show the last row of a file."""
        self._show(self._cutter.rest())

    def end(self, run: EvaluationRun) -> None:
        """Show the sorted rows; rows need no summary, so an empty text is not an error."""
        del run
        if self.top is None and len(self._heap) < self._num_rows:
            self.notice(
                f"the {len(self._heap):,} most surprising of {self._num_rows:,} rows are shown"
            )
        for _, _, row in sorted(self._heap, key=lambda item: item[:2], reverse=True):
            self._write(row)

    def _show(self, rows: Iterator[Row]) -> None:
        """Write rows as they come, or keep them for sorting."""
        for row in rows:
            if self.sort:
                self._keep(row)
            else:
                self._write(row)
        self.sink.flush()

    def _keep(self, row: Row) -> None:
        """Keep a row; beyond the maximum, drop the least surprising one."""
        item = (row.surprise, -self._num_rows, row)
        self._num_rows += 1
        if len(self._heap) < (self.top or MAX_SORTED):
            heapq.heappush(self._heap, item)
        else:
            heapq.heappushpop(self._heap, item)

    def _write(self, row: Row) -> None:
        """Write a row."""
        if self.json:
            self.sink.json(row.to_json())
            return
        places = [row.place()] if self.has_places and row.place() else []
        self.sink.write(b"\t".join([row.head().encode(), *places, row.tail()]) + b"\n")


class TableView(View):
    """The numbers of all texts, as a table or as a JSON object."""

    per_file = False

    def __init__(self, sink: Sink, *, json: bool = False) -> None:
        """Prepare to show numbers, as a table or with ``json`` as an object."""
        self._sink = sink
        self._json = json

    def end(self, run: EvaluationRun) -> None:
        """Show the numbers."""
        if self._json:
            self._sink.json(run.summary.to_json())
            return
        for line in run.summary.lines():
            self._sink.line(line)


class HeatView(TableView):
    """The text itself, each character in a colour or above a digit for its surprise."""

    per_file = True

    def __init__(self, sink: Sink, heat: ColorHeat | DigitHeat, *, has_names: bool) -> None:
        """Show the legend; ``has_names`` shows the name of each text above it."""
        super().__init__(sink)
        self._heat = heat
        self._has_names = has_names
        sink.write_safe(heat.legend)

    def begin(self, name: str) -> None:
        """Show the name of a text."""
        if self._has_names:
            self._sink.line(f"\n==> {name} <==")

    def take(self, passage: Passage) -> None:
        """Show a passage."""
        self._sink.write_safe(self._heat.text(passage))
        self._sink.flush()

    def end_text(self) -> None:
        """Show the rest of a text and end its last line."""
        self._sink.write_safe(self._heat.rest())
        self._sink.end_line()
