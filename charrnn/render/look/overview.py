"""Where the loss of a model is and how its gates are used, as text and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from charrnn.insight.errors import Kind
from charrnn.insight.look import Overview
from charrnn.insight.reading import GateUse
from charrnn.units import finite_or_none

_QUANTILES = (0.1, 0.5, 0.9)


def overview_lines(names: Sequence[str], found: Sequence[Overview]) -> Iterator[str]:
    """Yield the lines on one model, or on several side by side."""
    has_many = len(found) > 1
    if has_many:
        yield from (f"model {number}: {name}" for number, name in enumerate(names))
        yield ""
    yield "Where the loss is: nats per character, share of the loss, nats without the memory"
    heads = [f"model {number}" if has_many else "nats" for number in range(len(found))]
    cells = (f"{head:>10}{'share':>7}{'networks':>10}" for head in heads)
    yield f"{'':20}{'characters':>11}" + "".join(cells)
    rows = list(dict.fromkeys(kind.name for each in found for kind in each.kinds))
    for name in rows:
        yield _row(name, found)
    totals = [(_all(each.kinds), _all(each.kinds_without_memory)) for each in found]
    line = "".join(f"{a.nats_per_char:10.4f}{'':7}{b.nats_per_char:10.4f}" for a, b in totals)
    yield f"{'all':20}{totals[0][0].chars:11,}{line}"
    yield ""
    yield "Gates: how often they are shut (below 0.1) or open (above 0.9), and after how long"
    yield "half of what a unit holds is left"
    for number, each in enumerate(found):
        for layer, use in enumerate(each.gates):
            of = f"model {number}, " if has_many else ""
            if not use.shut:
                yield f"  {of}layer {layer}: no gates; every step writes the whole state anew"
                continue
            gates = ", ".join(
                f"{name} {use.shut[name]:.0%} shut {use.open[name]:.0%} open" for name in use.shut
            )
            yield f"  {of}layer {layer}: {gates}; {life_words(use)}"


def life_words(use: GateUse) -> str:
    """Return the half-lives of the units of a layer, as words."""
    low, middle, high = np.quantile(use.half_lives, _QUANTILES)
    return f"{low:.1f}, {middle:.1f}, {high:.1f} characters (10 %, half, 90 % of units)"


def _row(name: str, found: Sequence[Overview]) -> str:
    """Return the row of one kind of characters."""
    line, chars = "", 0
    for each in found:
        kind, bare = _kind(each.kinds, name), _kind(each.kinds_without_memory, name)
        if not kind.chars:
            line += f"{'-':>10}{'-':>7}{'-':>10}"
            continue
        chars = chars or kind.chars
        share = kind.nats / (_all(each.kinds).nats or 1.0)
        line += f"{kind.nats_per_char:10.4f}{share:7.1%}{bare.nats_per_char:10.4f}"
    return f"{name:20}{chars:11,}{line}"


def _kind(kinds: Sequence[Kind], name: str) -> Kind:
    """Return the kind of a name; an empty one if a model does not tell it."""
    return next((kind for kind in kinds if kind.name == name), Kind(name, 0, 0.0))


def _all(kinds: Sequence[Kind]) -> Kind:
    """Return all kinds as one."""
    return Kind("all", sum(kind.chars for kind in kinds), sum(kind.nats for kind in kinds))


def overview_json(name: str, found: Overview) -> dict[str, Any]:
    """Return one model as an object."""
    pairs = zip(found.kinds, found.kinds_without_memory, strict=True)
    return {
        "model": name,
        "kinds": [
            {
                "kind": kind.name,
                "chars": kind.chars,
                "nats": kind.nats,
                "nats_without_memory": b.nats,
            }
            for kind, b in pairs
        ],
        "gates": [
            {
                "shut": use.shut,
                "open": use.open,
                "half_lives": [finite_or_none(float(v)) for v in use.half_lives],
            }
            for use in found.gates
        ],
    }
