"""The model file: everything that sampling and evaluation need, in one file to share.

A safetensors file. It has float32 weights, named as in ``parameter_shapes``, and these strings in
the header::

    format        "charrnn 1"
    sha256        of the other strings and of all arrays
    config        the sizes, JSON
    vocabulary    the characters, JSON
    about         when and how it was trained, JSON; not needed to run the model

The index of the training text is an optional array named ``index``. ``tensorfile`` reads and writes
the format; this module checks that a file holds a model. Older files may have arrays named
``counts.*`` and ``sketch``, which are ignored.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import CheckpointError
from charrnn.memory.index import Index
from charrnn.model.cells.spec import Array
from charrnn.model.config import ModelConfig, parameter_shapes
from charrnn.storage.tensorfile import TensorFile, open_tensor_file, write_tensor_file
from charrnn.text.escaping import printable
from charrnn.text.vocabulary import Vocabulary

MODEL_NAME = "model.safetensors"
FORMAT = "charrnn 1"

_INDEX = "index"
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
        index: The index of the training text; None if the model does not remember it.
    """

    config: ModelConfig
    vocabulary: Vocabulary
    arrays: Mapping[str, Array]
    about: Mapping[str, Any] = field(default_factory=dict)
    index: Index | None = None

    @property
    def trained_at(self) -> float:
        """When the model was trained, in seconds since 1970; 0 if unknown."""
        return max(read_time(self.about), 0.0)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a model file, whole or not at all.

    Raises:
        OSError: If writing fails; an existing file of that name is then unchanged.
    """
    arrays: dict[str, Any] = {
        name: np.asarray(array, dtype=np.float32) for name, array in checkpoint.arrays.items()
    }
    if checkpoint.index is not None:
        arrays[_INDEX] = checkpoint.index.followers
    strings = {
        "config": json.dumps(checkpoint.config.to_json()),
        "vocabulary": json.dumps(checkpoint.vocabulary.to_json()),
        "about": json.dumps(dict(checkpoint.about), allow_nan=False),
    }
    write_tensor_file(path, FORMAT, strings, arrays)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a model file and check all of it.

    Raises:
        CheckpointError: If it is missing, damaged, of a newer format, or not a model file.
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
    """Return the model in a file, or raise a ``ValueError`` if it does not hold exactly one."""
    config = ModelConfig.from_json(file.json("config"))
    vocabulary = Vocabulary.from_json(file.json("vocabulary"))
    about = file.json("about")
    if not isinstance(about, dict):
        raise ValueError("its description is not an object")
    if vocabulary.size != config.vocab_size:
        raise ValueError(f"{vocabulary.size} characters, but a vocabulary of {config.vocab_size}")
    shapes = {
        name: spec.shape
        for name, spec in file.specs.items()
        if name not in (_INDEX, _SKETCH) and not name.startswith(_COUNTS)
    }
    if shapes != parameter_shapes(config):
        raise ValueError("its weights do not have the names and shapes of its configuration")
    for name in shapes:
        if file.specs[name].dtype != np.float32:
            raise ValueError(f"its weight {name} is not float32")
    arrays = file.read_arrays()
    index = Index(arrays[_INDEX], config.vocab_size) if _INDEX in arrays else None
    arrays = {name: arrays[name] for name in shapes}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"its weight {name} is not finite everywhere")
    return Checkpoint(config, vocabulary, arrays, about, index)


def read_time(about: object) -> float:
    """Return when a model was trained, in seconds since 1970, or -1 if that is unknown."""
    value = about.get("trained_at") if isinstance(about, Mapping) else None
    try:
        seconds = float(value) if isinstance(value, int | float) else -1.0
    except OverflowError:
        return -1.0
    return seconds if math.isfinite(seconds) else -1.0
