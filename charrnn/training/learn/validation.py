"""Validation: the loss of the networks and the memory together, and how much text it reads.

Sizes: N predictions, V vocabulary.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.corpus.document_streams import AnyStreams, measuring_windows
from charrnn.corpus.streams import IGNORED, Window
from charrnn.memory.expected import Expected, Numbers
from charrnn.memory.memory import Memory
from charrnn.memory.text_memory import CHUNK_CHARS, TextMemory
from charrnn.text.vocabulary import Ids
from charrnn.training.recipe.settings import Recipe
from charrnn.training.run.budget import Budget
from charrnn.training.run.progress import NUM_VALIDATIONS

TINY = np.finfo(np.float32).tiny
VALIDATION_SHARE = 0.05  # of the time of a run, or of the characters it trains on
LONGEST_VALIDATION = 0.02  # of the time of a run
MIN_VALIDATION_CHARS = 120_000  # unless they take more than twice LONGEST_VALIDATION
MAX_VALIDATION_CHARS = 120_000
KNOWN_PER_SECOND = 2000  # characters that the memory reads for each second of the budget: 2 % of it
MIN_CHARS = 2048
PROBE_CHARS = 16_384
SEQ_LENGTH = 32  # windows of 64 streams stay in the processor's cache
MAX_STREAMS = 64
MAX_LOGITS = 1 << 24  # per window: 64 MiB per network; fewer streams if V > 8,192


class Validator:
    """Measures networks with a memory on a validation text.

    The gate of the memory stays as it was shipped: to learn on the text would take longer than the
    networks do. So ``eval``, which learns, finds a slightly lower loss.
    """

    def __init__(self, val: Ids, memory: Memory, max_chars: int = MAX_VALIDATION_CHARS) -> None:
        """Take the validation text and the memory.

        At most ``max_chars`` predictions are validated: what the memory knows of them is found
        here, and kept.
        """
        self._val = val[: max_chars + 1]
        self._memory = memory
        vocab_size = memory.vocabulary.size
        self._num_streams = max(1, min(MAX_LOGITS // (SEQ_LENGTH * vocab_size), MAX_STREAMS))
        self._known = _statistics(self._val, memory)

    @property
    def num_chars(self) -> int:
        """How many characters can be validated."""
        return len(self._val)

    def windows(self, max_chars: int) -> AnyStreams | None:
        """Return the first characters as windows; None if there is nothing to predict."""
        val = self._val[: max_chars + 1]
        if len(val) < 2:
            return None
        end_id = self._memory.vocabulary.end_id
        return measuring_windows(val, end_id, SEQ_LENGTH, self._num_streams)

    def loss(self, predictions: Iterable[tuple[Window, Numbers]]) -> float:
        """Return the mean loss in nats per character; not finite if a prediction is not.

        ``predictions`` has all windows of a text, and what the networks predict for their targets.
        """
        places, expected = [], []
        with np.errstate(all="ignore"):  # the caller reports a loss that is not finite
            for window, probs in predictions:
                is_given = window.targets != IGNORED
                places.append(window.places[is_given])
                chosen = np.take_along_axis(probs, window.targets[is_given][:, None], axis=1)[:, 0]
                entropy = -(probs * np.log(np.maximum(probs, TINY))).sum(axis=1)
                expected.append(np.stack([chosen, probs.max(axis=1), entropy]))
            columns = np.concatenate(expected, axis=1)
            columns[:, np.concatenate(places)] = columns.copy()
            return self._loss(*columns)

    def _loss(self, chosen: Numbers, peak: Numbers, entropy: Numbers) -> float:
        """Return the loss, given what the networks expect at each place."""
        features, is_there, first, taken, last = self._known
        total = 0.0
        for begin in range(0, len(chosen), CHUNK_CHARS):
            part = slice(begin, min(begin + CHUNK_CHARS, len(chosen)))
            seen = features[part].astype(np.float32)
            seen[:, -2], seen[:, -1] = peak[part], entropy[part]
            weights = self._memory.gate.weigh(seen, is_there[part])
            networks = chosen[part, None]
            given = [networks, first[part] + taken[part] * networks, last[part]]
            probs = (weights * np.concatenate(given, axis=1)).sum(axis=1, dtype=np.float64)
            total -= float(np.log(probs).sum())
        return total / len(chosen)


def _statistics(val: Ids, memory: Memory) -> list[npt.NDArray[Any]]:
    """Return what a memory knows of a text, without what networks expect.

    The arrays are those of ``Evidence``: features, which parts there are, and shares. Half
    precision keeps them small.
    """
    known: list[npt.NDArray[Any]] = []
    ids = val.astype(np.int64)
    begin, num = 0, len(ids) - 1
    for evidence in TextMemory(memory).read(ids) if num > 0 else ():
        end = begin + evidence.num
        none = np.zeros(evidence.num, np.float32)
        features = evidence.features(Expected(none[:, None], none, none))
        first, taken, last = evidence.shares(ids[begin + 1 : end + 1])
        arrays = features, evidence.is_there, first, taken, last
        if not known:
            for array in arrays:
                dtype = np.bool_ if array.dtype == np.bool_ else np.float16
                known.append(np.empty((num, *array.shape[1:]), dtype))
        for mine, array in zip(known, arrays, strict=True):
            mine[begin:end] = array
        begin = end
    return known


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
        validate(MIN_CHARS)  # prepares kernels
        before = budget.elapsed
        validate(PROBE_CHARS)
        speed = min(PROBE_CHARS, num_chars) / max(budget.elapsed - before, 1e-6)
        affordable = LONGEST_VALIDATION * budget.seconds * speed
        limit = min(limit, int(affordable))
        enough = min(enough, int(2 * affordable))
    if budget.steps is not None:
        trained_chars = budget.steps * recipe.batch_size * recipe.seq_length
        limit = min(limit, int(VALIDATION_SHARE / NUM_VALIDATIONS * trained_chars))
    return max(limit, enough, MIN_CHARS)
