"""Damage to model files: make one hostile input from a few good files and a seed."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from typing import Any

WIDTHS = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1}
INTERESTING: list[Any] = [
    *[0, 1, 2, 3, -1, 7, 64, 255, 65_536, 65_537, 1 << 24, 1 << 31, 1 << 32, 1 << 48, 1 << 62],
    *[(1 << 63) - 1, 1 << 64, 10**18, 10**300, 1.0, 2.5, 1e308, -0.0, float("inf"), float("nan")],
    *["", "a", "ab", "\x00", "\n", "\x1b[2J", "\ud800", "\U0001f600", "charrnn 1", "charrnn 2"],
    *["tanh", "relu", "rnn", "lstm", "gru", "mingru", "plain", "residual", "F32", "F64", "BF16"],
    *["U8", "BOOL", "I64", "index", "output.bias", "[" * 2000, "{}", "null", "NaN", "9" * 5000],
    *[True, False, None, [], {}, [[]], [0], [2], [2, 2], [-1], [0, 0], {"a": 1}, [None], [1] * 40],
]


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header of a good file, its nested JSON parsed, and the bytes of its arrays."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    for name in ("config", "vocabulary", "about"):
        header["__metadata__"][name] = json.loads(header["__metadata__"][name])
    return header, data[end:]


def random_path(rng: random.Random, value: Any) -> list[Any]:
    """Return the path to a random nested value; outer values are as likely as inner ones."""
    path: list[Any] = []
    while isinstance(value, dict | list) and value and not (path and rng.random() < 0.3):
        path.append(
            rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        )
        value = value[path[-1]]
    return path


def change_value(rng: random.Random, header: dict[str, Any]) -> None:
    """Change one value somewhere in a header."""
    if rng.random() < 0.7:  # arrays fill most of a header, but most checks concern the rest
        header = header.get("__metadata__", header)
        if not isinstance(header, dict):
            return
    path = random_path(rng, header)
    if not path:
        return
    holder: Any = header
    for step in path[:-1]:
        holder = holder[step]
    name = path[-1]
    old = holder[name] if isinstance(holder, list) else holder.get(name)
    match rng.randrange(8):
        case 0:
            del holder[name]
        case 1 if isinstance(holder, dict):
            holder[rng.choice([*map(str, INTERESTING[:30]), *holder])] = holder.pop(name)
        case 2 if isinstance(holder, dict):
            holder[str(rng.choice(INTERESTING))] = copy.deepcopy(old)
        case 3 if isinstance(old, int):
            holder[name] = old + rng.choice([-1, 1, 2, 1 << 32, -old])
        case 4 if isinstance(old, str):
            cut = rng.randrange(len(old) + 1)
            holder[name] = old[:cut] + str(rng.choice(INTERESTING)) + old[cut:]
        case 5 if isinstance(holder, dict):
            holder[name] = copy.deepcopy(rng.choice(list(holder.values())))
        case _:
            holder[name] = copy.deepcopy(rng.choice(INTERESTING))


def mend_offsets(header: dict[str, Any], tensors: bytes) -> bytes:
    """Make the offsets of well-described arrays consistent; return array bytes of that length."""
    entries = {
        name: entry
        for name, entry in header.items()
        if name != "__metadata__"
        and isinstance(entry, dict)
        and WIDTHS.get(str(entry.get("dtype")))
        and isinstance(entry.get("shape"), list)
        and all(type(size) is int and 0 <= size < 4096 for size in entry["shape"])
    }
    end = 0
    for name in sorted(entries, key=lambda name: (-WIDTHS[entries[name]["dtype"]], name)):
        length = WIDTHS[entries[name]["dtype"]]
        for size in entries[name]["shape"]:
            length = min(length * size, 1 << 16)
        entries[name]["data_offsets"] = [end, end + length]
        end += length
    return (tensors + bytes(max(end - len(tensors), 0)))[:end]


def join(rng: random.Random, header: dict[str, Any], tensors: bytes) -> bytes:
    """Return a file, usually with a correct checksum."""
    strings = header.get("__metadata__")
    if isinstance(strings, dict):
        for name in ("config", "vocabulary", "about"):
            if name in strings and not isinstance(strings[name], str):
                strings[name] = json.dumps(strings[name])
        if rng.random() < 0.9:
            others = {name: text for name, text in strings.items() if name != "sha256"}
            digest = hashlib.sha256(json.dumps(others, sort_keys=True).encode())
            digest.update(tensors)
            strings["sha256"] = digest.hexdigest()
    text = json.dumps(header)
    if rng.random() < 0.03:  # a duplicate key
        text = text.replace('"shape"', '"dtype": "U8", "shape"', 1)
    data = text.encode()
    return len(data).to_bytes(8, "little") + data + tensors


def change_bytes(rng: random.Random, data: bytes, files: list[bytes]) -> bytes:
    """Cut, insert, overwrite, splice or flip bytes of a file."""
    begin, length = rng.randrange(len(data)), rng.choice([1, 1, 2, 4, 8, 100])
    end = begin + length
    match rng.randrange(8):
        case 0:
            return data[:begin]
        case 1:
            return data[:begin] + data[end:]
        case 2:
            return data[:begin] + rng.randbytes(length) + data[begin:]
        case 3:
            return data[:begin] + rng.randbytes(length) + data[end:]
        case 4:
            other = rng.choice(files)
            return data[:begin] + other[rng.randrange(len(other)) :]
        case 5:
            size = rng.choice([0, 1, 7, 8, 1 << 21, 1 << 31, 1 << 63, (1 << 64) - 1, len(data)])
            return (size + rng.choice([-1, 0, 1])).to_bytes(16, "little", signed=True)[:8] + data[
                8:
            ]
        case 6:
            return data[:begin] + rng.choice([b"[", b"{", b'"', b"\\", b",", b"\xff"]) * length
        case _:
            return data[:begin] + bytes([data[begin] ^ 1 << rng.randrange(8)]) + data[begin + 1 :]


def change_arrays(rng: random.Random, tensors: bytes) -> bytes:
    """Overwrite some bytes of the arrays."""
    begin = rng.randrange(len(tensors) // 4) * 4
    nan, inf = b"\0\0\xc0\x7f", b"\0\0\x80\xff"
    new = rng.choice([nan, inf, b"\xff" * 4, bytes(4), rng.randbytes(4), rng.randbytes(20)])
    return (tensors[:begin] + new + tensors[begin + len(new) :])[: len(tensors)]


def make_input(seed: int, files: list[bytes]) -> tuple[bytes, bool]:
    """Return an input, and whether its checksum may be correct."""
    rng = random.Random(seed)
    data = rng.choice(files)
    kind = rng.random()
    if kind < 0.25:
        for _ in range(rng.choice([1, 1, 2, 5])):
            data = change_bytes(rng, data, files) or b"\0"
        return data, False
    header, tensors = split(data)
    if kind < 0.45:
        tensors = change_arrays(rng, tensors)
    else:
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            change_value(rng, header)
        if rng.random() < 0.8:
            tensors = mend_offsets(header, tensors)
    return join(rng, header, tensors), True
