"""What a user leaves open, filled in: sizes, learning rate, budget.

Sizes: B streams, T time steps, V vocabulary, E embedding, H hidden units, L layers, N characters.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from charrnn.errors import ConfigError
from charrnn.model.config import NGRAM_ROWS, ModelConfig

Value = TypeVar("Value")

DEFAULT_SECONDS = 300.0
EXPECTED_SPEED = 40_000  # characters a second of the default sizes on two cores
OPTIMIZERS = ("adamw", "adam", "rmsprop", "sgd")
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16")

_LEARNING_RATES = {
    ("lstm", "adamw"): 5e-3,
    ("mingru", "adamw"): 4e-3,
    ("gru", "adamw"): 4e-3,
    ("rnn", "adamw"): 1.5e-3,
}


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
        dropout: The share of values that are dropped after the embedding and each layer.
        batch_size: Parallel streams, B.
        seq_length: Time steps of a window, T: how far gradients reach back.
        learning_rate: At its highest.
        clip: The longest gradient, as an L2 norm; 0 for no limit.
        optimizer: ``adamw``, ``adam``, ``rmsprop`` or ``sgd``.
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
    dropout: float | None = None
    batch_size: int | None = None
    seq_length: int | None = None
    learning_rate: float | None = None
    clip: float = 1.0
    optimizer: str = "adamw"
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


def resolve(
    settings: Settings, *, num_chars: int, vocab_size: int, num_documents: int = 0
) -> Recipe:
    """Choose what the settings leave open.

    Args:
        settings: What the user fixed.
        num_chars: Characters to train on, N.
        vocab_size: Characters in the vocabulary, V.
        num_documents: Documents to train on; 0 for a text in one piece.

    Returns:
        The recipe. What the user fixed is in it unchanged.

    Raises:
        ConfigError: If a size is out of range.
    """
    cell = _given(settings.cell, "mingru")
    block = _given(settings.block, "residual" if cell == "mingru" else "plain")
    hidden_size = _given(settings.hidden_size, _default_hidden_size(cell, num_chars))
    embedding_size = _given(settings.embedding_size, hidden_size if block == "residual" else 128)
    seq_length = settings.seq_length or max(1, min(64, num_chars // 8))
    is_open = settings.time is None and settings.steps is None and settings.epochs is None
    return Recipe(
        time=DEFAULT_SECONDS if is_open else settings.time,
        steps=settings.steps,
        epochs=settings.epochs,
        model=ModelConfig(
            vocab_size=vocab_size,
            cell=cell,
            nonlinearity=_given(settings.nonlinearity, "tanh"),
            block=block,
            ngrams=_given(settings.ngrams, _default_ngrams(cell, vocab_size)),
            embedding_size=embedding_size,
            hidden_size=hidden_size,
            num_layers=_given(settings.num_layers, 4 if cell == "mingru" else 1),
        ),
        dropout=_given(settings.dropout, _default_dropout(settings, num_chars)),
        batch_size=settings.batch_size or _default_batch_size(num_chars, seq_length, num_documents),
        seq_length=seq_length,
        learning_rate=_given(
            settings.learning_rate, _LEARNING_RATES.get((cell, settings.optimizer), 2e-3)
        ),
        clip=settings.clip,
        optimizer=settings.optimizer,
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        threads=settings.threads,
    )


def _default_batch_size(num_chars: int, seq_length: int, num_documents: int) -> int:
    """Return the number of streams; a short text still gets a few windows an epoch in each.

    Windows are as wide as the documents that they hold, so short documents are read by more
    streams: a step has about as many characters whatever the text.
    """
    streams = 16
    if num_documents:
        streams = 1024 // max(1, min(seq_length, num_chars // num_documents))
        seq_length = min(seq_length, max(1, num_chars // num_documents))
    return max(1, min(streams, num_chars // (4 * seq_length)))


def _default_hidden_size(cell: str, num_chars: int) -> int:
    """Return the width of a layer: a short text is better learned by a narrow one."""
    if cell != "mingru":
        return 256
    return 96 if num_chars < 60_000 else 128 if num_chars < 400_000 else 192


def _default_ngrams(cell: str, vocab_size: int) -> int:
    """Return the longest run with an embedding: pairs, where each pair has a row of its own."""
    return 2 if cell == "mingru" and vocab_size**2 <= NGRAM_ROWS else 1


def _default_dropout(settings: Settings, num_chars: int) -> float:
    """Return a dropout that fits how often the text will be read.

    A text that is read three times or less cannot be learned by heart; from then on a tenth more
    for each doubling, up to a half.
    """
    expected = [
        None if settings.epochs is None else settings.epochs,
        None if settings.steps is None else settings.steps * 1024 / num_chars,
        None if settings.time is None else settings.time * EXPECTED_SPEED / num_chars,
    ]
    epochs = min(
        (value for value in expected if value is not None),
        default=DEFAULT_SECONDS * EXPECTED_SPEED / num_chars,
    )
    return round(min(max(0.1 * math.log2(max(epochs, 1e-9) / 3), 0.0), 0.5), 2)


def _given(value: Value | None, otherwise: Value) -> Value:
    """Return a value, or another where none is given."""
    return otherwise if value is None else value
