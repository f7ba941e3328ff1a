"""An ensemble of networks: the mean of their probabilities.

Networks trained from different initial weights make different errors, and their mean is better than
any of them (L. Hansen and P. Salamon, Neural network ensembles, 1990).
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from charrnn.model.cells.spec import Array
from charrnn.model.config import ModelConfig, network_prefix

_TINY = np.finfo(np.float32).tiny


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
    """Return finite logarithms, computed in place: zero counts as the smallest normal float32."""
    np.maximum(probs, _TINY, out=probs)
    return np.log(probs, out=probs)


def softmax(logits: Array) -> Array:
    """Return probabilities over the last axis, computed in place."""
    logits -= np.maximum.reduce(logits, axis=-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= np.add.reduce(logits, axis=-1, keepdims=True)
    return logits


def log_softmax(logits: Array) -> Array:
    """Return log-probabilities over the last axis, computed in place."""
    logits -= np.maximum.reduce(logits, axis=-1, keepdims=True)
    logits -= np.log(np.add.reduce(np.exp(logits), axis=-1, keepdims=True))
    return logits


def split_networks(config: ModelConfig, arrays: Mapping[str, Array]) -> list[dict[str, Array]]:
    """Return the weights of each network under the names they have in a model of one."""
    prefixes = [network_prefix(config, number) for number in range(config.num_networks)]
    return [strip_prefix(prefix, arrays) for prefix in prefixes]


def strip_prefix(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def join_networks(config: ModelConfig, parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Return the weights of all networks under their names in the model."""
    return {
        f"{network_prefix(config, number)}{name}": array
        for number, part in enumerate(parts)
        for name, array in part.items()
    }
