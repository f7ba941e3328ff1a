"""What describes a cell. Everything else about a cell follows from its ``CellSpec``.

Sizes: E input, H hidden units, G blocks, N characters.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
LayerState = tuple[Array, ...]


class Update(NamedTuple):
    """What one step did to the memory of a cell: ``memory = keep * memory before + write``.

    All arrays have shape (..., H).

    Attributes:
        gates: The gates, between 0 and 1, by the letters of the cell's equations.
        keep: The share of the memory that the step kept, 0 to 1.
        write: What the step added.
        memory: The memory after the step: c of an lstm, h of the other cells.
        output: The output h of the step.
    """

    gates: Mapping[str, Array]
    keep: Array
    write: Array
    memory: Array
    output: Array


def overwrite(*args: Any, after: Any) -> Update:
    """Return the update of a cell that keeps nothing: each step writes the whole state anew."""
    del args
    h = after[0] if isinstance(after, tuple) else after
    return Update({}, np.zeros_like(h), h, h, h)


@dataclass(frozen=True, kw_only=True)
class CellSpec:
    """One kind of recurrent layer.

    Attributes:
        layer: ``RecurrentLayer`` or ``ParallelLayer`` of ``charrnn.model.layers``, or a class like
            them: the products around the step, their weights and the state.
        steps: The step by nonlinearity; a cell without a choice has ``{"tanh": step}``. The layer
            says what a step takes and returns.
        update: What a step did, from its arguments and, as ``after``, what it returned.
        num_blocks: G, the blocks of H rows in the input weights.
        num_states: Vectors of H numbers in the state, for ``RecurrentLayer``.
        is_additive: Whether the step needs only the sum of the products of input and state.
        block: Default ``block`` of a model.
        num_layers: Default L.
        hidden_size: Default H for N training characters.
        adamw_rate: Default peak learning rate with AdamW.
    """

    layer: Any
    steps: Mapping[str, Callable[..., Any]]
    update: Callable[..., Update] = overwrite
    num_blocks: int
    num_states: int = 1
    is_additive: bool = True
    block: str = "plain"
    num_layers: int = 1
    hidden_size: Callable[[int], int] = lambda _: 256
    adamw_rate: float = 4e-3

    def parameter_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each weight of a layer."""
        shapes: dict[str, tuple[int, ...]] = self.layer.parameter_shapes(
            self, input_size, hidden_size
        )
        return shapes

    def state_sizes(self, input_size: int, hidden_size: int) -> tuple[int, ...]:
        """Return the size of each vector that a layer carries from step to step."""
        sizes: tuple[int, ...] = self.layer.state_sizes(self, input_size, hidden_size)
        return sizes


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), computed from tanh, which cannot overflow."""
    y: Array = np.tanh(x * 0.5)
    y *= 0.5
    y += 0.5
    return y
