"""What the networks of a model are used as: one predictor.

Sizes: B streams, T time steps, V vocabulary.
"""

from collections.abc import Mapping
from typing import Protocol

from charrnn.model.cells.spec import Array
from charrnn.model.config import ModelConfig
from charrnn.model.ensemble import Ensemble
from charrnn.model.matmul import Matmul, batched_matmul
from charrnn.model.network import Network, State, Wrap
from charrnn.text.vocabulary import Ids


class Predictor(Protocol):
    """Anything that reads characters and predicts the next one: state in, state out.

    Attributes:
        config: The sizes.
    """

    config: ModelConfig

    def initial_state(self, num_streams: int) -> State:
        """Return the state at the start of a text: zeros, one row per stream."""

    def forward(
        self, ids: Ids, state: State, matmul: Matmul = batched_matmul
    ) -> tuple[Array, State]:
        """Read a window of each stream.

        Args:
            ids: The window, shape (B, T).
            state: The state before the window.
            matmul: How to multiply rows; ``rowwise_matmul`` gives each stream the same bits
                whatever the other streams are.

        Returns:
            The log-probabilities of the character after each one read, up to a constant for each
            distribution, shape (B, T, V); and the state after the window.
        """


def make_predictor(
    config: ModelConfig, arrays: Mapping[str, Array], wrap: Wrap | None = None
) -> Predictor:
    """Return the networks of a model ready to run, from its sizes and weights.

    ``wrap`` may replace the step of each layer, to watch it or to change what it returns. The
    layers of all networks are counted through.
    """
    return (Network if config.num_networks == 1 else Ensemble)(config, arrays, wrap)
