"""How far back a model looks: the loss against the number of characters it may look back.

The same characters are predicted with the whole past and with only the last n characters, and the
losses are compared pair by pair::

    d(n) = mean of [loss with the last n characters - loss with all before], in nats

A stream that starts afresh at some place and reads on gives d(n) for n = 1, 2, 3, ... at once. Of
the networks there are three such curves, by what comes before the start: nothing, that is the zero
state; the characters that stand there in random order; and other characters of the text. The last
two show what the networks make of a past that they can read but that tells less. The memory starts
afresh at the same places and has read nothing before.

Sizes: S starts, M steps after each.

References:
    U. Khandelwal et al., Sharp nearby, fuzzy far away, 2018, arXiv:1805.04623.
"""

import itertools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.errors import TextError
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.surprise import measure
from charrnn.insight.reading import Progress, reset, silent, until_starts
from charrnn.insight.text import Text
from charrnn.memory.expected import Expected, expect
from charrnn.memory.memory import Memory
from charrnn.memory.text_memory import TextMemory
from charrnn.model.cells.spec import Array
from charrnn.model.predictor import Predictor
from charrnn.processors import num_processors
from charrnn.text.vocabulary import Ids
from charrnn.units import finite_or_none

NUM_STARTS = 256
NUM_STEPS = 512  # the longest context of the curves
READ_BEFORE = 256  # characters in random order, or of another place
LEAST_CHARS = 64
SEQ_LENGTH = 16
ROWS = 64  # starts that are read together
ONE_PER_CENT = float(np.log(1.01))
"""The loss of one per cent of perplexity, in nats."""

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

_NUM_RESAMPLES = 1000


@dataclass(frozen=True)
class Curve:
    """The loss of a limited past, by how far it goes.

    Attributes:
        lengths: The fewest characters n of each bin; it ends before the next one.
        nats: The mean of d(n) over the bin.
        low: The lower end of an interval of 95 % from a bootstrap over the starts.
        high: The upper end.
    """

    lengths: list[int]
    nats: list[float]
    low: list[float]
    high: list[float]

    @property
    def reach(self) -> int | None:
        """The smallest n from which on less than one per cent is lost; None if more is needed."""
        short = [n for n, nats in zip(self.lengths, self.nats, strict=True) if nats >= ONE_PER_CENT]
        after = [n for n in self.lengths if not short or n > short[-1]]
        return after[0] if after else None

    def to_json(self) -> dict[str, Any]:
        """Return the curve as an object."""
        columns = zip(self.lengths, self.nats, self.low, self.high, strict=True)
        points = [
            {"chars": n, "nats": finite_or_none(nats), "low": low, "high": high}
            for n, nats, low, high in columns
        ]
        return {"reach": self.reach, "points": points}


