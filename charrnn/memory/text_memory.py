"""The memory while one text is read: by an evaluation, or as a prompt.

Sizes: N characters, V vocabulary, P parts of a prediction.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.memory.evidence import Evidence
from charrnn.memory.expected import Expected, Numbers
from charrnn.memory.memory import Memory
from charrnn.memory.recent.contexts import NOTHING_READ
from charrnn.memory.recent.text import RecentText
from charrnn.memory.stream_memory import StreamMemory
from charrnn.memory.trained import read_text
from charrnn.text.vocabulary import Ids

LEARN_EVERY = 64  # predictions
CHUNK_CHARS = 2048  # that are read together

_DOCUMENT = np.uint32(0x9E3779B1)  # odd, so that the hashes of two documents differ


class TextMemory:
    """The memory while one text is read, in blocks of any size.

    A text of documents begins with the end symbol, and a document remembers nothing of another. The
    gate goes on learning in a text without documents only, so that a document does not depend on
    others.

    Attributes:
        last_id: The last character; its contexts count from the next character on.
    """

    def __init__(self, memory: Memory, first_id: int | None = None) -> None:
        """Start a text, with its first character if that is known."""
        self._memory = memory
        self._recent = RecentText(memory.vocabulary.size)
        self._tail = NOTHING_READ
        self._runs = memory.no_runs(1)
        end_id = memory.vocabulary.end_id
        self._end_id = -1 if end_id is None else end_id
        self._learns = end_id is None
        self.gate = memory.gate.learner(memory.vocabulary.size) if self._learns else memory.gate
        self._document = np.uint32(0)  # in all hashes of this document
        self._num_read = 0  # since the start of the document
        self.last_id = first_id
        self._group: list[npt.NDArray[Any]] | None = None  # predictions to learn from together
        self._num_grouped = 0

    def read(self, ids: Ids) -> Iterator[Evidence]:
        """Read the next N characters; yield evidence for each but the first of the text, in order.

        It comes in chunks of up to ``CHUNK_CHARS``.
        """
        before = ids[:-1] if self.last_id is None else np.insert(ids[:-1], 0, self.last_id)
        self.last_id = int(ids[-1])
        for begin in range(0, len(before), CHUNK_CHARS):
            yield self._after(before[begin : begin + CHUNK_CHARS])

    def _after(self, ids: Ids) -> Evidence:
        """Read characters; return the evidence for what follows each."""
        memory = self._memory
        hashes, self._tail = memory.contexts.read(ids, self._tail)
        is_end = ids == self._end_id
        steps = np.arange(1, len(ids) + 1)
        starts = np.maximum.accumulate(np.where(is_end, steps, 1 - self._num_read))
        num_read = steps - starts + 1
        self._num_read = int(num_read[-1])
        documents = self._document + np.cumsum(is_end, dtype=np.uint32) * _DOCUMENT
        self._document = documents[-1]
        earlier = self._recent.read(ids, hashes ^ documents[:, None])
        runs = self._runs
        if memory.index is not None:
            runs = read_text(memory.index, ids, runs, num_read)
            self._runs = runs[-1:]
        return memory.evidence(ids, runs, earlier, num_read)

    def follow(self, ids: Ids, expected: Expected) -> Iterator[tuple[slice, Evidence, Numbers]]:
        """Read the next characters; mix what the networks expected of them with the memory's.

        ``expected.probs`` becomes the mixture, but for the first character of a text, which is not
        predicted. The gate learns from what came.

        Args:
            ids: The characters, shape (N,).
            expected: What the networks expected of each.

        Yields:
            For one part of the characters after another: where it is, its evidence, and the weights
            of the parts of each prediction, shape (n, P).
        """
        begin = int(self.last_id is None)
        for evidence in self.read(ids):
            part = slice(begin, begin + evidence.num)
            yield part, evidence, self._mix(expected.part(part), evidence, ids[part])
            begin = part.stop

    def _mix(self, expected: Expected, evidence: Evidence, ids: Ids) -> Numbers:
        """Mix in place, and learn; return the weights."""
        features = evidence.features(expected)
        if self._learns:
            rows = np.arange(len(ids))
            given = evidence.given(ids, expected.probs[rows, ids])
            weights = self._weigh_and_learn([features, evidence.is_there, evidence.last, given])
        else:
            weights = self.gate.weigh(features, evidence.is_there, evidence.last)
        evidence.mix(expected.probs, weights)
        return weights

    def _weigh_and_learn(self, arrays: list[npt.NDArray[Any]]) -> Numbers:
        """Return weights; learn after every ``LEARN_EVERY`` predictions of the text.

        All products have as many rows, so a weight does not depend on how the text arrives.
        """
        if self._group is None:
            self._group = [np.zeros((LEARN_EVERY, *a.shape[1:]), a.dtype) for a in arrays]
            self._group[1][:, 0] = True
        features, is_there, last, given = self._group
        num, done, parts = len(arrays[0]), 0, []
        while done < num:
            begin = self._num_grouped
            end = min(begin + num - done, LEARN_EVERY)
            for mine, new in zip(self._group, arrays, strict=True):
                mine[begin:end] = new[done : done + end - begin]
            if end == LEARN_EVERY:
                weights = self.gate.weigh_and_learn(features, is_there, last, given)
            else:
                weights = self.gate.weigh(features, is_there, last)
            parts.append(weights[begin:end])
            self._num_grouped = end % LEARN_EVERY
            done += end - begin
        return np.concatenate(parts)

    def fork(self) -> StreamMemory:
        """Return a memory of streams that go on from here; each reads the last character first."""
        assert self.last_id is not None
        self._recent.know_next(self.last_id)
        tails = np.empty(1, object)
        tails[0] = self._tail
        first_state = (tails, self._runs, np.array([self._num_read]))
        return StreamMemory(self._memory, self.gate, self._recent, self._document, first_state)
