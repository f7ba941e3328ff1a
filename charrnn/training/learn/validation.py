"""Validation: the loss of the networks and the counts together, and how much text it reads.

Sizes: N predictions.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from charrnn.corpus.document_streams import AnyStreams, measuring_windows
from charrnn.memory.counts import Counts
from charrnn.model.ensemble import mean_probs
from charrnn.text.vocabulary import Ids
from charrnn.training.learn.mixing import best_share, target_probs
from charrnn.training.recipe.settings import Recipe
from charrnn.training.run.budget import Budget
from charrnn.training.run.progress import NUM_VALIDATIONS

VALIDATION_SHARE = 0.05  # of the time of a run, or of the characters it trains on
LONGEST_VALIDATION = 0.02  # of the time of a run
MIN_VALIDATION_CHARS = 120_000  # unless they take more than twice LONGEST_VALIDATION
WARM_UP_CHARS = 2048
PROBE_CHARS = 16_384
SEQ_LENGTH = 32  # windows of 64 streams stay in the processor's cache
MAX_STREAMS = 64
MAX_LOGITS = 1 << 24  # per window: 64 MiB per network; fewer streams if V > 8,192


class Validator:
    """Measures networks, and counts if there are any, on a validation text.

    Attributes:
        counts: The counts of the training text, with the share that gave the lowest loss at the
            last validation; None for none.
    """

    def __init__(self, val: Ids, end_id: int | None, vocab_size: int, counts: Counts | None):
        """Take the validation text, its end symbol, the vocabulary size and the counts."""
        self._val = val
        self._end_id = end_id
        self._num_streams = max(1, min(MAX_LOGITS // (SEQ_LENGTH * vocab_size), MAX_STREAMS))
        self.counts = counts
        self._by_counts = np.zeros(0)  # the target probabilities of the text read last

    def windows(self, max_chars: int) -> AnyStreams | None:
        """Return the first characters as windows; None if there is nothing to predict."""
        val = self._val[: max_chars + 1]
        if len(val) < 2:
            return None
        return measuring_windows(val, self._end_id, SEQ_LENGTH, self._num_streams)

    def loss(self, losses: Sequence[npt.NDArray[np.float32]], windows: AnyStreams) -> float:
        """Return the mean loss in nats per character; not finite if a network's loss is not.

        ``losses`` has one array of shape (N,) for each network, measured on the windows.
        """
        with np.errstate(all="ignore"):  # the caller reports a loss that is not finite
            by_network = (np.exp(-loss.astype(np.float64)) for loss in losses)
            probs = np.asarray(mean_probs(by_network), dtype=np.float64)
            if self.counts is not None:
                if len(self._by_counts) != len(probs):
                    self._by_counts = target_probs(self.counts, windows)
                share = best_share(probs, self._by_counts)
                if np.isfinite(share):
                    self.counts = replace(self.counts, share=share)
                probs = (1 - share) * probs + share * self._by_counts
            return float(-np.log(probs).mean())


def choose_validation_chars(
    num_chars: int, budget: Budget, recipe: Recipe, validate: Callable[[int], object]
) -> int:
    """Return how many characters of the validation text each validation reads.

    All if that is cheap. Otherwise a probe limits each validation to 2 % of the time budget, and
    all validations together read at most 5 % of the characters that the steps read. At least
    120,000 characters make a validation reliable, unless they take over 4 % of the time.
    ``validate`` validates on a number of characters, for the probe.
    """
    limit = num_chars
    enough = MIN_VALIDATION_CHARS
    if budget.seconds is not None:
        validate(WARM_UP_CHARS)  # prepares kernels
        before = budget.elapsed
        validate(PROBE_CHARS)
        speed = min(PROBE_CHARS, num_chars) / max(budget.elapsed - before, 1e-6)
        affordable = LONGEST_VALIDATION * budget.seconds * speed
        limit = min(limit, int(affordable))
        enough = min(enough, int(2 * affordable))
    if budget.steps is not None:
        trained_chars = budget.steps * recipe.batch_size * recipe.seq_length
        limit = min(limit, int(VALIDATION_SHARE / NUM_VALIDATIONS * trained_chars))
    return max(limit, enough, WARM_UP_CHARS)
