"""The memory of texts that are written side by side and begin alike.

Sizes: B streams, V vocabulary, P parts of a prediction.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.memory.evidence import Evidence
from charrnn.memory.expected import Numbers, expect
from charrnn.memory.gate import Gate
from charrnn.memory.memory import Memory
from charrnn.memory.recent.text import Earlier, RecentText, nothing_earlier
from charrnn.memory.trained import read_step
from charrnn.text.vocabulary import Ids

StreamState = tuple[npt.NDArray[Any], ...]
"""What carries over from character to character: the tail of each text, the runs of ``trained``,
and how many characters of the document were read. A row of each is a stream."""


class StreamMemory:
    """The memory of several streams that go on from the end of one text.

    They remember that text and the training text, but not what they write themselves: a memory of
    that would turn slips into loops.

    Attributes:
        first_state: The state of one stream that has read the text but for its last character.
    """

    def __init__(
        self,
        memory: Memory,
        gate: Gate,
        text: RecentText,
        document: np.uint32,
        first_state: StreamState,
    ) -> None:
        """Start where a ``TextMemory`` stands.

        Args:
            memory: What all texts share.
            gate: The gate as it has learned.
            text: What was read.
            document: What the hashes of the present document were mixed with.
            first_state: See the class.
        """
        self._memory = memory
        self._gate = gate
        self._text = text
        self._document = document
        self._first_place = text.size - int(first_state[-1][0])  # where the document began
        self.first_state = first_state

    def read(self, ids: Ids, state: StreamState) -> tuple[Evidence, StreamState]:
        """Read a character of each of B streams.

        Args:
            ids: The characters, shape (B,).
            state: The state before them.

        Returns:
            The evidence for what follows each, and the state after.
        """
        memory, text = self._memory, self._text
        tails, runs, num_read = state
        if text.size > 1:
            hashes, tails = memory.contexts.step(ids, tails)
            last = text.places.find(hashes ^ self._document)
            ages = (num_read + self._first_place)[:, None] - last.astype(np.int64)
            earlier = Earlier(text.places.followers_at(last), ages)
        else:
            earlier = nothing_earlier(memory.vocabulary.size, len(ids))
        if memory.index is not None:
            runs = read_step(memory.index, ids, runs)
        num_read = num_read + 1
        return memory.evidence(ids, runs, earlier, num_read), (tails, runs, num_read)

    def mix(self, ids: Ids, log_probs: Numbers, state: StreamState) -> tuple[Numbers, StreamState]:
        """Read a character of each stream, and mix the memory into predictions of networks.

        Args:
            ids: The characters, shape (B,).
            log_probs: What the networks predict after them, shape (B, V).
            state: The state before them.

        Returns:
            The probabilities of the next characters, shape (B, V), and the state after.
        """
        evidence, state = self.read(ids, state)
        expected = expect(log_probs)
        features = evidence.features(expected)
        # Each row is a product of its own, so its bits do not depend on the other rows.
        weights = self._gate.weigh(features[:, None], evidence.is_there[:, None], ids[:, None])
        evidence.mix(expected.probs, weights[:, 0])
        return expected.probs, state
