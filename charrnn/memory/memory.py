"""What a model remembers before it reads a text: its training text, and a gate.

With what is read since the start of a text it gives evidence of the next character. The gate says
how far to believe each part of it, so that all parts with the networks are one distribution.

Sizes: N predictions, B streams.
"""

import numpy as np
import numpy.typing as npt

from charrnn.memory.evidence import NUM_FOLLOWERS, Evidence
from charrnn.memory.gate import Gate, shipped_gate
from charrnn.memory.index import Index, Rows
from charrnn.memory.recent.contexts import Contexts
from charrnn.memory.recent.text import Earlier
from charrnn.memory.trained import TRAINED_LENGTHS, followers, no_runs
from charrnn.text.vocabulary import Ids, Vocabulary


class Memory:
    """What a model remembers before it reads a text.

    Attributes:
        vocabulary: The characters of the model.
        index: The index of the training text; None if the model does not remember that.
        contexts: Hashes contexts.
        gate: The gate as it was shipped.
    """

    def __init__(
        self, vocabulary: Vocabulary, index: Index | None, gate: Gate | None = None
    ) -> None:
        """Remember a training text by its index; by default with the gate of the program."""
        self.vocabulary = vocabulary
        self.index = index
        self.contexts = Contexts(vocabulary)
        self.gate = gate or shipped_gate()

    def no_runs(self, num_streams: int) -> Rows:
        """Return where the last characters of B streams stand in the training text: nowhere yet."""
        if self.index is None:
            return np.zeros((num_streams, 2, 1), np.int64)
        return no_runs(self.index, num_streams)

    def evidence(
        self, last: Ids, runs: Rows, earlier: Earlier, num_read: npt.NDArray[np.int64]
    ) -> Evidence:
        """Return the evidence of both texts for N predictions; for the runs see ``trained``.

        ``last`` has the character before each prediction, and ``num_read`` how many characters of
        its document come before, both of shape (N,).
        """
        size, read = self.vocabulary.size, earlier.followers.transpose(2, 0, 1)
        if self.index is None:
            shape = (len(earlier.ages), len(TRAINED_LENGTHS))
            found = np.full((NUM_FOLLOWERS, *shape), size, read.dtype)
            sizes = np.zeros(shape, np.int64)
        else:
            found, sizes = followers(self.index, runs, num_read)
        return Evidence(size, last, np.concatenate([found, read], axis=2), sizes, earlier.ages)
