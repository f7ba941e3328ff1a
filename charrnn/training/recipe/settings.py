"""How to train: what a user fixed, and the recipe in which nothing is left open.

Sizes: B streams, T time steps, E embedding, H hidden units, L layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import Field, asdict, dataclass, fields
from typing import Any

from charrnn.errors import ConfigError
from charrnn.memory.index import DEFAULT_CHARS
from charrnn.model.config import ModelConfig, parameter_shapes

OPTIMIZERS = ("muon", "adamw", "adam", "rmsprop", "sgd")
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16")
PARALLEL = ("auto", "ensemble", "data")
BUDGET = ("time", "steps", "epochs")

_CHOICES = {
    "optimizer": OPTIMIZERS,
    "device": DEVICES,
    "precision": PRECISIONS,
    "parallel": PARALLEL,
}
_RANGES = {
    "time": (1e-9, math.inf),
    "steps": (1, 10**12),
    "epochs": (1e-9, math.inf),
    "batch_size": (1, 1 << 16),
    "seq_length": (1, 1 << 16),
    "learning_rate": (0.0, 1e6),
    "clip": (0.0, math.inf),
    "memory": (0, 10**12),
    "seed": (0, 2**63 - 1),
    "threads": (1, 1024),
}
_KINDS: dict[str, type | tuple[type, ...]] = {"int": int, "float": (int, float), "str": str}
_KIND_NAMES = {"int": "a whole number", "float": "a number", "str": "text"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train; None where the recipe is to choose.

    Attributes:
        time: Seconds that the whole run may take.
        steps: Optimizer updates.
        epochs: Passes over the training text.
        cell: ``rnn``, ``gru``, ``lstm`` or ``mingru``.
        block: ``plain`` or ``residual``.
        ngrams: The longest run of characters with an embedding, K.
        nonlinearity: ``tanh`` or ``relu``, for the cell ``rnn``.
        hidden_size: Hidden units in a layer, H.
        num_layers: Layers, L.
        embedding_size: Numbers that stand for a character, E.
        num_networks: Networks that learn side by side, and whose predictions are averaged.
        memory: Characters of the training text that the model file remembers; 0 for none.
        dropout: The share of values that are dropped after the embedding and each layer.
        batch_size: Parallel streams, B.
        seq_length: Time steps of a window, T: how far gradients reach back.
        learning_rate: At its highest.
        clip: The longest gradient, as an L2 norm; 0 for no limit.
        optimizer: ``muon``, ``adamw``, ``adam``, ``rmsprop`` or ``sgd``.
        seed: Of all chance in training.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``auto``, ``float32`` or ``bfloat16``, of products; weights are float32.
        threads: Processor threads.
        parallel: What several processes share out: ``ensemble``, the networks; ``data``, the
            streams; ``auto``: the streams if they have GPUs.
    """

    time: float | None = None
    steps: int | None = None
    epochs: float | None = None
    cell: str | None = None
    block: str | None = None
    ngrams: int | None = None
    nonlinearity: str | None = None
    hidden_size: int | None = None
    num_layers: int | None = None
    embedding_size: int | None = None
    num_networks: int | None = None
    memory: int | None = None
    dropout: float | None = None
    batch_size: int | None = None
    seq_length: int | None = None
    learning_rate: float | None = None
    clip: float = 1.0
    optimizer: str = "muon"
    seed: int = 1
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    parallel: str = "auto"

    def __post_init__(self) -> None:
        """Check types, choices and ranges; the model's configuration checks its own sizes."""
        _check_types(self, fields(self))
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ConfigError(f"`{name}`: unknown value {value!r}; give {', '.join(choices)}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and low <= value <= high):
                raise ConfigError(f"`{name}`: {value!r} is out of range")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ConfigError(f"`dropout`: {self.dropout!r} is out of range; give 0 to below 1")

    def to_json(self) -> dict[str, Any]:
        """Return the settings by name."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A run with nothing left open; the attributes are those of ``Settings``.

    ``init_from`` is the model that the first weights came from, without folders outside the current
    one; None for random weights. ``processes`` is their number.
    """

    time: float | None
    steps: int | None
    epochs: float | None
    model: ModelConfig
    dropout: float
    batch_size: int
    seq_length: int
    learning_rate: float
    clip: float
    optimizer: str
    seed: int
    device: str
    precision: str
    threads: int | None
    init_from: str | None = None
    memory: int = DEFAULT_CHARS
    parallel: str = "auto"
    processes: int = 1

    def __post_init__(self) -> None:
        """Check types and ranges as ``Settings`` does, and that the run has an end."""
        _check_types(self, [field for field in fields(self) if field.name != "model"])
        own = {field.name for field in fields(Settings)}
        Settings(**{name: value for name, value in self.to_json().items() if name in own})
        if all(getattr(self, name) is None for name in BUDGET):
            raise ConfigError("`time`, `steps` and `epochs` are all None; give one of them")

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as it stands in a model file, which has the sizes elsewhere."""
        return {name: value for name, value in asdict(self).items() if name != "model"}

    @property
    def budget(self) -> str:
        """The limits of the run in words."""
        limits = [
            None if self.time is None else f"{self.time:g} s",
            None if self.steps is None else f"{self.steps:,} steps",
            None if self.epochs is None else f"{self.epochs:g} epochs",
        ]
        return " or ".join(limit for limit in limits if limit)

    def __str__(self) -> str:
        """Return what is trained, and for how long, in words."""
        model = self.model
        num_parameters = sum(math.prod(shape) for shape in parameter_shapes(model).values())
        networks = f"{model.num_networks} x " if model.num_networks > 1 else ""
        sizes = f"{model.num_layers} x {model.hidden_size}, {num_parameters:,} parameters"
        return f"{networks}{model.cell} {sizes}, for {self.budget}"


def _check_types(values: object, its_fields: Sequence[Field[Any]]) -> None:
    """Check values against the annotations of their dataclass: int, float or str, or None."""
    for field in its_fields:
        kind, _, rest = str(field.type).partition(" | ")
        value = getattr(values, field.name)
        if value is None and rest:
            continue
        if not isinstance(value, _KINDS[kind]) or isinstance(value, bool):
            raise ConfigError(f"`{field.name}`: {value!r} is not {_KIND_NAMES[kind]}")
