"""How much of a prediction should be the counts': what does best on the validation text.

Sizes: N predictions.
"""

import numpy as np
import numpy.typing as npt

from charrnn.corpus.document_streams import AnyStreams
from charrnn.corpus.streams import IGNORED
from charrnn.memory.context_model import ContextModel
from charrnn.memory.counting import USUAL_SHARE
from charrnn.memory.counts import Counts

NUM_ROUNDS = 50  # 8 ms for 100,000 characters; the loss is then within 1e-5 of the least
USUAL_CHARS = 100  # that are taken to have shown the usual share, so that few others decide little

Probs = npt.NDArray[np.float64]


def target_probs(counts: Counts, windows: AnyStreams) -> Probs:
    """Return how likely each target of some windows is by counts, shape (N,), in their order."""
    model = ContextModel(counts)
    context = model.no_context(windows.num_streams)
    parts = []
    for window in windows:
        context[window.is_start] = 0
        probs, context = model.read(window.inputs, context)
        is_given = window.targets != IGNORED
        places = np.where(is_given, window.targets, 0)[..., None]
        parts.append(np.take_along_axis(probs, places, -1)[..., 0][is_given])
    return np.concatenate(parts).astype(np.float64)


def best_share(by_network: Probs, by_counts: Probs) -> float:
    """Return the share of counts, above 0 and below 1, with which the mixture is best; or NaN.

    Each round takes the mean of how far the counts are to be believed at each target, by the share
    of the round before: expectation and maximisation (A. Dempster et al., 1977). Both arrays hold
    the probability of each target, shape (N,).
    """
    share = USUAL_SHARE
    for _ in range(NUM_ROUNDS):
        of_counts = share * by_counts
        believed = (of_counts / (of_counts + (1 - share) * by_network)).sum()
        share = float(believed + USUAL_CHARS * USUAL_SHARE) / (len(by_counts) + USUAL_CHARS)
    return share
