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
from charrnn.memory.recent.contexts import ContextState
from charrnn.memory.recent.places import Slots
from charrnn.memory.recent.streams import RecentStreams
from charrnn.memory.trained import read_step
from charrnn.text.vocabulary import Ids


class StreamState(NamedTuple):
    """What carries over from character to character, a row of each array a stream.

    Attributes:
        streams: Their numbers in ``RecentStreams``.
        digits: See ``ContextState``.
        words: Likewise.
        first: The first row of each run of the training text; see ``trained``.
        last: The row after the last.
    """

    streams: npt.NDArray[Any]
    digits: npt.NDArray[Any]
    words: npt.NDArray[Any]
    first: npt.NDArray[Any]
    last: npt.NDArray[Any]


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
        self._first = (*contexts, *runs)
        self._free = list(range(recent.max_streams))

    def start(self, num_streams: int) -> StreamState:
        """Return the state of new streams, which have read the text but for its last character."""
        streams = np.array([self._free.pop() for _ in range(num_streams)])
        self._recent.start(streams)
        return StreamState(streams, *(np.repeat(each, num_streams, axis=0) for each in self._first))

    def end(self, streams: Slots) -> None:
        """End streams; others can take their place."""
        self._free += streams.tolist()

    def read(self, ids: Ids, state: StreamState) -> tuple[Evidence, StreamState]:
        """Read a character of each of B streams.

        Returns:
            The evidence for what follows, and the state after it.
        """
        memory = self._memory
        hashes, contexts = memory.contexts.step(ids, ContextState(state.digits, state.words))
        runs = np.stack([state.first, state.last])
        if memory.index is not None:
            runs = read_step(memory.index, ids, runs)
        earlier = self._recent.read(state.streams, ids, hashes)
        return memory.evidence(runs, earlier), StreamState(state.streams, *contexts, *runs)

    def mix(self, expected: Expected, evidence: Evidence, matmul: Matmul) -> Numbers:
        """Mix the networks' predictions with the memory's, in place; return the weights, (B, P)."""
        features = evidence.features(expected)
        weights = self._gate.weigh(features, evidence.is_there, matmul)
        evidence.mix(expected.probs, weights)
        return weights
