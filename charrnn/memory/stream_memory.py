"""The memory of texts that are written side by side and begin alike.

Sizes: B streams, V vocabulary, P parts of a prediction.
"""

import numpy as np

from charrnn.memory.evidence import Evidence
from charrnn.memory.expected import Expected, Numbers
from charrnn.memory.gate import Gate, Matmul
from charrnn.memory.index import Rows
from charrnn.memory.memory import Memory
from charrnn.memory.recent.contexts import ContextState
from charrnn.memory.recent.places import Slots
from charrnn.memory.recent.streams import RecentStreams
from charrnn.memory.trained import read_step
from charrnn.text.vocabulary import Ids


class StreamMemory:
    """The memory of several streams that go on from the end of one text."""

    def __init__(
        self,
        memory: Memory,
        gate: Gate,
        recent: RecentStreams,
        contexts: ContextState,
        runs: Rows,
    ) -> None:
        """Start without streams, at the state of a ``TextMemory``."""
        self._memory = memory
        self._gate = gate
        self._recent = recent
        self._first = [*contexts, *runs]
        self._state = [np.repeat(array, recent.max_streams, axis=0) for array in self._first]
        self._free = list(range(recent.max_streams))

    def start(self, num_streams: int) -> Slots:
        """Return new streams, shape (B,)."""
        streams = np.array([self._free.pop() for _ in range(num_streams)])
        self._recent.start(streams)
        for array, first in zip(self._state, self._first, strict=True):
            array[streams] = first
        return streams

    def end(self, streams: Slots) -> None:
        """End streams; others can take their place."""
        self._free += streams.tolist()

    def read(self, streams: Slots, ids: Ids) -> Evidence:
        """Read a character of each of B streams; return the evidence for what follows it."""
        memory = self._memory
        *contexts, first, last = (array[streams] for array in self._state)
        hashes, after = memory.contexts.step(ids, ContextState(*contexts))
        runs = np.stack([first, last])
        if memory.index is not None:
            runs = read_step(memory.index, ids, runs)
        for array, new in zip(self._state, [*after, *runs], strict=True):
            array[streams] = new
        earlier = self._recent.read(streams, ids, hashes)
        return memory.evidence(runs, earlier)

    def mix(self, expected: Expected, evidence: Evidence, matmul: Matmul) -> Numbers:
        """Mix the networks' predictions with the memory's, in place; return the weights, (B, P)."""
        features = evidence.features(expected)
        weights = self._gate.weigh(features, evidence.is_there, matmul)
        evidence.mix(expected.probs, weights)
        return weights
