"""How to train: what a user fixed, and the recipe in which nothing is left open.

Sizes: B streams, T time steps, E embedding, H hidden units, L layers.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from charrnn.errors import ConfigError
from charrnn.model.config import ModelConfig, parameter_shapes

OPTIMIZERS = ("muon", "adamw", "adam", "rmsprop", "sgd")
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16")


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
        counts: Characters of the longest context of which the text's counts have a share in each
            prediction; 0 for no counts.
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
    counts: int | None = None
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

    def __post_init__(self) -> None:
        """Check what is given; sizes of the model are checked where it is configured.

        Raises:
            ConfigError: If a value is out of range.
        """
        for name, choices in [
            ("optimizer", OPTIMIZERS),
            ("device", DEVICES),
            ("precision", PRECISIONS),
        ]:
            if getattr(self, name) not in choices:
                raise ConfigError(
                    f"--{name}: {getattr(self, name)!r} is none of {', '.join(choices)}"
                )
        for name, low, high in [
            ("time", 1e-9, math.inf),
            ("steps", 1, 10**12),
            ("epochs", 1e-9, math.inf),
            ("batch_size", 1, 1 << 16),
            ("seq_length", 1, 1 << 16),
            ("learning_rate", 0.0, 1e6),
            ("clip", 0.0, math.inf),
            ("seed", 0, 2**63 - 1),
            ("threads", 1, 1024),
        ]:
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and low <= value <= high):
                raise ConfigError(f"--{name.replace('_', '-')}: {value!r} is out of range")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ConfigError(f"--dropout: {self.dropout!r} is not a share from 0 to below 1")

    def to_json(self) -> dict[str, Any]:
        """Return the settings as they stand in a model file."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A run with nothing left open; the attributes are those of ``Settings``."""

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
