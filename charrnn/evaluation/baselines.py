"""Baselines: the losses of simpler predictors and of a compressor on the same text.

Time and memory are bounded: a long training text is cut to its end, a long validation text to its
start. The notes say so.

Sizes: V vocabulary, N characters.
"""

import lzma
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.text.vocabulary import Ids, Vocabulary, code_points
from charrnn.units import NATS_PER_BIT, nats_to_bits

MAX_COUNTED = 1 << 20  # last characters of the training text to count n-grams in
MAX_MEASURED = 1 << 18  # first characters of the text to predict or compress
MAX_COMPRESSED = 1 << 19  # characters of training text that the compressor sees first

Keys = npt.NDArray[np.int64]
Probs = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Baseline:
    """A simpler predictor and its loss.

    Attributes:
        name: Name of the predictor.
        nats_per_char: Its loss.
        note: What it predicts from.
    """

    name: str
    nats_per_char: float
    note: str

    @property
    def bits_per_char(self) -> float:
        """The loss in bits per character."""
        return nats_to_bits(self.nats_per_char)

    def to_json(self) -> dict[str, Any]:
        """Return the baseline as one object."""
        return {"name": self.name, "bits_per_char": self.bits_per_char, "note": self.note}

    def row(self) -> tuple[str, str, str]:
        """Return name, loss and note, for a table."""
        return self.name, f"{self.bits_per_char:.4f}", f"bits per character: {self.note}"

    def __str__(self) -> str:
        """Return the baseline as one line."""
        return f"{self.name}: {self.bits_per_char:.4f} bits per character, {self.note}"


def validation_baselines(vocabulary: Vocabulary, train: Ids, val: Ids) -> tuple[Baseline, ...]:
    """Return baselines for a validation text of 2 or more ids, computed from the training text."""
    size = vocabulary.size
    train, val = train[-MAX_COUNTED:], val[:MAX_MEASURED]
    order_0, order_2 = order_losses(train.astype(np.int64), val.astype(np.int64), size)
    before = train[-MAX_COMPRESSED:]
    texts = [vocabulary.decode(ids) for ids in (before, np.concatenate([before, val]))]
    with ThreadPoolExecutor(2) as threads:  # the compressor releases the interpreter lock
        alone, together = threads.map(compressed_size, map(vocabulary.to_bytes, texts))
    xz = (together - alone) * 8 * NATS_PER_BIT / len(val)
    seen = "" if len(before) == len(train) else f"the last {len(before):,} characters of "
    note = f"size that the text adds to {seen}the training text under xz -6 without its container"
    return (
        Baseline("uniform", math.log(size), f"all {size:,} characters equally likely"),
        Baseline("order 0", order_0, "character frequencies in the training text"),
        Baseline("order 2", order_2, "trigram frequencies in the training text"),
        Baseline("xz", xz, note),
    )


def text_baselines(vocabulary: Vocabulary, text: str) -> tuple[Baseline, ...]:
    """Return baselines for a text of 2 or more characters, computed from this text alone."""
    text = text[:MAX_MEASURED]
    counts = np.unique(code_points(text), return_counts=True)[1]
    entropy = math.log(len(text)) - float((counts * np.log(counts)).sum()) / len(text)
    xz = compressed_size(vocabulary.to_bytes(text)) * 8 * NATS_PER_BIT / len(text)
    size = len(counts)
    return (
        Baseline("uniform", math.log(size), f"all its {size:,} characters equally likely"),
        Baseline("order 0", entropy, "character frequencies in the text itself"),
        Baseline("xz", xz, "size of the text under xz -6 without its container"),
    )


def order_losses(train: Keys, val: Keys, vocab_size: int) -> tuple[float, float]:
    """Return the losses, in nats, of n-gram models of orders 0 and 2 with Witten-Bell smoothing.

    Each order falls back on the next shorter context. With n the number of times a context occurs
    and t the number of distinct characters that follow it::

        p_k(c | context) = (n(context, c) + t(context) p_(k-1)(c | shorter context))
                           / (n(context) + t(context))

    and p_(-1) = 1 / V. The first character of ``val`` is given; contexts do not reach into
    ``train``.

    References:
        I. Witten and T. Bell, The zero-frequency problem, IEEE Transactions on Information Theory
        37, 1991 (method C).
    """
    probs: Probs = np.full(len(val), 1 / vocab_size)
    losses = []
    for order in range(3):
        contexts, runs = _runs(train, order, vocab_size)
        seen, followed = _runs(val, order, vocab_size)
        distinct_runs, run_counts = np.unique(runs, return_counts=True)
        distinct, counts = np.unique(contexts, return_counts=True)
        followers = np.unique(distinct_runs // vocab_size, return_counts=True)[1]  # same order
        n, t = _look_up(distinct, counts, seen), _look_up(distinct, followers, seen)
        n_run = _look_up(distinct_runs, run_counts, followed)
        # The first ``order`` places lack a full context and keep the shorter one.
        shorter = probs[order:]
        probs[order:] = np.where(n > 0, (n_run + t * shorter) / np.maximum(n + t, 1), shorter)
        losses.append(-float(np.log(probs[1:]).mean()))
    return losses[0], losses[2]


def _runs(ids: Keys, order: int, vocab_size: int) -> tuple[Keys, Keys]:
    """Return the keys of the context of each character, and of context plus character."""
    context = np.zeros(max(len(ids) - order, 0), np.int64)
    for place in range(order):
        context = context * vocab_size + ids[place : place + len(context)]
    return context, context * vocab_size + ids[order:]


def _look_up(keys: Keys, values: npt.NDArray[np.int64], wanted: Keys) -> Probs:
    """Return the value of each wanted key, 0 if missing; keys are sorted."""
    if len(keys) == 0:
        return np.zeros(len(wanted))
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0).astype(np.float64)


def compressed_size(data: bytes) -> int:
    """Return the size of data after raw LZMA2, the compression of ``xz -6``, in bytes.

    The xz container is left out: its headers and checksum, about 60 bytes, say nothing of the text
    and would dominate the size of a short one. The dictionary is at most as large as the data,
    because the preset's would take 100 MB of memory.
    """
    dictionary = min(max(len(data), 1 << 12), 1 << 23)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": dictionary}]
    return len(lzma.compress(data, lzma.FORMAT_RAW, filters=filters))