@dataclass(frozen=True)
class Reach:
    """How far back a model looks.

    Attributes:
        num_starts: S.
        num_steps: M, the longest past of the curves.
        networks: Of the networks, from the zero state.
        shuffled: After characters in random order.
        foreign: After other characters of the text.
        memory: Of the networks with the memory; None without one.
    """

    num_starts: int
    num_steps: int
    networks: Curve
    shuffled: Curve
    foreign: Curve
    memory: Curve | None

    def curves(self) -> Mapping[str, Curve]:
        """Return the curves by their names."""
        named = {
            "networks": self.networks,
            "after shuffled text": self.shuffled,
            "after foreign text": self.foreign,
        }
        return named if self.memory is None else named | {"with the memory": self.memory}

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as an object."""
        curves = {name: curve.to_json() for name, curve in self.curves().items()}
        return {"starts": self.num_starts, "steps": self.num_steps, "curves": curves}


def measure_reach(
    predictor: Predictor, memory: Memory | None, text: Text, progress: Progress = silent
) -> Reach:
    """Measure how far back a model looks in a text.

    In a text of documents each is read from a fresh state, so none looks beyond its start.

    Raises:
        TextError: If the text is too short.
    """
    num = len(text.ids)
    steps = min(NUM_STEPS, num // 4)
    if steps < LEAST_CHARS:
        raise TextError(
            f"the text has {num:,} characters; the reach of a model takes {4 * LEAST_CHARS} or more"
        )
    rng = np.random.default_rng(0)
    # Each start has as many characters before it as after it.
    room = np.arange(steps, num - steps)
    starts = np.sort(rng.choice(room, min(NUM_STARTS, len(room)), replace=False))
    read_before = min(READ_BEFORE, steps)
    end_id = text.end_id if text.first else None
    full = measure(Reader(predictor, end_id=end_id, memory=memory), text.ids)
    progress(0.2)
    targets = starts[:, None] + 1 + np.arange(steps)
    whole = full.nats_without_memory[targets]
    own = starts[:, None] + np.arange(-read_before, 0)
    others = (own + rng.integers(steps, max(num - steps, steps + 1), (len(starts), 1))) % num
    contexts = [None, text.ids[rng.permuted(own, axis=1)], text.ids[others]]
    parts = [slice(at, at + ROWS) for at in range(0, len(starts), ROWS)]
    jobs = [(number, part) for number in range(len(contexts)) for part in parts]
    losses = np.zeros((len(contexts) + 1, len(starts), steps))

    def run(job: tuple[int, slice]) -> None:
        number, part = job
        before, own = contexts[number], starts[part]
        keep: list[Expected] | None = [] if before is None and memory is not None else None
        read = None if before is None else before[part]
        losses[number, part] = _fresh_losses(predictor, text, own, steps, read, keep)
        if keep and memory is not None:
            losses[-1, part] = _losses_with_memory(memory, text, own, keep, steps)

    with ThreadPoolExecutor(num_processors()) as threads:
        for done, _ in enumerate(threads.map(run, jobs), start=1):
            progress(0.2 + 0.8 * done / len(jobs))
    networks, shuffled, foreign = (_curve(nats - whole, rng) for nats in losses[:-1])
    with_memory = losses[-1] - full.nats[targets]
    remembered = None if memory is None else _curve(with_memory, rng)
    return Reach(len(starts), steps, networks, shuffled, foreign, remembered)


def _fresh_losses(
    predictor: Predictor,
    text: Text,
    starts: Places,
    num_steps: int,
    before: Any,
    keep: list[Expected] | None,
) -> Floats:
    """Return the loss at each step after fresh starts, shape (S, M).

    ``before`` has what is read before each start, shape (S, ·). ``keep`` takes what the networks
    expect, window by window.
    """
    state = predictor.initial_state(len(starts))

    def read(ids: Ids) -> Array:
        nonlocal state
        log_probs = []
        for part, fresh in until_starts(ids == text.end_id):
            found, state = predictor.forward(ids[:, part], reset(state, fresh))
            log_probs.append(found)
        return np.concatenate(log_probs, axis=1)

    if before is not None:
        for begin in range(0, before.shape[1], SEQ_LENGTH):
            read(before[:, begin : begin + SEQ_LENGTH])
    losses = np.zeros((len(starts), num_steps))
    rows = np.arange(len(starts))[:, None]
    for begin in range(0, num_steps, SEQ_LENGTH):
        steps = np.arange(begin, min(begin + SEQ_LENGTH, num_steps))
        places = starts[:, None] + steps
        log_probs = read(text.ids[places])
        losses[:, steps] = -log_probs[rows, np.arange(len(steps)), text.ids[places + 1]]
        if keep is not None:
            expected = expect(log_probs.reshape(-1, log_probs.shape[-1]))
            probs = expected.probs.reshape(log_probs.shape)
            keep.append(Expected(probs, *(part.reshape(places.shape) for part in expected[1:])))
    return losses


def _losses_with_memory(
    memory: Memory, text: Text, starts: Places, kept: list[Expected], num_steps: int
) -> Floats:
    """Return the losses of networks and memory after fresh starts, shape (S, M)."""
    expected = Expected(*(np.concatenate(parts, axis=1) for parts in zip(*kept, strict=True)))
    losses = np.zeros((len(starts), num_steps))
    for row, start in enumerate(starts.tolist()):
        own = Expected(*(part[row] for part in expected))
        targets = text.ids[start + 1 : start + 1 + num_steps]
        fresh = TextMemory(memory, int(text.ids[start]))
        for part, _, _ in fresh.follow(targets, own):
            chosen = np.take_along_axis(own.probs[part], targets[part, None], axis=1)[:, 0]
            losses[row, part] = -np.log(np.maximum(chosen, np.finfo(np.float32).tiny))
    return losses


def _curve(differences: Floats, rng: np.random.Generator) -> Curve:
    """Return the curve of paired differences, shape (S, M), in bins that widen with n."""
    num_starts, num_steps = differences.shape
    bounds = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]
    bounds = [*(n for n in bounds if n <= num_steps), num_steps + 1]
    # The prediction after n characters is in column n - 1.
    bins = np.stack(
        [differences[:, a - 1 : b - 1].mean(axis=1) for a, b in itertools.pairwise(bounds)]
    )
    drawn = rng.integers(0, num_starts, (_NUM_RESAMPLES, num_starts))
    means = np.stack([each[drawn].mean(axis=1) for each in bins])
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    return Curve(bounds[:-1], bins.mean(axis=1).tolist(), low.tolist(), high.tolist())
