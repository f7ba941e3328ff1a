"""The model file: all that sampling and evaluation need, in one file that can be shared.

A safetensors file: float32 weights under the names that ``parameter_shapes`` gives, and in the
header these strings::

    format        "charrnn 1"
    sha256        of the other strings and of all arrays
    config        the sizes, JSON
    vocabulary    the characters, JSON
    about         when and how it was trained, JSON; nothing in it is needed to run the model

Counts of the training text, if the sizes ask for them, are arrays whose names begin with
``counts.``, and a sketch of it may be there as one more, ``sketch``. How such a file is read and
written is ``tensorfile``'s; here it is held against what a model must be.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import CheckpointError
from charrnn.memory.counts import Counts
from charrnn.memory.sketch import Sketch
from charrnn.model.cells import Array
from charrnn.model.config import ModelConfig, parameter_shapes
from charrnn.model.network import strip_prefix
from charrnn.storage.tensorfile import TensorFile, open_tensor_file, write_tensor_file
from charrnn.text.escaping import printable
from charrnn.text.vocabulary import Vocabulary

MODEL_NAME = "model.safetensors"
FORMAT = "charrnn 1"
MODEL_VARIABLE = "CHARRNN_MODEL"
RUNS = Path("runs")

_SKETCH = "sketch"
_COUNTS = "counts."


@dataclass(frozen=True)
class Checkpoint:
    """A trained model.

    Attributes:
        config: The sizes.
        vocabulary: The characters.
        arrays: The weights by name, float32.
        about: When and how it was trained: ``trained_at`` (seconds since 1970), ``step``,
            ``val_nats_per_char`` and the like.
        counts: Of the training text; None where ``config`` asks for none.
        sketch: Of the training text, by which copies of it are found; None where there is none.
    """

    config: ModelConfig
    vocabulary: Vocabulary
    arrays: Mapping[str, Array]
    about: Mapping[str, Any] = field(default_factory=dict)
    counts: Counts | None = None
    sketch: Sketch | None = None

    @property
    def trained_at(self) -> float:
        """When the model was trained, in seconds since 1970; 0 where the file does not say."""
        return max(_time(self.about.get("trained_at")), 0.0)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a model file, whole or not at all.

    Raises:
        OSError: If that fails; an older file of that name is then untouched.
    """
    arrays: dict[str, Any] = {
        name: np.asarray(array, dtype=np.float32) for name, array in checkpoint.arrays.items()
    }
    if checkpoint.counts is not None:
        parts = checkpoint.counts.to_arrays()
        arrays |= {f"{_COUNTS}{name}": array for name, array in parts.items()}
    if checkpoint.sketch is not None:
        arrays[_SKETCH] = checkpoint.sketch.to_array()
    strings = {
        "config": json.dumps(checkpoint.config.to_json()),
        "vocabulary": json.dumps(checkpoint.vocabulary.to_json()),
        "about": json.dumps(dict(checkpoint.about), allow_nan=False),
    }
    write_tensor_file(path, FORMAT, strings, arrays)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a model file and check all of it.

    Raises:
        CheckpointError: If it is missing, damaged, from a newer format, or no model file.
    """
    try:
        with open_tensor_file(path, FORMAT) as file:
            return _check(file)
    except FileNotFoundError:
        raise CheckpointError(
            f"{str(path)!r}: no such model; give a model file or a run directory with -m"
        ) from None
    except OSError as error:
        raise CheckpointError(f"{str(path)!r}: {error.strerror}; give a model file") from None
    except ValueError as error:
        raise CheckpointError(
            f"{str(path)!r}: not a whole charrnn model: {printable(str(error))}; "
            "train again or fetch a good copy"
        ) from None


def _check(file: TensorFile) -> Checkpoint:
    """Return the model in a file.

    Raises:
        ValueError: If it holds none, or more.
    """
    config = ModelConfig.from_json(file.json("config"))
    vocabulary = Vocabulary.from_json(file.json("vocabulary"))
    about = file.json("about")
    if not isinstance(about, dict):
        raise ValueError("its description is not an object")
    if vocabulary.size != config.vocab_size:
        raise ValueError(f"{vocabulary.size} characters for a vocabulary of {config.vocab_size}")
    shapes = {
        name: spec.shape
        for name, spec in file.specs.items()
        if name != _SKETCH and not name.startswith(_COUNTS)
    }
    if shapes != parameter_shapes(config):
        raise ValueError("its weights have other names or shapes than its sizes ask for")
    for name in shapes:
        if file.specs[name].dtype != np.float32:
            raise ValueError(f"its weight {name} is not float32")
    arrays = file.read_arrays()
    sketch = Sketch.from_array(arrays.pop(_SKETCH)) if _SKETCH in arrays else None
    parts = strip_prefix(_COUNTS, arrays)
    if bool(parts) != bool(config.counts):
        raise ValueError("its sizes ask for counts and it has none, or it has some unasked")
    counts = Counts.from_arrays(config.counts, config.vocab_size, parts) if parts else None
    arrays = {name: arrays[name] for name in shapes}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"its weight {name} is not all finite numbers")
    return Checkpoint(config, vocabulary, arrays, about, counts, sketch)


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
        with open_tensor_file(path, FORMAT) as file:
            about = file.json("about")
    except (OSError, ValueError):
        return -1.0
    return _time(about.get("trained_at")) if isinstance(about, dict) else -1.0


def _time(value: object) -> float:
    """Return a time in seconds since 1970, or -1 if a value is none."""
    try:
        seconds = float(value) if isinstance(value, int | float) else -1.0
    except OverflowError:
        return -1.0
    return seconds if math.isfinite(seconds) else -1.0
