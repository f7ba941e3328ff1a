"""Networks that predict together: the mean of their probabilities.

Trained apart from other first weights, networks err in different places, and their mean errs less
than any of them (L. Hansen and P. Salamon, Neural network ensembles, 1990).

Sizes: B streams, T time steps, V vocabulary.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from charrnn.model.cells import Array
from charrnn.model.config import ModelConfig, network_prefix
from charrnn.model.matmul import Matmul, batched_matmul
from charrnn.model.network import Network, State, strip_prefix
from charrnn.text.vocabulary import Ids


class Ensemble(Network):
    """Several networks of the same sizes, to be used as one.

    What it carries is what each of them carries, one after another.
    """

    def __init__(self, config: ModelConfig, arrays: Mapping[str, Array]) -> None:
        """Arrange the weights for stepping.

        Args:
            config: The sizes.
            arrays: The weights by name, of the shapes that ``parameter_shapes`` gives.
        """
        self.config = config
        parts = split_networks(config, arrays)
        self._networks = [Network(config.one_network, part) for part in parts]

    def initial_state(self, num_streams: int) -> State:
        """Return the state at the start of a text: zeros, a row for each stream."""
        states = (network.initial_state(num_streams) for network in self._networks)
        return tuple(itertools.chain.from_iterable(states))

    def forward(
        self, ids: Ids, state: State, matmul: Matmul = batched_matmul
    ) -> tuple[Array, State]:
        """Read a window of each stream.

        Args:
            ids: What is read, shape (B, T).
            state: The state before it.
            matmul: How rows are multiplied; see ``Network.forward``.

        Returns:
            After each character, the logarithms of the probabilities of the next one, shape
            (B, T, V), and the state after the window.
        """
        length = len(state) // len(self._networks)
        total: Array | None = None
        next_state: list[State] = []
        for number, network in enumerate(self._networks):
            part = state[number * length : (number + 1) * length]
            logits, part = network.forward(ids, part, matmul)
            next_state.append(part)
            probs = softmax(logits)
            total = probs if total is None else np.add(total, probs, out=total)
        assert total is not None
        total /= len(self._networks)
        # What all of them hold for impossible stays a finite number.
        np.maximum(total, np.finfo(total.dtype).tiny, out=total)
        return np.log(total, out=total), tuple(itertools.chain.from_iterable(next_state))


def split_networks(config: ModelConfig, arrays: Mapping[str, Array]) -> list[dict[str, Array]]:
    """Return the weights of each network by the names that they have in one."""
    return [
        strip_prefix(network_prefix(config, number), arrays)
        for number in range(config.num_networks)
    ]


def join_networks(config: ModelConfig, parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Return the weights of all networks by the names that they have in a model."""
    return {
        f"{network_prefix(config, number)}{name}": array
        for number, part in enumerate(parts)
        for name, array in part.items()
    }


def softmax(logits: Array) -> Array:
    """Return probabilities, computed in place of the logits of the last axis."""
    logits -= logits.max(axis=-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=-1, keepdims=True)
    return logits
