"""One file of named arrays and strings, which is refused unless it is whole.

It is a safetensors file (https://github.com/huggingface/safetensors): the length of a header in 8
bytes, the header in JSON, and the arrays one after another. Its strings are the header's
``__metadata__``; two of them are ours::

    format    what the file is, and in which version
    sha256    of the other strings and of the arrays: the format itself checks no values

The order of the arrays is fixed, larger types first and then by name, so that a header leaves
nothing open. A reader looks at the header alone first; arrays are read once the caller has seen
what they are to be. Nothing that a file says is imported, opened or run, and no more memory is
taken than the file is long, but for a header of ``MAX_HEADER_BYTES`` at most.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from charrnn.storage.atomic import open_whole

MAX_HEADER_BYTES = 1 << 21  # the characters of the largest vocabulary take half of it
MAX_JSON_VALUES = 1 << 14  # a few dozen layers and as many facts take a tenth

AnyArray = npt.NDArray[Any]

_LENGTH_BYTES = 8  # how long the header is, little-endian
_ALIGNMENT = 8  # arrays begin at a multiple of this
_DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "F32": np.dtype("<f4"),
    "I32": np.dtype("<i4"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


@dataclass(frozen=True)
class ArraySpec:
    """What an array of a file is.

    Attributes:
        dtype: Its type.
        shape: Its shape.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        """The bytes that it takes."""
        return math.prod(self.shape) * self.dtype.itemsize


def write_tensor_file(
    path: Path, form: str, strings: Mapping[str, str], arrays: Mapping[str, AnyArray]
) -> None:
    """Write a file, whole or not at all.

    Args:
        path: Where.
        form: What the file is, for ``format``.
        strings: The other strings of the header.
        arrays: The arrays by name, of a type that the format has.

    Raises:
        OSError: If that fails; an older file of that name is then untouched.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    layout = _layout({name: ArraySpec(array.dtype, array.shape) for name, array in arrays.items()})
    parts = [arrays[name].reshape(-1).view(np.uint8).data for name in layout]
    strings = {"format": form, **strings}
    digest = _begin_digest(strings)
    for part in parts:
        digest.update(part)
    metadata = {"__metadata__": {**strings, "sha256": digest.hexdigest()}}
    header = json.dumps(metadata | layout).encode()
    header += b" " * (-len(header) % _ALIGNMENT)
    with open_whole(path) as file:
        file.write(len(header).to_bytes(_LENGTH_BYTES, "little"))
        file.write(header)
        for part in parts:
            file.write(part)


@dataclass(frozen=True)
class TensorFile:
    """A file of which the header has been read and checked, and nothing else.

    Attributes:
        strings: The strings of the header.
        specs: What its arrays are, by name, in the order of the file.
    """

    strings: Mapping[str, str]
    specs: Mapping[str, ArraySpec]
    _file: IO[bytes]

    def json(self, name: str) -> Any:
        """Return the value of a string that is JSON.

        Raises:
            ValueError: If the header has no such string, or it is no JSON.
        """
        text = self.strings.get(name)
        if text is None:
            raise ValueError(f"its header has no {name}")
        return parse_json(text)

    def read_arrays(self) -> dict[str, AnyArray]:
        """Return the arrays; they share one piece of memory, which is as long as they are.

        Raises:
            ValueError: If they are not those that were written.
        """
        data = np.empty(sum(spec.num_bytes for spec in self.specs.values()), np.uint8)
        if self._file.readinto(data.data) != len(data):  # type: ignore[attr-defined]
            raise ValueError("it is cut short")
        digest = _begin_digest(self.strings)
        digest.update(data.data)
        if digest.hexdigest() != self.strings.get("sha256"):
            raise ValueError("its content does not fit its checksum")
        arrays, begin = {}, 0
        for name, spec in self.specs.items():
            part = data[begin : begin + spec.num_bytes]
            arrays[name] = part.view(spec.dtype).reshape(spec.shape)
            begin += spec.num_bytes
        return arrays


@contextlib.contextmanager
def open_tensor_file(path: Path, form: str) -> Iterator[TensorFile]:
    """Open a file and read its header.

    Args:
        path: A regular file, or a link to one.
        form: The ``format`` that it must have.

    Raises:
        OSError: If there is no such file, or it is none, such as a folder, pipe or device.
        ValueError: If it is damaged, of another format, or of another program.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a file")
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        room = status.st_size - _LENGTH_BYTES
        if room < 0 or length > room:
            raise ValueError("it is cut short, or no safetensors file")
        if length > MAX_HEADER_BYTES:
            raise ValueError("its header is too long")
        header = parse_json(file.read(length).decode(errors="replace"))
        strings = header.pop("__metadata__", None) if isinstance(header, dict) else None
        if not isinstance(strings, dict) or not _is_kin(strings.get("format"), form):
            raise ValueError(f"it is no {form.partition(' ')[0]} file")
        if strings["format"] != form:
            raise ValueError(f"its format is {strings['format']!r}, this program reads {form!r}")
        for name, text in strings.items():
            if not isinstance(text, str):
                raise ValueError(f"its header has no proper {name}")
        specs = {name: _spec(entry) for name, entry in header.items()}
        layout = _layout(specs)
        if layout != header:
            raise ValueError("its header places arrays where they cannot be")
        if sum(spec.num_bytes for spec in specs.values()) != room - length:
            raise ValueError("its arrays are not as long as its header says")
        yield TensorFile(strings, {name: specs[name] for name in layout}, file)


def parse_json(text: str) -> Any:
    """Return the value of JSON that a stranger wrote.

    Raises:
        ValueError: If it is no JSON, says a thing twice, is nested too deeply, or has so many parts
            that they would take much more memory than the text.
    """
    if len(re.findall(r"[\[{,]", text)) > MAX_JSON_VALUES:
        raise ValueError("its header has too many parts")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError:
        raise ValueError("its header is no JSON") from None
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; two values of one name, of which readers differ, are refused."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("its header says a thing twice")
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    """Refuse what Python takes for a number and JSON does not."""
    raise ValueError(f"its header has {name}, which is no number")


def _is_kin(form: object, wanted: str) -> bool:
    """Return whether a format is one of the same program, of whatever kind and version."""
    return isinstance(form, str) and form.startswith(wanted.partition(" ")[0] + " ")


def _spec(entry: object) -> ArraySpec:
    """Return what an entry of the header says of an array."""
    match entry:
        case {"dtype": str(name), "shape": list(shape), "data_offsets": list(_)}:
            if name in _DTYPES and all(type(size) is int and 0 <= size < 1 << 48 for size in shape):
                return ArraySpec(_DTYPES[name], tuple(shape))
    raise ValueError("its header does not describe its arrays")


def _layout(specs: Mapping[str, ArraySpec]) -> dict[str, dict[str, Any]]:
    """Return the entries of arrays in a header, in the order of the file."""
    layout, end = {}, 0
    for name in sorted(specs, key=lambda name: (-specs[name].dtype.itemsize, name)):
        spec = specs[name]
        begin, end = end, end + spec.num_bytes
        layout[name] = {
            "dtype": _NAMES[spec.dtype],
            "shape": list(spec.shape),
            "data_offsets": [begin, end],
        }
    return layout


def _begin_digest(strings: Mapping[str, str]) -> Any:
    """Return the checksum of a file's strings but itself, to be updated with its arrays."""
    others = {name: text for name, text in strings.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode())


def _open_at_once(name: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to is not waited for."""
    return os.open(name, flags | os.O_NONBLOCK)
