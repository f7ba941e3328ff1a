"""Networks and counts that predict together: the weighted mean of their probabilities.

A network knows what is like what it has read; counts know what was there, to the letter. Each is
wrong where the other need not be (F. Jelinek and R. Mercer, Interpolated estimation of Markov
source parameters from sparse data, 1980).

Sizes: B streams, T time steps, V vocabulary, K characters of the longest context.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from charrnn.memory.context_model import ContextModel
from charrnn.memory.counts import Counts
from charrnn.model.cells import Array
from charrnn.model.config import ModelConfig
from charrnn.model.ensemble import Ensemble, softmax
from charrnn.model.matmul import Matmul, batched_matmul
from charrnn.model.network import Network, State
from charrnn.text.vocabulary import Ids


class Mixture(Network):
    """A network, or several, and the counts of the training text, to be used as one.

    What it carries is the last K characters, and what the network carries.
    """

    def __init__(self, network: Network, counts: Counts) -> None:
        """Take what is to predict together."""
        self.config = network.config
        self._network = network
        self._context_model = ContextModel(counts)

    def initial_state(self, num_streams: int) -> State:
        """Return the state at the start of a text: zeros, a row for each stream."""
        context = self._context_model.no_context(num_streams)
        return ((context,), *self._network.initial_state(num_streams))

    def forward(
        self, ids: Ids, state: State, matmul: Matmul = batched_matmul
    ) -> tuple[Array, State]:
        """Read a window of each stream; see ``Ensemble.forward``."""
        (context,), *rest = state
        logits, after = self._network.forward(ids, tuple(rest), matmul)
        by_counts, context = self._context_model.read(ids, context)
        return mix(softmax(logits), by_counts, self._context_model.share), ((context,), *after)


def mix(by_network: Array, by_counts: Array, share: float) -> Array:
    """Return the logarithms of the mean of two probabilities.

    Args:
        by_network: Probabilities; overwritten.
        by_counts: Of the same shape; overwritten.
        share: The weight of the second, 0 to 1.
    """
    by_network *= 1 - share
    by_network += np.multiply(by_counts, share, out=by_counts)
    # What both hold for impossible stays a finite number.
    np.maximum(by_network, np.finfo(by_network.dtype).tiny, out=by_network)
    return np.log(by_network, out=by_network)


def make_predictor(
    config: ModelConfig, arrays: Mapping[str, Array], counts: Counts | None = None
) -> Network:
    """Return the network, or the networks and the counts, of a model, ready to run."""
    network = (Network if config.num_networks == 1 else Ensemble)(config, arrays)
    return network if counts is None else Mixture(network, counts)
