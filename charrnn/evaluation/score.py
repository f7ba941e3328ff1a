"""Score of a text: its surprise summed up, in nats.

Sizes: N characters.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np

from charrnn.evaluation.reader import PART_CHARS, Reader
from charrnn.evaluation.surprise import BLOCK_CHARS, Surprise, measure
from charrnn.memory.memory import Memory
from charrnn.model.predictor import Predictor
from charrnn.text.vocabulary import Ids
from charrnn.units import nats_to_bits


@dataclass(frozen=True)
class Score:
    """Sums over a text. The first character is given, not predicted.

    Attributes:
        nats: Negative log-likelihood of the text, in nats.
        chars: Number of predicted characters.
        correct: Number of characters that were the likeliest ones.
        nats_without_memory: Negative log-likelihood by the networks alone.
    """

    nats: float
    chars: int
    correct: int
    nats_without_memory: float

    def __add__(self, other: Score) -> Score:
        """Return the sums over two stretches of text."""
        return Score(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    @property
    def nats_per_char(self) -> float:
        """The mean surprise of a character, in nats."""
        return self.nats / self.chars

    @property
    def nats_per_char_without_memory(self) -> float:
        """The mean surprise of a character by the networks alone, in nats."""
        return self.nats_without_memory / self.chars

    @property
    def bits_per_char(self) -> float:
        """The mean surprise of a character, in bits."""
        return nats_to_bits(self.nats_per_char)

    @property
    def perplexity(self) -> float:
        """The number of equally likely characters that are as hard to predict."""
        try:
            return math.exp(self.nats_per_char)
        except OverflowError:
            return math.inf

    @property
    def accuracy(self) -> float:
        """The share of characters that were the likeliest ones, 0 to 1."""
        return self.correct / self.chars

    def bits_per_byte(self, num_bytes: int) -> float:
        """Return the mean surprise of a byte, in bits; ``num_bytes`` of predicted characters."""
        return nats_to_bits(self.nats) / num_bytes


NOTHING = Score(0.0, 0, 0, 0.0)


def total(surprise: Surprise) -> Score:
    """Return the sums over the characters that were predicted."""
    return Score(
        float(np.nansum(surprise.nats)),
        int(surprise.is_predicted.sum()),
        int(surprise.is_likeliest.sum()),
        float(np.nansum(surprise.nats_without_memory)),
    )


def score(
    network: Predictor,
    ids: Ids,
    *,
    exact: bool = False,
    end_id: int | None = None,
    memory: Memory | None = None,
) -> Score:
    """Score a text of N ids: the sums over its N - 1 predictions.

    With ``exact`` the text is read as one stream, which is slow, not in parts. With an end symbol,
    each document is scored from a fresh state.

    Raises:
        ValueError: If the text has fewer than two characters.
    """
    if len(ids) < 2:
        raise ValueError("a text of fewer than two characters has nothing to predict")
    part_chars = None if exact else PART_CHARS
    reader = Reader(network, end_id=end_id, part_chars=part_chars, memory=memory)
    blocks = (ids[start : start + BLOCK_CHARS] for start in range(0, len(ids), BLOCK_CHARS))
    return sum((total(measure(reader, block)) for block in blocks), NOTHING)
