"""What counts of a text say of the next character.

A prediction begins with the longest context that the text had, and asks the next shorter one for
what is left:

    p_k(c) = (n(c) + M d p_(k-1)(c)) / (n + M d)

where n(c) is how often c followed the context of k characters, n the sum of those, and d how many
different characters followed: a context that many things have followed is trusted less. Before the
empty context, all characters are alike. With M = 1 this is method C of I. Witten and T. Bell (The
zero-frequency problem, IEEE Transactions on Information Theory 37, 1991).

Sizes: B streams, T time steps, N predictions, V vocabulary, K characters of the longest context.
"""

import numpy as np
import numpy.typing as npt

from charrnn.memory.counts import Counts, hash_contexts, powers
from charrnn.text.vocabulary import Ids

KIND_WEIGHT = np.float32(2)  # M: 1 is better for some texts, 4 for others
MAX_CELLS = 1 << 22  # predictions times vocabulary that are computed at once

Context = npt.NDArray[np.int64]
Probs = npt.NDArray[np.float32]


class ContextModel:
    """Counts of a text, ready to predict.

    Attributes:
        share: Of a prediction that is to be theirs; see ``Counts``.
    """

    def __init__(self, counts: Counts) -> None:
        """Find where the followers of each context are, and how far it is trusted."""
        self.share = counts.share
        self._counts = counts
        self._powers = powers(counts.max_context)[::-1].copy()  # of the last character last
        self._ends = np.cumsum(counts.kinds, dtype=np.uint32)
        sums = np.add.reduceat(counts.times, self._ends - counts.kinds, dtype=np.float32)
        self._trust = sums / (sums + KIND_WEIGHT * counts.kinds)
        self._trust_each = self._trust / sums  # in each time that a follower came
        size = counts.vocab_size
        self._shortest = np.full(size, 1 / size)  # what the empty context expects, shape (V,)
        if counts.contexts[0] == 0:  # its hash
            followers, times = counts.followers[: self._ends[0]], counts.times[: self._ends[0]]
            self._shortest *= 1 - self._trust[0]
            self._shortest += np.bincount(followers, times * self._trust_each[0], minlength=size)

    def no_context(self, num_streams: int) -> Context:
        """Return the contexts of streams at the start of a text: zeros, shape (B, K)."""
        return np.zeros((num_streams, self._counts.max_context), np.int64)

    def read(self, ids: Ids, context: Context) -> tuple[Probs, Context]:
        """Read a window of each stream.

        Args:
            ids: What is read, shape (B, T).
            context: The last K characters before it, each id and one more, shape (B, K).

        Returns:
            After each character, the probabilities of the next one, shape (B, T, V), and the last K
            characters after the window. A row does not depend on the others.
        """
        digits = np.concatenate([context, np.add(ids, 1, dtype=np.int64)], axis=1)
        longest, size = len(self._powers), self._counts.vocab_size
        if ids.shape[1] == 1:
            contexts = digits[:, 1:]
        else:
            steps = np.arange(1, ids.shape[1] + 1)[:, None] + np.arange(longest)  # (T, K)
            contexts = digits[:, steps].reshape(-1, longest)
        rows = max(1, MAX_CELLS // size)
        parts = [self._predict(contexts[at : at + rows]) for at in range(0, len(contexts), rows)]
        probs = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return probs.reshape(*ids.shape, size), digits[:, ids.shape[1] :]

    def _predict(self, digits: Context) -> Probs:
        """Return the probabilities after some contexts, given as digits (N, K), shape (N, V)."""
        counts, size = self._counts, self._counts.vocab_size
        summands = digits.astype(np.uint64) * self._powers
        sought = hash_contexts(summands[:, ::-1].cumsum(axis=1))  # (N, K), the longest last
        places = counts.contexts.searchsorted(sought)
        np.minimum(places, len(counts.contexts) - 1, out=places)
        is_known = (counts.contexts[places] == sought) & (digits[:, ::-1] != 0)
        trust = self._trust[places] * is_known
        # What all longer contexts leave for each; the last column is for the empty one.
        left = np.ones((len(digits), digits.shape[1] + 1))
        np.cumprod(1 - trust[:, ::-1], axis=1, out=left[:, 1:])
        row, column = is_known.nonzero()
        places = places[row, column]
        scale = left[row, -2 - column] * self._trust_each[places]
        lengths = counts.kinds[places]
        # The followers of all those contexts, one after another.
        which = np.arange(len(places)).repeat(lengths)
        at = (self._ends[places] - lengths.cumsum(dtype=np.int64))[which]
        at += np.arange(len(at))
        cells = (row * size)[which] + counts.followers[at]
        probs = np.bincount(cells, scale[which] * counts.times[at], minlength=len(digits) * size)
        probs = probs.reshape(len(digits), size) + left[:, -1:] * self._shortest
        rounded: Probs = probs.astype(np.float32)
        return rounded
