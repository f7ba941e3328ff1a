"""How surprising a text is to a model: nats per character.

Sizes: B streams, T time steps, V vocabulary, N characters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from charrnn.model.network import Network
from charrnn.text.streams import IGNORED, MAX_MEASURING_STREAMS
from charrnn.text.vocabulary import Ids
from charrnn.text.windows import measuring_windows

SEQ_LENGTH = 64
MAX_WINDOW_LOGITS = 1 << 23  # of a window, 32 MB


@dataclass(frozen=True)
class Score:
    """What was summed over a text. The first character is given, not predicted.

    Attributes:
        nats: Minus the sum of the natural logarithms of the characters' probabilities.
        chars: Characters that were predicted.
        correct: How many of them were the most likely one.
    """

    nats: float
    chars: int
    correct: int

    @property
    def nats_per_char(self) -> float:
        """The mean surprise of a character, in nats."""
        return self.nats / self.chars

    @property
    def bits_per_char(self) -> float:
        """The mean surprise of a character, in bits."""
        return self.nats_per_char / math.log(2)

    @property
    def perplexity(self) -> float:
        """The number of equally likely characters that would be as hard to predict."""
        try:
            return math.exp(self.nats_per_char)
        except OverflowError:
            return math.inf

    @property
    def accuracy(self) -> float:
        """The share of characters that were the most likely one, 0 to 1."""
        return self.correct / self.chars

    def bits_per_byte(self, num_bytes: int) -> float:
        """Return the mean surprise of a byte, in bits.

        Args:
            num_bytes: The size of the predicted characters in UTF-8.
        """
        return self.nats / math.log(2) / num_bytes


def score(
    network: Network, ids: Ids, *, num_streams: int | None = None, end_id: int | None = None
) -> Score:
    """Score a text.

    Args:
        network: The model.
        ids: The text, shape (N,), N of 2 or more.
        num_streams: See ``measuring_windows``. 1 gives the exact sum.
        end_id: The end symbol of a text of documents, each of which is scored by itself, from a
            fresh state to its end.

    Returns:
        The sums over the N - 1 predictions.

    Raises:
        ValueError: If there is nothing to predict.
    """
    if len(ids) < 2:
        raise ValueError("a text of fewer than two characters has nothing to predict")
    window_chars = MAX_WINDOW_LOGITS // network.config.vocab_size
    seq_length = max(1, min(SEQ_LENGTH, window_chars // MAX_MEASURING_STREAMS))
    streams = measuring_windows(ids, end_id, seq_length, num_streams)
    state = network.initial_state(streams.num_streams)
    nats = 0.0
    correct = 0
    for window in streams:
        state = network.forget(state, window.is_start)
        logits, state = network.forward(window.inputs, state)
        if not window.num_chars:
            continue
        is_counted = window.targets != IGNORED
        logits, targets = logits[is_counted], window.targets[is_counted]  # (chars, V), (chars,)
        peaks = logits.max(axis=-1)
        chosen = np.take_along_axis(logits, targets[:, None], axis=-1)[:, 0]
        totals = np.exp(logits - peaks[:, None]).sum(axis=-1, dtype=np.float64)
        nats += float((np.log(totals) + peaks - chosen).sum(dtype=np.float64))
        correct += int((logits.argmax(axis=-1) == targets).sum())
    return Score(nats, len(ids) - 1, correct)
