"""Files of named arrays and strings, checked completely before use.

The format is safetensors (https://github.com/huggingface/safetensors): the length of the header in
8 bytes, the header in JSON, and then the arrays. Strings are kept in the header's ``__metadata__``.
Two of them belong to this module::

    format    the kind of the file and its version
    sha256    the checksum of the other strings and of the arrays, which safetensors itself lacks

The order of the arrays is fixed, larger types first and then by name, so that equal content gives
equal files. A reader sees the header first and loads the arrays once it has checked their types and
shapes. Reading never imports, opens or runs anything that a file names, and it allocates at most
the length of the file and ``MAX_HEADER_BYTES``.
"""

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

MAX_HEADER_BYTES = 1 << 21  # twice the characters of the largest vocabulary
MAX_JSON_VALUES = 1 << 14  # ten times the header of a model with dozens of layers

AnyArray = npt.NDArray[Any]

_LENGTH_BYTES = 8  # little-endian
_ALIGNMENT = 8  # bytes; the arrays begin at a multiple
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
    """Type and shape of an array in a file.

    Attributes:
        dtype: The type of its elements.
        shape: The length of each axis.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        """The size of the array in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def write_tensor_file(
    path: Path, form: str, strings: Mapping[str, str], arrays: Mapping[str, AnyArray]
) -> None:
    """Write a file atomically, with arrays by name, of types that safetensors has.

    The header has the given strings and ``form``, the kind and version of the file, as ``format``.

    Raises:
        OSError: If writing fails; an older file of that name then stays as it was.
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
    """An open file whose header has been checked and whose arrays have not been read.

    Attributes:
        strings: The strings of the header.
        specs: The type and shape of each array by name, in the order of the file.
    """

    strings: Mapping[str, str]
    specs: Mapping[str, ArraySpec]
    _file: IO[bytes]

    def json(self, name: str) -> Any:
        """Return the value of a header string that holds JSON.

        Raises:
            ValueError: If the string is missing or not JSON.
        """
        text = self.strings.get(name)
        if text is None:
            raise ValueError(f"its header has no {name}")
        return parse_json(text)

    def read_arrays(self) -> dict[str, AnyArray]:
        """Read the arrays, which are views of one buffer.

        Raises:
            ValueError: If the checksum does not match.
        """
        data = np.empty(sum(spec.num_bytes for spec in self.specs.values()), np.uint8)
        if self._file.readinto(data.data) != len(data):  # type: ignore[attr-defined]
            raise ValueError("it is cut short")
        digest = _begin_digest(self.strings)
        digest.update(data.data)
        if digest.hexdigest() != self.strings.get("sha256"):
            raise ValueError("its content does not match its checksum")
        arrays, begin = {}, 0
        for name, spec in self.specs.items():
            part = data[begin : begin + spec.num_bytes]
            arrays[name] = part.view(spec.dtype).reshape(spec.shape)
            begin += spec.num_bytes
        return arrays


@contextlib.contextmanager
def open_tensor_file(path: Path, form: str) -> Iterator[TensorFile]:
    """Open a regular file, or a link to one, and read its header, which must have this ``format``.

    Raises:
        OSError: If the file is missing, or is a folder, pipe or device.
        ValueError: If it is damaged, or has another format.
    """
    with open(path, "rb", opener=_open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a file")
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        room = status.st_size - _LENGTH_BYTES
        if room < 0 or length > room:
            raise ValueError("it is cut short, or not a safetensors file")
        if length > MAX_HEADER_BYTES:
            raise ValueError("its header is too long")
        header = parse_json(file.read(length).decode(errors="replace"))
        strings = header.pop("__metadata__", None) if isinstance(header, dict) else None
        if not isinstance(strings, dict) or not _is_same_program(strings.get("format"), form):
            raise ValueError(f"it is not a {form.partition(' ')[0]} file")
        if strings["format"] != form:
            raise ValueError(f"its format is {strings['format']!r}, this program reads {form!r}")
        for name, text in strings.items():
            if not isinstance(text, str):
                raise ValueError(f"in its header {name} is not a string")
        specs = {name: _spec(entry) for name, entry in header.items()}
        layout = _layout(specs)
        if layout != header:
            raise ValueError("its header gives wrong offsets of arrays")
        if sum(spec.num_bytes for spec in specs.values()) != room - length:
            raise ValueError("its size does not match its header")
        yield TensorFile(strings, {name: specs[name] for name in layout}, file)


def parse_json(text: str) -> Any:
    """Parse untrusted JSON.

    Raises:
        ValueError: If it is not JSON, repeats a name, is nested too deeply, or has more than
            ``MAX_JSON_VALUES`` values, which would take much more memory than the text.
    """
    if len(re.findall(r"[\[{,]", text)) > MAX_JSON_VALUES:
        raise ValueError("its header has too many values")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError:
        raise ValueError("its header is not JSON") from None
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; refuse repeated names, which parsers treat differently."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("its header repeats a name")
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    """Refuse NaN and infinities, which Python accepts and JSON does not."""
    raise ValueError(f"its header has {name}, which is not a number")


def _is_same_program(form: object, wanted: str) -> bool:
    """Return whether two formats belong to one program, whatever their kind and version."""
    return isinstance(form, str) and form.startswith(wanted.partition(" ")[0] + " ")


def _spec(entry: object) -> ArraySpec:
    """Return the type and shape that a header entry gives."""
    match entry:
        case {"dtype": str(name), "shape": list(shape), "data_offsets": list(_)}:
            if name in _DTYPES and all(type(size) is int and 0 <= size < 1 << 48 for size in shape):
                return ArraySpec(_DTYPES[name], tuple(shape))
    raise ValueError("its header does not describe its arrays")


def _layout(specs: Mapping[str, ArraySpec]) -> dict[str, dict[str, Any]]:
    """Return the header entries of arrays, in the order of the file."""
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
    """Return a hash of the strings except the checksum, ready for the arrays."""
    others = {name: text for name, text in strings.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode())


def _open_without_waiting(name: str, flags: int) -> int:
    """Open a file without waiting for the writer of a pipe."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
