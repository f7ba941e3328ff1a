"""An ensemble of networks: the mean of their probabilities.

Networks trained from different initial weights make different errors, and their mean is better than
any of them (L. Hansen and P. Salamon, Neural network ensembles, 1990).

Sizes: B streams, T time steps, V vocabulary.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from charrnn.model.cells.spec import Array
from charrnn.model.config import ModelConfig, network_prefix
from charrnn.model.matmul import Matmul, batched_matmul
from charrnn.model.network import Network, State, Wrap, inputs_of, strip_prefix
from charrnn.text.vocabulary import Ids


class Ensemble:
    """Several networks of the same sizes, used as one; see ``Predictor``.

    Its state is the states of the networks, one after another.
    """

    def __init__(
        self, config: ModelConfig, arrays: Mapping[str, Array], wrap: Wrap | None = None
    ) -> None:
        """Build the networks from weights by name, with the shapes of ``parameter_shapes``.

        For ``wrap`` the layers of the second network count on after those of the first.
        """
        self.config = config
        size = config.num_layers
        self._networks = [
            Network(config.one_network, part, wrap and _count_from(number * size, wrap))
            for number, part in enumerate(split_networks(config, arrays))
        ]

    def initial_state(self, num_streams: int) -> State:
        """Return the state at the start of a text: zeros, one row per stream."""
        states = (network.initial_state(num_streams) for network in self._networks)
        return tuple(itertools.chain.from_iterable(states))

    def forward(
        self, ids: Ids, state: State, matmul: Matmul = batched_matmul
    ) -> tuple[Array, State]:
        """Read a window of each stream; see ``Predictor.forward``."""
        next_state: list[State] = []
        probs = mean_probs(map(softmax, self._each(ids, state, matmul, next_state)))
        return safe_log(probs), tuple(itertools.chain.from_iterable(next_state))

    def each_forward(self, ids: Ids, state: State) -> tuple[list[Array], State]:
        """Read a window of each stream; return the logits of each network, and the state after."""
        next_state: list[State] = []
        logits = list(self._each(ids, state, batched_matmul, next_state))
        return logits, tuple(itertools.chain.from_iterable(next_state))

    def _each(
        self, ids: Ids, state: State, matmul: Matmul, next_state: list[State]
    ) -> Iterator[Array]:
        """Yield the logits of each network; append the state after to a list."""
        size = len(state) // len(self._networks)
        inputs = inputs_of(self.config, ids, state)
        for number, network in enumerate(self._networks):
            part = state[number * size : (number + 1) * size]
            logits, after = network.advance(inputs, part, matmul)
            next_state.append(after)
            yield logits


def _count_from(first: int, wrap: Wrap) -> Wrap:
    """Return a wrap that counts layers from another number."""
    return lambda layer, step: wrap(first + layer, step)


def mean_probs(probs: Iterable[Array]) -> Array:
    """Return the mean of the probabilities that several networks give.

    Sampling, evaluation and validation all average networks here. The first array is overwritten.
    """
    total: Array | None = None
    num_networks = 0
    for each in probs:
        total = each if total is None else np.add(total, each, out=total)
        num_networks += 1
    assert total is not None
    total /= num_networks
    return total


def safe_log(probs: Array) -> Array:
    """Return finite logarithms, computed in place: a probability of zero counts as the smallest."""
    np.maximum(probs, np.finfo(probs.dtype).tiny, out=probs)
    return np.log(probs, out=probs)


def softmax(logits: Array) -> Array:
    """Return probabilities over the last axis, computed in place."""
    logits -= logits.max(axis=-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=-1, keepdims=True)
    return logits


def split_networks(config: ModelConfig, arrays: Mapping[str, Array]) -> list[dict[str, Array]]:
    """Return the weights of each network under the names they have in a model of one."""
    return [
        strip_prefix(network_prefix(config, number), arrays)
        for number in range(config.num_networks)
    ]


def join_networks(config: ModelConfig, parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Return the weights of all networks under their names in the model."""
    return {
        f"{network_prefix(config, number)}{name}": array
        for number, part in enumerate(parts)
        for name, array in part.items()
    }
