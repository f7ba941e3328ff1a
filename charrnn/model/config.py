"""The sizes of a model and, derived from them, the names and shapes of its weights.

Sizes: V characters in the vocabulary, E embedding, H hidden units, L layers, G blocks in a cell.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from charrnn.errors import ConfigError
from charrnn.model.cells.registry import cell_spec
from charrnn.model.cells.spec import CellSpec

BLOCKS = ("plain", "residual")
NONLINEARITIES = ("tanh", "relu")

MAX_SIZE = 1 << 16
MAX_LAYERS = 64
MAX_NGRAMS = 8
NGRAM_ROWS = 8192
MAX_NETWORKS = 64


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The sizes of a model, validated on construction.

    Attributes:
        vocab_size: V, the size of the vocabulary including the unknown symbol.
        cell: One of ``charrnn.model.cells.registry.CELLS``.
        embedding_size: E, the embedding dimension.
        hidden_size: H, hidden units per layer.
        num_layers: L, stacked layers.
        nonlinearity: ``tanh``, or ``relu`` for the cell ``rnn``.
        block: ``plain`` computes x -> layer(x). ``residual`` computes x -> x + layer(norm(x))
            where the sizes allow, and normalises once more before the output layer.
        ngrams: K, the longest n-gram with an embedding. The embeddings of the last 2, ..., K
            characters are added to that of the last one.
        ngram_rows: Rows of each n-gram table; if there are more n-grams, they share rows.
        num_networks: Networks of these sizes, whose probabilities are averaged.

    Raises:
        ConfigError: If a value is out of range.
    """

    vocab_size: int
    cell: str
    embedding_size: int
    hidden_size: int
    num_layers: int
    nonlinearity: str = "tanh"
    block: str = "plain"
    ngrams: int = 1
    ngram_rows: int = NGRAM_ROWS
    num_networks: int = 1

    def __post_init__(self) -> None:
        """Check the ranges."""
        spec = cell_spec(self.cell)
        _check_choice("nonlinearity", self.nonlinearity, NONLINEARITIES)
        _check_choice("block", self.block, BLOCKS)
        if self.nonlinearity not in spec.steps:
            raise ConfigError(f"`nonlinearity`: the cell {self.cell} has no choice; drop it")
        for name, low, top in [
            ("vocab_size", 1, MAX_SIZE + 1),
            ("hidden_size", 1, MAX_SIZE),
            ("embedding_size", 1, MAX_SIZE),
            ("num_layers", 1, MAX_LAYERS),
            ("ngrams", 1, MAX_NGRAMS),
            ("ngram_rows", 1, 1 << 24),
            ("num_networks", 1, MAX_NETWORKS),
        ]:
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= top:
                raise ConfigError(f"`{name}`: {value!r} is not an integer from {low} to {top}")

    @property
    def spec(self) -> CellSpec:
        """The description of the cell."""
        return cell_spec(self.cell)

    @property
    def one_network(self) -> Self:
        """The sizes of a model of one network."""
        return replace(self, num_networks=1)

    def rows(self, length: int) -> int:
        """Return the number of rows of the table of n-grams of ``length`` characters."""
        num_ngrams: int = self.vocab_size**length
        return min(num_ngrams, self.ngram_rows)

    def input_size(self, layer: int) -> int:
        """Return the input size of a layer."""
        return self.hidden_size if layer else self.embedding_size

    def has_residual(self, layer: int) -> bool:
        """Return whether a layer has a residual connection."""
        return self.block == "residual" and self.input_size(layer) == self.hidden_size

    def state_sizes(self, layer: int) -> tuple[int, ...]:
        """Return the size of each vector in the state of a layer."""
        return self.spec.state_sizes(self.input_size(layer), self.hidden_size)

    def to_json(self) -> dict[str, Any]:
        """Return the sizes for a model file."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the configuration that ``to_json`` wrote.

        In older files it has ``counts``, which are no longer used.

        Raises:
            ValueError: If the value is not such a description.
        """
        if not isinstance(value, dict):
            raise ValueError("the configuration is not an object")
        try:
            return cls(**{name: size for name, size in value.items() if name != "counts"})
        except TypeError:
            raise ValueError("the configuration has unknown or missing entries") from None
        except ConfigError as error:
            raise ValueError(str(error)) from None


def parameter_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every weight of all networks; see ``network_prefix``."""
    return {
        f"{network_prefix(config, number)}{name}": shape
        for number in range(config.num_networks)
        for name, shape in _network_shapes(config).items()
    }


def network_prefix(config: ModelConfig, number: int) -> str:
    """Return the prefix of the weight names of one network."""
    return f"networks.{number}." if config.num_networks > 1 else ""


def _network_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every weight of one network, named and ordered as in torch."""
    size = config.hidden_size
    shapes: dict[str, tuple[int, ...]] = {
        "embedding.weight": (config.vocab_size, config.embedding_size)
    }
    for length in range(2, config.ngrams + 1):
        shapes[f"ngrams.{length}.weight"] = (config.rows(length), config.embedding_size)
    for layer in range(config.num_layers):
        if config.block == "residual":
            shapes |= _norm_shapes(f"norms.{layer}", config.input_size(layer))
        layer_shapes = config.spec.parameter_shapes(config.input_size(layer), size)
        shapes |= {f"layers.{layer}.{name}": shape for name, shape in layer_shapes.items()}
    if config.block == "residual":
        shapes |= _norm_shapes(f"norms.{config.num_layers}", size)
    shapes["output.weight"] = (config.vocab_size, size)
    shapes["output.bias"] = (config.vocab_size,)
    return shapes


def _norm_shapes(name: str, size: int) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the weights of a norm."""
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise an error unless a value is one of the choices."""
    if value not in choices:
        raise ConfigError(f"`{name}`: {value!r} is not one of {', '.join(choices)}")
