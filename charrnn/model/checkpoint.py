"""The model file: all that sampling and evaluation need, in one file that can be shared.

A safetensors file: float32 weights under the names that ``parameter_shapes`` gives, and in the
header these strings::

    format        "charrnn 1"
    sha256        of the other strings and of the bytes that follow the header, because the format
                  itself checks no values
    config        the sizes, JSON
    vocabulary    the characters, JSON
    about         when and how it was trained, JSON; nothing in it is needed to run the model

Nothing that a file says is imported, opened or run, and nothing is allocated before the sizes that
the header claims have been held against the bytes that are there.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from charrnn.errors import CheckpointError
from charrnn.files import write_whole
from charrnn.model.cells import Array
from charrnn.model.config import ModelConfig, parameter_shapes
from charrnn.text.vocabulary import Vocabulary

MODEL_NAME = "model.safetensors"
FORMAT = "charrnn 1"
MODEL_VARIABLE = "CHARRNN_MODEL"
RUNS = Path("runs")

_LENGTH_BYTES = 8  # a safetensors file begins with the length of its header
_ALIGNMENT = 8  # and its tensors begin at a multiple of this


@dataclass(frozen=True)
class Checkpoint:
    """A trained model.

    Attributes:
        config: The sizes.
        vocabulary: The characters.
        arrays: The weights by name, float32.
        about: When and how it was trained: ``trained_at`` (seconds since 1970), ``step``,
            ``val_nats_per_char`` and the like.
    """

    config: ModelConfig
    vocabulary: Vocabulary
    arrays: Mapping[str, Array]
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trained_at(self) -> float:
        """When the model was trained, in seconds since 1970; 0 where the file does not say."""
        return max(_time(self.about.get("trained_at")), 0.0)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a model file, whole or not at all.

    Raises:
        OSError: If that fails; an older file of that name is then untouched.
    """
    arrays = {
        name: np.ascontiguousarray(array, dtype=np.float32)
        for name, array in checkpoint.arrays.items()
    }
    strings = {
        "format": FORMAT,
        "config": json.dumps(checkpoint.config.to_json()),
        "vocabulary": json.dumps(checkpoint.vocabulary.to_json()),
        "about": json.dumps(dict(checkpoint.about), allow_nan=False),
    }
    write_tensors(path, strings, arrays)


