"""Filters of candidates: pure functions from logits to logits.

A filter sets the logits of dropped characters to -inf and always keeps the likeliest one. Ties go
to the lowest id.

Sizes: B samples, V vocabulary.
"""

import math
from collections.abc import Callable, Collection, Sequence
from functools import partial

import numpy as np

from charrnn.generation.params import SamplingParams
from charrnn.generation.sampling import log_probs
from charrnn.model.cells.spec import Array

Filter = Callable[[Array], Array]


def filters_of(params: SamplingParams) -> list[Filter]:
    """Return the active filters in the order in which they apply."""
    filters: list[Filter] = []
    if params.top_k > 0:
        filters.append(partial(keep_top_k, count=params.top_k))
    if params.top_p < 1:
        filters.append(partial(keep_top_p, mass=params.top_p))
    if params.min_p > 0:
        filters.append(partial(keep_min_p, share=params.min_p))
    return filters


def penalise_repeats(logits: Array, recent: Sequence[Collection[int]], penalty: float) -> Array:
    """Divide the probabilities of each sample's recent ids by ``penalty``, before normalisation.

    The rule of N. Keskar et al., 2019, arXiv:1909.05858, scales the logit itself. This one depends
    on the probabilities only. Logits have shape (B, V); the penalty is more than 0.
    """
    logits = logits.copy()
    for row, ids in zip(logits, recent, strict=True):
        row[list(set(ids))] -= math.log(penalty)
    return logits


def keep_top_k(logits: Array, count: int) -> Array:
    """Keep the ``count`` likeliest characters, 1 or more.

    References:
        A. Fan et al., Hierarchical neural story generation, 2018, arXiv:1805.04833.
    """
    if count >= logits.shape[-1]:
        return logits
    kept = logits.copy()
    np.put_along_axis(kept, _likeliest_first(logits)[:, count:], -np.inf, axis=-1)
    return kept


def keep_top_p(logits: Array, mass: float) -> Array:
    """Keep the fewest likeliest characters whose probabilities add up to ``mass``.

    References:
        A. Holtzman et al., The curious case of neural text degeneration, 2019, arXiv:1904.09751.
    """
    order = _likeliest_first(logits)
    probs = np.exp(log_probs(np.take_along_axis(logits, order, axis=-1)))
    is_enough = probs.cumsum(axis=-1)[:, :-1] >= mass  # before each character
    kept = logits.copy()
    for row, places, enough in zip(kept, order, is_enough, strict=True):
        row[places[1:][enough]] = -np.inf
    return kept


def keep_min_p(logits: Array, share: float) -> Array:
    """Keep characters with at least ``share`` of the highest probability; more than 0.

    References:
        M. Nguyen et al., Turning up the heat: min-p sampling, 2024, arXiv:2407.01082.
    """
    least = logits.max(axis=-1, keepdims=True) + math.log(share)
    return np.where(logits >= least, logits, -np.inf)


def _likeliest_first(logits: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """Return the ids of each row by falling probability, shape (B, V)."""
    return np.argsort(-logits, axis=-1, kind="stable")
