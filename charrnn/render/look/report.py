"""All that a look found, as text, as JSON, as a picture and as a page."""

from collections.abc import Iterator, Sequence
from typing import Any

from charrnn.insight.following import Following, Search
from charrnn.insight.look import Look, Overview, Prediction
from charrnn.insight.reach import Reach
from charrnn.insight.reading import GateUse, Progress
from charrnn.render.look.overview import overview_json, overview_lines
from charrnn.render.look.pen import Pen
from charrnn.render.look.prediction import prediction_json, prediction_lines
from charrnn.render.look.reach import reach_lines, reach_picture
from charrnn.render.look.units import units_json, units_lines, units_picture
from charrnn.text.escaping import printable, to_utf8
from charrnn.units import SCHEMA, finite_or_none


class Report:
    """Collects what a look found.

    Attributes:
        page: The page, as bytes.
        picture: The curves of the reach, or the units, as SVG, as bytes.
    """

    def __init__(self, *, color: bool, width: int) -> None:
        """Begin a report with colours or without, for a terminal of some width in cells."""
        self._color, self._width = color, width
        self._sections: list[list[str]] = []
        self._json: dict[str, Any] = {"schema": SCHEMA}
        self._names: list[str] = []
        self._overviews: list[Overview] = []
        self.page = self.picture = b""

    def add_overview(self, name: str, found: Overview) -> None:
        """Add where the loss of a model is and how its gates are used."""
        self._names.append(printable(name))
        self._overviews.append(found)
        self._json.setdefault("models", []).append(overview_json(name, found))

    def add_prediction(self, look: Look, found: Prediction) -> None:
        """Add one prediction."""
        pen = self._pen(look)
        self._sections.append(list(prediction_lines(found, pen)))
        self._json["prediction"] = prediction_json(found, pen)

    def add_reach(self, found: Reach, gates: Sequence[GateUse]) -> None:
        """Add how far back the model looks, and how long its units remember."""
        self._sections.append(list(reach_lines(found, gates)))
        lives = [[finite_or_none(float(value)) for value in use.half_lives] for use in gates]
        self._json["reach"] = found.to_json() | {"half_lives": lives}
        self.picture = reach_picture(found).encode()

    def add_units(self, look: Look, found: Search) -> None:
        """Add units that follow something."""
        self._sections.append(list(units_lines(found, self._pen(look))))
        self.picture = units_picture(found, look.text, look.checkpoint.vocabulary).encode()
        self._json["units"] = units_json(found)

    def add_page(
        self, look: Look, place: int | None, found: Sequence[Following], progress: Progress
    ) -> None:
        """Add the page, with the units that were found."""
        from charrnn.render.look.page import make_page

        self.page = to_utf8(make_page(look, place, found, progress))

    def lines(self) -> Iterator[str]:
        """Yield all lines, safe for a terminal, sections apart."""
        sections = list(self._sections)
        if self._overviews:
            sections.append(list(overview_lines(self._names, self._overviews)))
        for number, section in enumerate(sections):
            yield from [""] * bool(number)
            yield from section

    def to_json(self) -> dict[str, Any]:
        """Return all as one object."""
        return self._json

    def _pen(self, look: Look) -> Pen:
        """Return what shows characters of a text."""
        vocabulary = look.checkpoint.vocabulary
        return Pen(look.text, vocabulary, color=self._color, width=self._width)
