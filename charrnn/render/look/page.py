"""A page to explore what a model did while it read a text: one file, no network.

Every number is computed here and written into the page; the script only shows them. Bytes stand for
values between a lowest and a highest one.

Sizes: N characters shown, U units, K alternatives of each character.
"""

import base64
import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from charrnn.corpus.streams import WARM_UP_CHARS
from charrnn.evaluation.surprise import Surprise
from charrnn.insight.following import Following
from charrnn.insight.look import Look
from charrnn.insight.reading import Progress, silent
from charrnn.memory.parts import CONTEXTS, LEAST_SHARE
from charrnn.model.units import Unit
from charrnn.render.look.units import title_of
from charrnn.render.page import asset, page_head, script_data
from charrnn.text.escaping import visible
from charrnn.units import nats_to_bits

MAX_CHARS = 8_000
MAX_UNIT_BYTES = 4_500_000  # N times U
NUM_BEST = 5
NUM_PARTS = 4
NUM_MOVED = 12  # of the most surprising characters it is computed what moved them
_NOT_PREDICTED = 255
_STEPS_PER_BIT = 16


def make_page(
    look: Look, place: int | None, found: Sequence[Following], progress: Progress = silent
) -> str:
    """Return the page for a look, around a place if there is one, with units that were found."""
    text, config = look.text, look.checkpoint.config
    num_units = config.num_layers * config.num_networks * config.hidden_size
    num = min(MAX_CHARS, len(text.ids) - text.first, max(MAX_UNIT_BYTES // num_units, 500))
    middle = 0 if place is None else place
    begin = min(max(middle - num // 2, text.first), len(text.ids) - num)
    shown = slice(begin, begin + num)
    surprise = look.measured(NUM_BEST)
    progress(0.3)
    start = max(begin - WARM_UP_CHARS, 0)
    part = text.part(start, shown.stop)
    reading = look.read_units(part, [each.unit for each in found])
    units = np.concatenate([layer[begin - start :] for layer in reading.units], axis=1)  # (N, U)
    layers, size = range(len(reading.units)), range(config.hidden_size)
    names = [str(Unit(layer, number)) for layer in layers for number in size]
    progress(0.5)
    places = _surprising(surprise, shown)
    places = sorted({*places, *([] if place is None else [place])})
    moved = {}
    for done, at in enumerate(places):
        moved[at - begin] = [round(float(value), 4) for value in look.prediction(at).moved]
        progress(0.5 + 0.5 * (done + 1) / len(places))
    data = {
        "text": "".join(map(_shown, text.shown[shown])),
        "first": text.number(begin),
        "place": -1 if place is None else place - begin,
        "bits": _encode(_bits(surprise, shown)),
        "best": _best(look, surprise, shown),
        "contexts": [["networks", ""], *CONTEXTS],
        "parts": [_parts(surprise, at) for at in range(shown.start, shown.stop)],
        "units": _units(names, units),
        "gates": [
            {"values": _encode(np.rint(values[begin - start :].astype(np.float32) * 255))}
            for values in reading.watched.values()
        ],
        "moved": moved,
    }
    gate_names = [f"gate {name} of unit {unit}" for unit, name in reading.watched]
    return _html(look, found, gate_names, num, data)


def _html(
    look: Look, found: Sequence[Following], gates: list[str], num: int, data: dict[str, Any]
) -> str:
    """Return the page around its data."""
    options = [("surprise", "surprise")]
    options += [(str(each.unit), title_of(each)) for each in found]
    options += [(f"gate {number}", name) for number, name in enumerate(gates)]
    options.append(("unit", "another unit"))
    listed = "".join(
        f'<option value="{value}">{html.escape(name)}</option>' for value, name in options
    )
    total = look.text.num_chars
    words = f"{num:,} of {total:,} characters" if num < total else f"{total:,} characters"
    return (
        page_head("charrnn: look inside", asset("look.css"), has_script=True)
        + "<header>\n<h1>Inside the model</h1>\n"
        f"<p>{words}. Point at a character, or move with the arrow keys, to see what the model "
        "expected and which part of it. What moved the underlined ones is known: click, or "
        "press Enter.</p>\n"
        '<div class="controls"><label>Colour by<select id="colour">' + listed + "</select></label>"
        '<label hidden>Unit<input id="unit" value="0:0" size="8"></label></div>\n'
        '<p id="legend" aria-live="polite"></p>\n'
        "<details><summary>Keys</summary><p><kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> "
        "move, <kbd>Home</kbd> <kbd>End</kbd> first and last, <kbd>n</kbd> next underlined, "
        "<kbd>Enter</kbd> what moved it, <kbd>Esc</kbd> back, <kbd>[</kbd> <kbd>]</kbd> "
        "another colour</p></details>\n</header>\n"
        '<main><pre id="text" tabindex="0" role="application" aria-label="the text"></pre></main>\n'
        '<aside id="details" aria-live="polite"></aside>\n'
        + script_data("data", data)
        + f"<script>\n{asset('look.js')}</script>\n</body>\n</html>\n"
    )


def _surprising(surprise: Surprise, shown: slice) -> list[int]:
    """Return the places of the most surprising characters."""
    nats = np.nan_to_num(surprise.nats[shown], nan=-1.0)
    most = np.argsort(-nats, kind="stable")[:NUM_MOVED]
    return [shown.start + int(place) for place in most if nats[place] >= 0]


def _bits(surprise: Surprise, shown: slice) -> Any:
    """Return the surprise of each character as a number from 0 to 254, or 255."""
    nats = surprise.nats[shown]
    steps = np.minimum(np.rint(nats_to_bits(np.nan_to_num(nats)) * _STEPS_PER_BIT), 254)
    return np.where(np.isnan(nats), _NOT_PREDICTED, steps)


def _best(look: Look, surprise: Surprise, shown: slice) -> dict[str, Any]:
    """Return the likeliest characters of each place."""
    ids, probs = surprise.best_ids[shown], surprise.best_probs[shown]
    vocabulary, end_id = look.checkpoint.vocabulary, look.text.end_id
    symbols = [
        "\n" if id == end_id else _shown(vocabulary.decode(np.array([id])))
        for id in range(vocabulary.size)
    ]
    text = "".join([symbols[id] for id in ids.ravel().tolist()])
    return {"num": ids.shape[1], "text": text, "probs": _encode(np.rint(np.sqrt(probs) * 255))}


def _parts(surprise: Surprise, place: int) -> list[list[int]]:
    """Return the largest parts of a prediction: which, per cent, and the facts."""
    shares = surprise.shares[place]
    parts = []
    for part in np.argsort(-shares, kind="stable")[:NUM_PARTS].tolist():
        if shares[part] < LEAST_SHARE:
            break
        times, num, size, age = surprise.facts[place, part - 1].tolist() if part else (0, 0, 0, 0)
        parts.append([part, round(100 * float(shares[part])), times, num, size or age])
    return parts


def _units(names: list[str], values: Any) -> dict[str, Any]:
    """Return the values of units, shape (N, U)."""
    values = values.astype(np.float32)
    low, high = values.min(axis=0), values.max(axis=0)
    steps = (values - low) / np.maximum(high - low, 1e-6) * 255
    return {
        "names": names,
        "low": [round(float(value), 4) for value in low],
        "high": [round(float(value), 4) for value in high],
        "values": _encode(np.rint(steps).T),
    }


def _encode(values: Any) -> str:
    """Return numbers from 0 to 255 as base64."""
    return base64.b64encode(np.ascontiguousarray(values).astype(np.uint8).tobytes()).decode()


def _shown(character: str) -> str:
    """Return one character that is safe to show."""
    safe = character if character in "\n\t" else visible(character)
    return safe if len(safe) == 1 else "\ufffd"
