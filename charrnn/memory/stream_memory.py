"""The memory of texts that are written side by side and begin alike.

Sizes: B streams, V vocabulary, P parts of a prediction.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.memory.evidence import Evidence
from charrnn.memory.expected import Expected, Numbers
from charrnn.memory.gate import Gate, Matmul
from charrnn.memory.index import Rows
from charrnn.memory.memory import Memory
from charrnn.memory.recent.contexts import NUM_KINDS, ContextState
from charrnn.memory.recent.places import NOWHERE
from charrnn.memory.recent.text import Earlier, RecentText
from charrnn.memory.trained import read_step
from charrnn.text.vocabulary import Ids


class StreamState(NamedTuple):
    """What carries over from character to character, a row of each array a stream.

    Attributes:
        digits: See ``ContextState``.
        words: Likewise.
        first: The first row of each run of the training text; see ``trained``.
        last: The row after the last.
        written: How many characters were read after the common text, shape (B,).
    """

    digits: npt.NDArray[Any]
    words: npt.NDArray[Any]
    first: npt.NDArray[Any]
    last: npt.NDArray[Any]
    written: npt.NDArray[Any]


class StreamMemory:
    """The memory of several streams that go on from the end of one text.

    They remember that text and the training text, but not what they write themselves: a memory of
    that would turn slips into loops.
    """

    def __init__(
        self, memory: Memory, gate: Gate, text: RecentText, contexts: ContextState, runs: Rows
    ) -> None:
        """Start at the state of a ``TextMemory``."""
        self._memory = memory
        self._gate = gate
        self._text = text
        self._first = (*contexts, *runs, np.zeros(1, np.int64))

    def start(self, num_streams: int) -> StreamState:
        """Return the state of streams that have read the text but for its last character."""
        return StreamState(*(np.repeat(array, num_streams, axis=0) for array in self._first))

    def read(self, ids: Ids, state: StreamState) -> tuple[Evidence, StreamState]:
        """Read a character of each of B streams.

        Returns:
            The evidence for what follows, and the state after it.
        """
        memory, text = self._memory, self._text
        contexts = ContextState(state.digits, state.words)
        last = np.full((len(ids), NUM_KINDS), NOWHERE, np.int32)
        if text.size > 1:
            hashes, contexts = memory.contexts.step(ids, contexts)
            last = text.places.find(text.table, hashes)
        ages = (state.written + text.size)[:, None] - last.astype(np.int64)
        runs = np.stack([state.first, state.last])
        if memory.index is not None:
            runs = read_step(memory.index, ids, runs)
        evidence = memory.evidence(runs, Earlier(text.places.followers_at(last), ages))
        return evidence, StreamState(*contexts, runs[0], runs[1], state.written + 1)

    def mix(self, expected: Expected, evidence: Evidence, matmul: Matmul) -> Numbers:
        """Mix the networks' predictions with the memory's, in place; return the weights, (B, P)."""
        features = evidence.features(expected)
        weights = self._gate.weigh(features, evidence.is_there, matmul)
        evidence.mix(expected.probs, weights)
        return weights