def write_tensors(path: Path, strings: Mapping[str, str], arrays: Mapping[str, Any]) -> None:
    """Write arrays and the strings of the header, with their checksum, whole or not at all."""
    data = safetensors.numpy.save(dict(arrays))
    end = _tensor_offset(data)
    strings = {**strings, "sha256": _digest(strings, data[end:])}
    # Written here, because safetensors gives its strings another order each time.
    header = json.dumps({"__metadata__": strings} | json.loads(data[_LENGTH_BYTES:end])).encode()
    header += b" " * (-len(header) % _ALIGNMENT)
    write_whole(path, len(header).to_bytes(_LENGTH_BYTES, "little") + header + data[end:])


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a model file and check all of it.

    Raises:
        CheckpointError: If it is missing, damaged, from a newer format, or no model file.
    """
    data = read_regular_file(path)
    try:
        header = read_header(data, FORMAT)
        config = ModelConfig.from_json(parse_string(header, "config"))
        vocabulary = Vocabulary.from_json(parse_string(header, "vocabulary"))
        about = parse_string(header, "about")
        if not isinstance(about, dict):
            raise ValueError("its description is not an object")
        if vocabulary.size != config.vocab_size:
            raise ValueError(
                f"{vocabulary.size} characters for a vocabulary of {config.vocab_size}"
            )
        arrays = _read_arrays(data, config)
    except (ValueError, RecursionError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            f"{str(path)!r}: not a whole charrnn model: {printable(str(error))}; "
            "train again or fetch a good copy"
        ) from None
    return Checkpoint(config, vocabulary, arrays, about)


def find_model(name: str | None) -> Path:
    """Return the model file that a user means.

    Args:
        name: A model file or a run directory; None for the environment's ``CHARRNN_MODEL``, or else
            the run below ``./runs`` that was trained last, by the time in the model file.

    Raises:
        CheckpointError: If there is none.
    """
    name = name or os.environ.get(MODEL_VARIABLE)
    if name:
        path = Path(name)
        if not path.is_dir():
            return path
        if (path / MODEL_NAME).exists():
            return path / MODEL_NAME
        raise CheckpointError(f"{name!r}: no {MODEL_NAME} in this folder; give a run directory")
    trained_at = {path: _trained_at(path) for path in sorted(RUNS.glob(f"*/{MODEL_NAME}"))}
    if not trained_at:
        raise CheckpointError(
            "no model: there is no run below ./runs; train one (charrnn train corpus.txt) or give "
            "-m MODEL"
        )
    return max(trained_at, key=lambda path: trained_at[path])


def _trained_at(path: Path) -> float:
    """Return when the model in a file was trained, or -1 if the file is no good."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return -1.0
        with safetensors.safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})["about"])
        return _time(about["trained_at"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, safetensors.SafetensorError):
        return -1.0


def _time(value: object) -> float:
    """Return a time in seconds since 1970, or -1 if a value is none."""
    try:
        seconds = float(value) if isinstance(value, int | float) else -1.0
    except OverflowError:
        return -1.0
    return seconds if math.isfinite(seconds) else -1.0


def printable(text: str) -> str:
    """Return a text as one line that cannot control a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def read_regular_file(path: Path) -> bytes:
    """Return the bytes of a file that is one: no folder, pipe or device."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CheckpointError(f"{str(path)!r}: not a file; give a model file")
            return file.read()
    except FileNotFoundError:
        raise CheckpointError(
            f"{str(path)!r}: no such model; give a model file or a run directory with -m"
        ) from None
    except IsADirectoryError:
        raise CheckpointError(f"{str(path)!r}: a folder; give a model file") from None
    except OSError as error:
        raise CheckpointError(f"{str(path)!r}: {error.strerror}") from None


def _open_at_once(name: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to is not waited for."""
    return os.open(name, flags | os.O_NONBLOCK)


def _tensor_offset(data: bytes) -> int:
    """Return where the header ends and the tensors begin."""
    return _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")


def read_header(data: bytes, form: str) -> dict[str, str]:
    """Return the strings of the header of a file, the checksum held against the bytes.

    Args:
        data: The file.
        form: Its format, as the header must say.

    Raises:
        ValueError: If the file is damaged or of another format.
    """
    end = _tensor_offset(data)
    if len(data) < _LENGTH_BYTES or end > len(data):
        raise ValueError("it is cut short, or no safetensors file")
    header = json.loads(data[_LENGTH_BYTES:end], object_pairs_hook=_object)
    strings = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(strings, dict) or not str(strings.get("format", "")).startswith("charrnn "):
        raise ValueError("it was not written by charrnn")
    if strings["format"] != form:
        raise ValueError(f"its format is {strings['format']!r}, this program reads {form!r}")
    if strings.get("sha256") != _digest(strings, data[end:]):
        raise ValueError("its content does not fit its checksum")
    return strings


def _digest(strings: Mapping[str, str], tensors: bytes) -> str:
    """Return the checksum of a file: of its strings, but for the checksum, and of its tensors."""
    others = {name: text for name, text in strings.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(others, sort_keys=True).encode())
    digest.update(tensors)
    return digest.hexdigest()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; two values of one name, of which readers differ, are refused."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("its header says a thing twice")
    return dict(pairs)


def parse_string(header: Mapping[str, str], name: str) -> Any:
    """Return the value of one of the header's strings of JSON.

    Raises:
        ValueError: If there is none.
    """
    text = header.get(name)
    if not isinstance(text, str):
        raise ValueError(f"its header has no {name}")
    return json.loads(text, object_pairs_hook=_object)


def _read_arrays(data: bytes, config: ModelConfig) -> dict[str, Array]:
    """Return the weights, after holding names, shapes, type and values against the sizes."""
    shapes = parameter_shapes(config)
    num_values = sum(int(np.prod(shape, dtype=object)) for shape in shapes.values())
    if num_values * 4 != len(data) - _tensor_offset(data):
        raise ValueError(f"its sizes ask for {num_values} weights, which are not there")
    arrays = safetensors.numpy.load(data)
    if {name: array.shape for name, array in arrays.items()} != shapes:
        raise ValueError("its weights have other names or shapes than its sizes ask for")
    for name, array in arrays.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError(f"its weight {name} is not all finite float32 numbers")
    return arrays
