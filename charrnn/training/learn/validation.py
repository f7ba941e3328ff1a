"""Validation: the loss of the networks and the memory together, and how much text it reads.

Sizes: N predictions, V vocabulary.
"""

import math
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
from charrnn.training.run.budget import Budget

TINY = np.finfo(np.float32).tiny
VALIDATION_SHARE = 0.05  # of the time of a run
LONGEST_VALIDATION = 0.04  # of the time of a run
MAX_VALIDATION_CHARS = 120_000  # so many make a validation reliable
KNOWING_SHARE = 0.02  # of the time of a run: what the memory knows of the text is found
MIN_CHARS = 2048
PROBE_CHARS = 16_384
SEQ_LENGTH = 32  # windows of 64 streams stay in the processor's cache
MAX_STREAMS = 64
MAX_LOGITS = 1 << 24  # per window: 64 MiB per network; fewer streams if V > 8,192


class Validator:
    """Measures networks with a memory on a validation text.

    The gate of the memory stays as it was shipped: to learn on the text would take longer than the
    networks do. So ``eval``, which learns, finds a slightly lower loss.

    Attributes:
        num_chars: How many characters of the text the memory knows.
    """

    def __init__(self, val: Ids, memory: Memory) -> None:
        """Take the validation text and the memory."""
        self._val = val[: MAX_VALIDATION_CHARS + 1]
        self._memory = memory
        vocab_size = memory.vocabulary.size
        self._num_streams = max(1, min(MAX_LOGITS // (SEQ_LENGTH * vocab_size), MAX_STREAMS))
        self._text = TextMemory(memory)
        self._known: list[npt.NDArray[Any]] = []
        self.num_chars = 0

    def learn_text(self, budget: Budget) -> None:
        """Find what the memory knows of the text, as far as ``KNOWING_SHARE`` of the time allows.

        It is kept for all validations.
        """
        until = math.inf
        if budget.seconds is not None:
            until = budget.elapsed + KNOWING_SHARE * budget.seconds
        while self.num_chars < len(self._val) - 1 and budget.elapsed < until:
            self._know(self.num_chars + CHUNK_CHARS)

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
        self._know(columns.shape[1])
        with np.errstate(all="ignore"):
            return self._loss(*columns)

    def _loss(self, chosen: Numbers, peak: Numbers, entropy: Numbers) -> float:
        """Return the loss, given what the networks expect at each place."""
        features, is_there, first, taken, last = self._known
        total = 0.0
        for begin in range(0, len(chosen), CHUNK_CHARS):
            part = slice(begin, min(begin + CHUNK_CHARS, len(chosen)))
            seen = features[part].astype(np.float32)
            seen[:, -2], seen[:, -1] = peak[part], entropy[part]
            weights = self._memory.gate.weigh(seen, is_there[part], self._val[part])
            networks = chosen[part, None]
            given = [networks, first[part] + taken[part] * networks, last[part]]
            probs = (weights * np.concatenate(given, axis=1)).sum(axis=1, dtype=np.float64)
            total -= float(np.log(probs).sum())
        return total / len(chosen)

    def _know(self, num: int) -> None:
        """Find what the memory knows of the first characters, without what networks expect.

        The arrays are those of ``Evidence``: features, which parts there are, and shares. Half
        precision keeps them small.
        """
        num = min(num, len(self._val) - 1)
        while self.num_chars < num:
            begin = self.num_chars
            ids = self._val[begin : min(begin + CHUNK_CHARS, num) + 1].astype(np.int64)
            (evidence,) = self._text.read(ids if begin == 0 else ids[1:])
            none = np.zeros(evidence.num, np.float32)
            features = evidence.features(Expected(none[:, None], none, none))
            first, taken, last = evidence.shares(ids[1:])
            arrays = features, evidence.is_there, first, taken, last
            if not self._known:
                for array in arrays:
                    dtype = np.bool_ if array.dtype == np.bool_ else np.float16
                    shape = len(self._val) - 1, *array.shape[1:]
                    self._known.append(np.empty(shape, dtype))
            for mine, array in zip(self._known, arrays, strict=True):
                mine[begin : begin + evidence.num] = array
            self.num_chars += evidence.num
        if self.num_chars == len(self._val) - 1:
            self._text = TextMemory(self._memory)  # lets go of what was read


def choose_validation_chars(
    num_chars: int, budget: Budget, validate: Callable[[int], object]
) -> int:
    """Return how many of the characters that the memory knows each validation reads.

    All, unless that takes over 4 % of the time of the run, which a probe tells. ``validate``
    validates on a number of characters.
    """
    if budget.seconds is None:
        return num_chars
    validate(MIN_CHARS)  # prepares kernels
    before = budget.elapsed
    validate(PROBE_CHARS)
    speed = min(PROBE_CHARS, num_chars) / max(budget.elapsed - before, 1e-6)
    affordable = LONGEST_VALIDATION * budget.seconds * speed
    return min(num_chars, max(int(affordable), MIN_CHARS))
