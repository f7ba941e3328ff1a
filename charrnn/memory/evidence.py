"""What a memory says of the next character: what followed each context, and how sure that is.

A context gives two predictions. The first has the share of each of the M followers that are looked
at, less a discount, which goes to what the networks expect (H. Ney, U. Essen and R. Kneser, On
structuring probabilistic dependences in stochastic language modelling, 1994):

    q(c) = (times(c) - D) / m + taken * p(c)

where c is ``times`` among the m followers there are, D is 0.6 for what is there once and 1
otherwise, and ``taken`` is the sum of D / m. The second, of contexts that were read, is what
followed last.

Sizes: N predictions, V vocabulary, K kinds of context (those of the training text, then those of
what was read), M followers of each, F features, P parts of a prediction: the networks, the first
predictions and the second ones.
"""

import numpy as np
import numpy.typing as npt

from charrnn.memory.expected import Expected, Numbers
from charrnn.text.vocabulary import Ids

NUM_FOLLOWERS = 8  # M
ONCE, OFTEN = 0.6, 1.0  # D

Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.uint8]
Facts = npt.NDArray[np.int32]
"""Of each context: how often it was followed by the character, among how many followers that were
looked at, how often it stands in the training text, and how many characters ago it was read."""

_COUNTS = np.arange(NUM_FOLLOWERS + 1)
_AT_LEAST_ONE = np.maximum(_COUNTS, 1)
_DISCOUNTS = np.where(_COUNTS == 1, ONCE, OFTEN)
# By how many followers there are, and how often one of them is there; see ``_entries``.
_CREDITS = (_COUNTS - _DISCOUNTS) / (_COUNTS * _AT_LEAST_ONE[:, None]).clip(min=1)
_CREDITS = (_CREDITS * (_COUNTS > 0)).astype(np.float32)
_RATIOS = (_COUNTS / _AT_LEAST_ONE[:, None]).astype(np.float32)
# Equal followers share one whole, so the parts of all add up to how many differ.
_PARTS = np.tile((_COUNTS > 0) / _AT_LEAST_ONE, (len(_COUNTS), 1)).astype(np.float32)
_OF_FOLLOWERS = np.stack([_CREDITS, _PARTS]).reshape(2, -1)


