"""Which characters may be drawn: pure functions from logits to logits.

Each keeps the likeliest character. What is taken out has a logit of -inf. Of equally likely
characters the one with the lowest id goes first.

Sizes: B samples, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from functools import partial

import numpy as np

from charrnn.generation.params import SamplingParams
from charrnn.generation.sampling import log_probs
from charrnn.model.cells.spec import Array

Filter = Callable[[Array], Array]


def filters_of(params: SamplingParams) -> list[Filter]:
    """Return the filters that a user chose, in the order in which they act."""
    filters: list[Filter] = []
    if params.top_k > 0:
        filters.append(partial(keep_top_k, count=params.top_k))
    if params.top_p < 1:
        filters.append(partial(keep_top_p, mass=params.top_p))
    if params.min_p > 0:
        filters.append(partial(keep_min_p, share=params.min_p))
    return filters


def penalise_repeats(logits: Array, recent: Sequence[Collection[int]], penalty: float) -> Array:
    """Divide the probability of characters that were there not long ago, before all are weighed.

    Unlike the rule of N. Keskar et al., 2019, arXiv:1909.05858, that multiplies or divides the
    logit itself, it depends on nothing but the probabilities.

    Args:
        logits: Shape (B, V).
        recent: For each sample the ids that were there.
        penalty: The divisor, more than 0.
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
    dropped = _likeliest_first(logits)[:, count:]
    return _without(logits, dropped)


def keep_top_p(logits: Array, mass: float) -> Array:
    """Keep as many of the likeliest characters as make up a probability of ``mass``.

    References:
        A. Holtzman et al., The curious case of neural text degeneration, 2019, arXiv:1904.09751.
    """
    order = _likeliest_first(logits)
    probs = np.exp(log_probs(np.take_along_axis(logits, order, axis=-1)))
    is_enough = probs.cumsum(axis=-1)[:, :-1] >= mass  # without the character at this place
    kept = logits.copy()
    for row, places, enough in zip(kept, order, is_enough, strict=True):
        row[places[1:][enough]] = -np.inf
    return kept


def keep_min_p(logits: Array, share: float) -> Array:
    """Keep characters that have ``share`` of the likeliest one's probability, more than 0.

    References:
        M. Nguyen et al., Turning up the heat: min-p sampling, 2024, arXiv:2407.01082.
    """
    least = logits.max(axis=-1, keepdims=True) + math.log(share)
    return np.where(logits >= least, logits, -np.inf)


def _likeliest_first(logits: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """Return the ids of each row, shape (B, V), sorted by falling probability."""
    return np.argsort(-logits, axis=-1, kind="stable")


def _without(logits: Array, ids: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> Array:
    """Return logits in which some ids of each row are taken out."""
    kept = logits.copy()
    np.put_along_axis(kept, ids, -np.inf, axis=-1)
    return kept
