"""What predicts: a network, an ensemble, or a mixture of either with counts of the training text.

Sizes: B streams, T time steps, V vocabulary, K characters of the longest context.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from charrnn.memory.context_model import ContextModel
from charrnn.memory.counts import Counts
from charrnn.model.cells.spec import Array
from charrnn.model.config import ModelConfig
from charrnn.model.ensemble import Ensemble, safe_log, softmax
from charrnn.model.matmul import Matmul, batched_matmul
from charrnn.model.network import Network, State
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


class Mixture:
    """A network or ensemble mixed with counts of the training text; see ``Predictor``.

    Networks generalise; counts repeat what the training text had, to the letter. The weighted mean
    of their probabilities is better than either (F. Jelinek and R. Mercer, Interpolated estimation
    of Markov source parameters from sparse data, 1980). The state is the last K characters, then
    the state of the network.
    """

    def __init__(self, network: Predictor, counts: Counts) -> None:
        """Mix a predictor with counts, which carry their weight."""
        self.config = network.config
        self._network = network
        self._context_model = ContextModel(counts)

    def initial_state(self, num_streams: int) -> State:
        """Return the state at the start of a text: zeros, one row per stream."""
        context = self._context_model.no_context(num_streams)
        return ((context,), *self._network.initial_state(num_streams))

    def forward(
        self, ids: Ids, state: State, matmul: Matmul = batched_matmul
    ) -> tuple[Array, State]:
        """Read a window of each stream; see ``Predictor.forward``."""
        (context,), *rest = state
        logits, after = self._network.forward(ids, tuple(rest), matmul)
        by_counts, context = self._context_model.read(ids, context)
        probs = softmax(logits)
        probs *= 1 - self._context_model.share
        probs += np.multiply(by_counts, self._context_model.share, out=by_counts)
        return safe_log(probs), ((context,), *after)


def make_predictor(
    config: ModelConfig, arrays: Mapping[str, Array], counts: Counts | None = None
) -> Predictor:
    """Return a model ready to run, from its sizes, weights and counts."""
    network = (Network if config.num_networks == 1 else Ensemble)(config, arrays)
    return network if counts is None else Mixture(network, counts)
