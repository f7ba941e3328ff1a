"""One prediction taken apart: which part of the model said it.

The probability of a character is a sum: what each network adds, and what each context of the memory
adds that came before. See ``charrnn.memory.gate``.

Sizes: K networks, V vocabulary, T characters read, P parts of a prediction.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from charrnn.corpus.streams import WARM_UP_CHARS
from charrnn.evaluation.reader import PART_CHARS
from charrnn.insight.text import Text
from charrnn.insight.watch import Updates, Watched
from charrnn.memory.evidence import Evidence
from charrnn.memory.expected import Numbers, expect
from charrnn.memory.memory import Memory
from charrnn.memory.parts import list_parts
from charrnn.memory.text_memory import TextMemory
from charrnn.model.cells.spec import Array
from charrnn.model.ensemble import softmax
from charrnn.model.predictor import State
from charrnn.text.vocabulary import Ids

NUM_BEST = 5
NUM_BACK = 64  # characters before the place that may be replaced
MAX_READ = 4 * PART_CHARS  # characters before the place that the memory reads


@dataclass(frozen=True)
class Run:
    """The networks on their way to one prediction, as one stream.

    Attributes:
        begin: The first place that is read.
        ids: What is read, from there to the place before the predicted one, shape (T,).
        states: The state before each of the last of these, ``NUM_BACK`` at most.
        probs: What each network predicts after each, shape (K, T, V).
        logits: The same before the softmax.
        updates: What each layer did at each step.
    """

    begin: int
    ids: Ids
    states: list[State]
    probs: Array
    logits: Array
    updates: Updates


@dataclass(frozen=True)
class Candidate:
    """A character that could stand at the place, and what gives it its probability.

    Attributes:
        id: The character.
        prob: Its probability, the sum of what the parts add.
        networks: What each of K networks adds.
        contexts: The contexts of the memory, the largest first; see ``list_parts``. Each has
            ``adds``, a probability.
        rest: What all contexts add that are too small to be listed.
    """

    id: int
    prob: float
    networks: list[float]
    contexts: list[dict[str, Any]]
    rest: float


class _Mixture(NamedTuple):
    """The memory at one prediction: its evidence and the weights of the parts, shape (1, P)."""

    evidence: Evidence
    weights: Numbers


def run_to(model: Watched, text: Text, place: int) -> Run:
    """Read the characters before a place, from where an evaluation would begin, as one stream."""
    start = text.start(place)
    cut = start + (place - 1 - start) // PART_CHARS * PART_CHARS  # as in ``Reader``
    begin = max(cut - WARM_UP_CHARS, start)
    ids = text.ids[begin:place]
    state = model.initial_state(1)
    states, logits = [], []
    updates: Updates = [[] for _ in range(model.num_layers)]
    last = max(len(ids) - NUM_BACK, 0)
    for window in [ids[:last], *ids[last:, None]]:
        if not len(window):
            continue
        if len(window) == 1:
            states.append(state)
        found, state, new = model.forward(window[None], state)
        logits.append(found[:, 0])
        for kept, steps in zip(updates, new, strict=True):
            kept += steps
    all_logits = np.concatenate(logits, axis=1)
    return Run(begin, ids, states[-NUM_BACK:], softmax(all_logits.copy()), all_logits, updates)


def candidates(memory: Memory | None, text: Text, place: int, run: Run) -> list[Candidate]:
    """Return the character at a place, then the likeliest others, the likeliest first.

    The memory has read the text, but no more than ``MAX_READ`` characters before the place.
    """
    each = run.probs[:, -1]  # (K, V)
    mixture, probs = None, each.mean(axis=0)
    if memory is not None:
        mixture, probs = _remember(memory, text, place, run)
    target = int(text.ids[place])
    order = np.argsort(-probs, kind="stable").tolist()
    best = [id for id in order if id != target][:NUM_BEST]
    return [_candidate(id, each[:, id], mixture) for id in (target, *best)]


def _remember(memory: Memory, text: Text, place: int, run: Run) -> tuple[_Mixture, Array]:
    """Let the memory read what stands before a place; return it there, and all probabilities.

    Its gate learns from what the run has read.
    """
    remembered = TextMemory(memory)
    first = max(text.start(place), place - MAX_READ)
    before = text.ids[first : run.begin + 1]
    if len(before):
        deque(remembered.read(before), maxlen=0)
    expected = expect(np.log(np.maximum(run.probs.mean(axis=0), np.finfo(np.float32).tiny)))
    if len(run.ids) > 1:
        deque(remembered.follow(run.ids[1:], expected.part(slice(0, -1))), maxlen=0)
    last = expected.part(slice(-1, None))
    ((_, evidence, weights),) = remembered.follow(text.ids[place : place + 1], last)
    return _Mixture(evidence, weights), last.probs[0]


def _candidate(id: int, by_networks: Array, mixture: _Mixture | None) -> Candidate:
    """Return a character with its parts; the networks give it probabilities of shape (K,)."""
    own = by_networks.astype(np.float64) / len(by_networks)
    if mixture is None:
        return Candidate(id, float(own.sum()), own.tolist(), [], 0.0)
    targets, total = np.array([id]), own.sum(keepdims=True).astype(np.float32)
    evidence, weights = mixture
    given = weights * evidence.given(targets, total)
    prob = float(given.sum(dtype=np.float64))
    shares, facts = evidence.explain(targets, total, weights)
    scale = float(shares[0, 0]) * prob / max(float(own.sum()), 1e-38)
    networks = [value * scale for value in own.tolist()]
    listed = [part for part in list_parts(shares[0], facts[0]) if part["source"] != "networks"]
    contexts = [part | {"adds": part["share"] * prob} for part in listed]
    rest = prob - sum(networks) - sum(part["adds"] for part in contexts)
    return Candidate(id, prob, networks, contexts, max(rest, 0.0))
