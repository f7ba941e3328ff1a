"""What a model is made of: its sizes, and from them the names and shapes of all its weights.

Sizes: V characters in the vocabulary, E embedding, H hidden units, L layers, G blocks in a cell.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from charrnn.errors import ConfigError

NUM_BLOCKS = {"rnn": 1, "gru": 3, "lstm": 4}
"""G: how many blocks of H rows the weights of each cell have."""

NUM_STATES = {"rnn": 1, "gru": 1, "lstm": 2}
"""How many arrays of shape (B, H) each layer carries from step to step."""

NONLINEARITIES = ("tanh", "relu")
MAX_SIZE = 1 << 16
MAX_LAYERS = 64


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The sizes of a model; checked on construction.

    Attributes:
        vocab_size: Characters in the vocabulary, V, the unknown symbol included.
        cell: ``rnn``, ``gru`` or ``lstm``.
        embedding_size: Numbers that stand for a character, E.
        hidden_size: Hidden units in a layer, H.
        num_layers: Layers on top of one another, L.
        nonlinearity: ``tanh`` or ``relu``, for the cell ``rnn`` alone.

    Raises:
        ConfigError: If a value is out of range.
    """

    vocab_size: int
    cell: str
    embedding_size: int
    hidden_size: int
    num_layers: int
    nonlinearity: str = "tanh"

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check_choice("cell", self.cell, tuple(sorted(NUM_BLOCKS)))
        _check_choice("nonlinearity", self.nonlinearity, NONLINEARITIES)
        if self.nonlinearity != "tanh" and self.cell != "rnn":
            raise ConfigError(f"--nonlinearity: the cell {self.cell} has none to choose; drop it")
        for name, top in [
            ("vocab_size", MAX_SIZE + 1),
            ("embedding_size", MAX_SIZE),
            ("hidden_size", MAX_SIZE),
            ("num_layers", MAX_LAYERS),
        ]:
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= top:
                option = name.replace("_", "-")
                raise ConfigError(f"--{option}: {value!r} is not a whole number from 1 to {top}")

    def to_json(self) -> dict[str, Any]:
        """Return the sizes as they stand in a model file."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> ModelConfig:
        """Return the configuration that ``to_json`` described.

        Raises:
            ValueError: If the value is not such a description.
        """
        if not isinstance(value, dict):
            raise ValueError("the configuration is not an object")
        try:
            return cls(**value)
        except (TypeError, ConfigError) as error:
            raise ValueError(str(error)) from None


def parameter_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every weight: the one place that says them.

    The names and the order of the blocks within a weight are those of torch.
    """
    hidden_size = config.hidden_size
    rows = NUM_BLOCKS[config.cell] * hidden_size
    shapes: dict[str, tuple[int, ...]] = {
        "embedding.weight": (config.vocab_size, config.embedding_size)
    }
    input_size = config.embedding_size
    for layer in range(config.num_layers):
        shapes[f"layers.{layer}.weight_ih"] = (rows, input_size)
        shapes[f"layers.{layer}.weight_hh"] = (rows, hidden_size)
        shapes[f"layers.{layer}.bias_ih"] = (rows,)
        shapes[f"layers.{layer}.bias_hh"] = (rows,)
        input_size = hidden_size
    shapes["output.weight"] = (config.vocab_size, hidden_size)
    shapes["output.bias"] = (config.vocab_size,)
    return shapes


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a value that is not one of the choices."""
    if value not in choices:
        raise ConfigError(f"--{name}: {value!r} is none of {', '.join(choices)}")
