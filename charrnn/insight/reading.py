"""Read a text with a watched model: every unit at every place, gates, and how long units remember.

The text is cut into streams that are read side by side. Each stream first reads the
``WARM_UP_CHARS`` characters before it.

Sizes: N places, B streams, T time steps, L layers of all networks, H hidden units.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.corpus.streams import WARM_UP_CHARS
from charrnn.insight.text import Text
from charrnn.insight.watch import Updates, Watched
from charrnn.model.cells.spec import Array
from charrnn.model.predictor import State
from charrnn.model.units import Unit

NUM_STREAMS = 64
SEQ_LENGTH = 32
SHUT, OPEN = 0.1, 0.9  # a gate beyond these is saturated (A. Karpathy et al., arXiv:1506.02078)

Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Progress = Callable[[float], None]
"""Takes the share of the work that is done, 0 to 1."""


def silent(share: float) -> None:
    """Report no progress."""
    del share


@dataclass(frozen=True)
class GateUse:
    """How often the gates of a layer were shut or open, and how long its units remember.

    Attributes:
        shut: The share of places and units at which a gate was below ``SHUT``, by its letter.
        open: The share at which it was above ``OPEN``.
        half_lives: After how many characters half of what a unit holds is left, as observed,
            shape (H,): ``ln 2 / -mean(ln keep)``. Infinite for a unit that forgot nothing.
    """

    shut: dict[str, float]
    open: dict[str, float]
    half_lives: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """What was seen while a text was read.

    Attributes:
        units: The output of each unit of a layer after each place, shape (N, H), float16, for
            each of L layers; none if they were not asked for.
        gates: The gates of each of L layers.
        watched: The gates of chosen units at each place, shape (N,), by unit and gate.
    """

    units: list[npt.NDArray[np.float16]]
    gates: list[GateUse]
    watched: dict[tuple[Unit, str], npt.NDArray[np.float16]]


def read_units(
    model: Watched,
    text: Text,
    *,
    keep: bool = True,
    watched: Sequence[Unit] = (),
    progress: Progress = silent,
) -> Reading:
    """Read a text; keep the output of every unit if asked to, and the gates of chosen units."""
    shape = len(text.ids), model.config.hidden_size
    units = [np.zeros(shape, np.float16) for _ in range(model.num_layers * keep)]
    totals: list[dict[str, Any]] = [{} for _ in range(model.num_layers)]
    gates: dict[tuple[Unit, str], npt.NDArray[np.float16]] = {}
    for places, is_inside, updates in _read_streams(model, text, progress):
        where = places[is_inside]
        for layer, steps in enumerate(updates):
            if keep:
                outputs = np.stack([step.output for step in steps], axis=1)  # (B, T, H)
                units[layer][where] = outputs[is_inside]
            for column, step in enumerate(steps):
                _add_up(totals[layer], step.gates, step.keep, is_inside[:, column])
        for unit in watched:
            for column, step in enumerate(updates[unit.layer]):
                for name, values in step.gates.items():
                    kept = gates.setdefault((unit, name), np.zeros(shape[0], np.float16))
                    rows = is_inside[:, column]
                    kept[places[rows, column]] = values[rows, unit.number]
    return Reading(units, [_gate_use(total) for total in totals], gates)


def _read_streams(
    model: Watched, text: Text, progress: Progress
) -> Iterator[tuple[Places, Flags, Updates]]:
    """Yield windows of a text: the places read, which of them count, both (B, T), and updates."""
    num = len(text.ids)
    length = max(-(-num // NUM_STREAMS), min(num, SEQ_LENGTH))
    begins = np.arange(0, num, length)
    state = model.initial_state(len(begins))
    ends = np.minimum(begins + length, num)[:, None]
    for start in range(-WARM_UP_CHARS, length, SEQ_LENGTH):
        window = begins[:, None] + np.arange(start, min(start + SEQ_LENGTH, length))
        ids = text.ids[np.clip(window, 0, num - 1)]
        is_start = (window == 0) | ((ids == text.end_id) & (window > 0))
        for part, fresh in until_starts(is_start):
            _, state, updates = model.forward(ids[:, part], reset(state, fresh))
            places = window[:, part]
            yield places, (places >= begins[:, None]) & (places < ends), updates
        progress((start + WARM_UP_CHARS) / (length + WARM_UP_CHARS))
    progress(1.0)


def until_starts(is_start: Flags) -> Iterator[tuple[slice, Flags]]:
    """Cut a window, (B, T), before each step at which a text or document begins in some stream.

    Yields:
        Steps that are read together, and in which streams one begins with them, shape (B,).
    """
    cuts = np.flatnonzero(is_start.any(axis=0))
    bounds = sorted({0, *cuts.tolist(), is_start.shape[1]})
    for begin, end in itertools.pairwise(bounds):
        yield slice(begin, end), is_start[:, begin]


def reset(state: State, rows: Flags) -> State:
    """Return a state with zeros in some rows."""
    if not rows.any():
        return state
    # Transposed, the last axis of any array is that of the streams.
    return tuple(tuple(np.where(rows, 0, array.T).T for array in part) for part in state)


def _add_up(total: dict[str, Any], gates: Any, keep: Array, rows: Flags) -> None:
    """Add the gates of one step of one layer to the sums of that layer."""
    total["places"] = total.get("places", 0) + int(rows.sum())
    logs = np.log(np.maximum(keep[rows], np.finfo(np.float32).tiny)).sum(axis=0, dtype=np.float64)
    total["logs"] = total.get("logs", 0) + logs
    shares = total.setdefault("gates", {})
    for name, values in gates.items():
        values = values[rows]
        found = np.array([(values < SHUT).sum(), (values > OPEN).sum()])
        shares[name] = shares.get(name, 0) + found


def _gate_use(total: dict[str, Any]) -> GateUse:
    """Return the means of the sums of one layer."""
    size = len(total["logs"])
    num = max(total["places"] * size, 1)
    with np.errstate(divide="ignore"):
        half_lives = np.log(2) / np.maximum(-total["logs"] / max(total["places"], 1), 0)
    shut = {name: float(counts[0]) / num for name, counts in total["gates"].items()}
    is_open = {name: float(counts[1]) / num for name, counts in total["gates"].items()}
    return GateUse(shut, is_open, half_lives)
