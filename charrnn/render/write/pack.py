"""A model as bytes for a page: weights rounded, the memory cut to a size, all of it compressed.

Each array of weights has one step, a share of its standard deviation, and is stored as whole
numbers of steps. Small numbers are frequent, so they compress well: a step for each row would use
all of a byte and save nothing. Tables of n-grams take a wider step than products, because a
prediction reads only one row of each.
"""

import base64
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from charrnn.memory.gate import shipped_gate
from charrnn.memory.index import Index, build_index
from charrnn.memory.recent.lines import Lines
from charrnn.model.cells.spec import Array
from charrnn.model.checkpoint import Checkpoint

Precision = Literal["int8", "float16"]

STEPS = 4  # of a standard deviation, in weights of products
TABLE_STEPS = 2  # in tables
MOST = 127
BASE64 = 4 / 3  # characters for each byte


@dataclass(frozen=True)
class Packed:
    """A model for a page.

    Attributes:
        header: What the script must know of the arrays, and of the vocabulary.
        data: The arrays, compressed, in base64.
        rounded: The model with the weights and the memory that the page has.
    """

    header: dict[str, Any]
    data: str
    rounded: Checkpoint


def pack(checkpoint: Checkpoint, precision: Precision, max_memory: int) -> Packed:
    """Return a model for a page, with at most ``max_memory`` bytes for its memory."""
    arrays: list[tuple[str, npt.NDArray[Any], float]] = []
    rounded: dict[str, Array] = {}
    for name, array in checkpoint.arrays.items():
        stored, step = _round(name, array, precision)
        arrays.append((name, stored, step))
        rounded[name] = (stored * np.float32(step or 1)).astype(np.float32)
        if stored.dtype == np.float16:
            arrays[-1] = (name, stored.view(np.uint16), 0.0)
    index = (
        None if not max_memory or checkpoint.index is None else _cut(checkpoint.index, max_memory)
    )
    if index is not None:
        arrays.append(("index", index.followers, 0.0))
    gate = shipped_gate()
    arrays.append(("gate", gate.flat(), 0.0))
    header, data = _join(arrays)
    vocabulary = checkpoint.vocabulary
    lines = Lines(vocabulary)
    header |= {
        "config": checkpoint.config.to_json(),
        "characters": vocabulary.characters,
        "separator": vocabulary.separator,
        "end_id": -1 if vocabulary.end_id is None else vocabulary.end_id,
        "unknown_id": -1 if vocabulary.unknown_id is None else vocabulary.unknown_id,
        "letters": lines.letters[1:],
        "spaces": lines.is_space[1:],
        "figures": lines.is_figure[1:],
        "gate_hidden": gate.num_hidden,
        "precision": precision,
    }
    return Packed(header, data, replace(checkpoint, arrays=rounded, index=index))


def _round(name: str, array: Array, precision: Precision) -> tuple[npt.NDArray[Any], float]:
    """Return an array as it is stored, and its step; 0 for none."""
    if array.ndim < 2:
        return array.astype(np.float32), 0.0
    if precision == "float16":
        return array.astype(np.float16), 0.0
    steps = TABLE_STEPS if "ngrams." in name else STEPS
    step = max(float(array.std()) / steps, float(np.abs(array).max()) / MOST, 1e-12)
    return np.rint(array / step).astype(np.int8), step


def _cut(index: Index, max_bytes: int) -> Index | None:
    """Return an index of as much of its text as fits into some bytes of a page."""
    share = max_bytes / (len(gzip.compress(index.followers.tobytes(), 6)) * BASE64)
    if share >= 1:
        return index
    ids = index.text()
    num = int(len(ids) * share)
    while num:
        found = build_index(ids[:num][ids[:num] < index.vocab_size], index.vocab_size)
        if len(gzip.compress(found.followers.tobytes(), 6)) * BASE64 <= max_bytes:
            return found
        num = num * 9 // 10
    return None


def _join(arrays: list[tuple[str, npt.NDArray[Any], float]]) -> tuple[dict[str, Any], str]:
    """Return the places of arrays in their joined bytes, and the bytes in base64."""
    listed: list[Mapping[str, Any]] = []
    data = bytearray()
    for name, array, step in arrays:
        data += b"\0" * (-len(data) % 4)  # typed arrays begin at multiples of their size
        entry = {"name": name, "dtype": str(array.dtype), "at": len(data), "size": array.size}
        listed.append(entry | ({"step": step} if step else {}))
        data += np.ascontiguousarray(array).tobytes()
    return {"arrays": listed}, base64.b64encode(gzip.compress(bytes(data), 9, mtime=0)).decode()