class Evidence:
    """What followed the contexts before some predictions.

    Attributes:
        num: The number of predictions, N.
        last: The character before each, shape (N,).
        followers: What followed each context, V for none, shape (M, N, K). Of a context that was
            read, the latest comes first. M is the first axis because long rows are compared and
            added up faster than many short ones.
        credits: What each follower adds to the first prediction of its context, shape (M, N, K).
        taken: What the discounts leave to the networks, shape (N, K).
        is_there: Which parts there are, shape (N, P).
    """

    def __init__(
        self,
        vocab_size: int,
        last: Ids,
        followers: Ids,
        sizes: npt.NDArray[np.int64],
        ages: npt.NDArray[np.int64],
    ) -> None:
        """Take what followed, shape (M, N, K), and how often and how long ago contexts came.

        ``last`` has the character before each prediction, shape (N,).
        ``sizes``, (N, K - K_read), says how often each context stands in the training text, and
        ``ages``, (N, K_read), how many characters ago each was read last.
        """
        self.num, self._num_kinds = followers.shape[1:]
        self.last = last
        self.followers = followers
        self._vocab_size, self._sizes, self._ages = vocab_size, sizes, ages
        self._num_trained = sizes.shape[1]
        is_given = followers < vocab_size
        times = _count(followers[:, None] == followers)  # how often each is there, (M, N, K)
        times *= is_given
        self._nums = _count(is_given)  # how many there are, m, (N, K)
        self._entries = _entries(self._nums, times)  # of each follower in the tables, (M, N, K)
        of_followers = _OF_FOLLOWERS.take(self._entries, axis=1)
        self.credits = of_followers[0]
        given, self._num_different = np.add.reduce(of_followers, axis=1)
        has_any = self._nums > 0
        self.taken = has_any - given  # so that all adds up to 1
        parts = [np.ones((self.num, 1), np.bool_), has_any, has_any[:, self._num_trained :]]
        self.is_there = np.concatenate(parts, axis=1)

    def features(self, expected: Expected) -> Numbers:
        """Return what a gate sees, shape (N, F), if that is what the networks expect.

        Of each context: how often it came; how many different characters followed; and the share of
        the most frequent one or, of what was read, how long ago it was. Of the networks: the
        highest probability and the entropy.
        """
        num_trained = self._num_trained
        # Of one context, the entry of the most frequent follower is the highest.
        most = np.maximum.reduce(self._entries[..., :num_trained])
        is_read = self.is_there[:, 1 + self._num_kinds :]
        of_contexts = [
            self._sizes,
            self._nums[:, num_trained:],
            self._num_different,
            _RATIOS.take(most),
            self._ages * is_read,
        ]
        seen = np.empty((self.num, 3 * self._num_kinds + 2), np.float32)
        counts = seen[:, :-2]
        np.concatenate(of_contexts, axis=1, out=counts)
        np.log1p(counts, out=counts)
        seen[:, -2], seen[:, -1] = expected.peak, expected.entropy
        return seen

    def given(self, targets: Ids, probs: Numbers) -> Numbers:
        """Return the probability of each target in each part, shape (N, P).

        Args:
            targets: The characters that came, shape (N,).
            probs: Their probability by the networks, shape (N,).
        """
        first, taken, last = self.shares(targets)
        parts = [probs[:, None], first + taken * probs[:, None], last]
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def shares(self, targets: Ids) -> tuple[Numbers, Numbers, Flags]:
        """Return what of each prediction is for the target, without what the networks expect.

        Returns:
            Of the first predictions, the credit of the target and what goes to the networks, (N,
            K); and whether the target followed last, (N, K_read).
        """
        is_target = self._is(targets)
        times = _count(is_target)
        first = times * _CREDITS.take(_entries(self._nums, times))
        return first, self.taken, is_target[0, :, self._num_trained :]

    def explain(self, targets: Ids, probs: Numbers, weights: Numbers) -> tuple[Numbers, Facts]:
        """Return what gave each target its probability.

        What the discounts leave to the networks counts as theirs.

        Args:
            targets: The characters that came, shape (N,).
            probs: Their probability by the networks, shape (N,).
            weights: Of the parts, shape (N, P).

        Returns:
            The shares of the networks and of each context, (N, 1 + K); and facts on each context,
            shape (N, K, 4); see ``Facts``.
        """
        num_trained, num_kinds = self._num_trained, self._num_kinds
        first, taken, last = self.shares(targets)
        of_first = weights[:, 1 : 1 + num_kinds]
        shares = np.empty((self.num, 1 + num_kinds), np.float32)
        shares[:, 0] = (weights[:, 0] + (of_first * taken).sum(axis=1)) * probs
        shares[:, 1:] = of_first * first
        shares[:, 1 + num_trained :] += weights[:, 1 + num_kinds :] * last
        shares[~shares.any(axis=1), 0] = 1  # of what no part gives anything
        shares /= shares.sum(axis=1, keepdims=True)
        facts = np.zeros((self.num, num_kinds, 4), np.int32)
        facts[..., 0] = _count(self._is(targets))
        facts[..., 1] = self._nums
        facts[:, :num_trained, 2] = self._sizes
        facts[:, num_trained:, 3] = self._ages
        return shares, facts

    def mix(self, probs: Numbers, weights: Numbers) -> None:
        """Mix all parts, in place.

        Args:
            probs: The prediction of the networks, shape (N, V); becomes that of all parts.
            weights: Of the parts, each row with the sum 1, and 0 for what is not there, (N, P).
        """
        first, last = weights[:, 1 : 1 + self._num_kinds], weights[:, 1 + self._num_kinds :]
        added = first * self.credits
        added[0, :, self._num_trained :] += last
        probs *= weights[:, :1] + np.vecdot(first, self.taken)[:, None]
        cells = np.minimum(self.followers, self._vocab_size - 1, dtype=np.intp)
        cells += np.arange(0, probs.size, self._vocab_size)[:, None]
        np.add.at(probs.reshape(-1), cells.reshape(-1), added.reshape(-1))

    def _is(self, targets: Ids) -> Flags:
        """Return which followers are the targets, shape (M, N, K)."""
        flags: Flags = self.followers == targets.astype(self.followers.dtype)[:, None]
        return flags


def _count(flags: Flags) -> Counts:
    """Return how many flags are set along the first axis, of length M."""
    counts: Counts = np.add.reduce(flags.view(np.uint8), dtype=np.uint8)
    return counts


def _entries(nums: Counts, times: Counts) -> Counts:
    """Return where the tables have an entry, for numbers of followers and of equal ones."""
    return nums * np.uint8(len(_COUNTS)) + times  # below 256
