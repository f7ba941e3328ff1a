"""What a model remembers before it reads a text: its training text, and a gate.

With what is read since the start of a text it gives evidence of the next character. The gate says
how far to believe each part of it, so that all parts with the networks are one distribution.

Sizes: N predictions, B streams.
"""

import numpy as np
import numpy.typing as npt

from charrnn.memory.evidence import Evidence
from charrnn.memory.gate import Gate, shipped_gate
from charrnn.memory.index import Index, Rows, build_index
from charrnn.memory.recent.contexts import Contexts
from charrnn.memory.recent.text import Earlier
from charrnn.memory.trained import followers
from charrnn.text.vocabulary import Ids, Vocabulary


class Memory:
    """What a model remembers before it reads a text.

    Attributes:
        vocabulary: The characters of the model.
        index: The index of the training text; of an empty one if the model does not remember that.
        contexts: Hashes contexts.
        gate: The gate as it was shipped.
    """

    def __init__(
        self, vocabulary: Vocabulary, index: Index | None, gate: Gate | None = None
    ) -> None:
        """Remember a training text by its index, if any; by default with the program's gate."""
        self.vocabulary = vocabulary
        self.index = index or build_index(np.zeros(0, np.uint8), vocabulary.size)
        self.contexts = Contexts(vocabulary)
        self.gate = gate or shipped_gate()

    def evidence(
        self, last: Ids, runs: Rows, earlier: Earlier, num_read: npt.NDArray[np.int64]
    ) -> Evidence:
        """Return the evidence of both texts for N predictions; for the runs see ``trained``.

        ``last`` has the character before each prediction, and ``num_read`` how many characters of
        its document come before, both of shape (N,).
        """
        found, sizes = followers(self.index, runs, num_read)
        found = np.concatenate([found, earlier.followers.transpose(2, 0, 1)], axis=2)
        return Evidence(self.vocabulary.size, last, found, sizes, earlier.ages)
