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

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from charrnn.memory.expected import Expected, Numbers
from charrnn.text.vocabulary import Ids

NUM_FOLLOWERS = 8  # M; the bits of 8 bytes count them
ONCE, OFTEN = 0.6, 1.0  # D

Flags = npt.NDArray[np.bool_]

_COUNTS = np.arange(NUM_FOLLOWERS + 1)
_TIMES = np.maximum(_COUNTS, 1)
_CREDITS = np.where(_COUNTS == 0, 0, 1 - np.where(_COUNTS == 1, ONCE, OFTEN) / _TIMES)
_CREDITS = (_CREDITS / _TIMES[:, None]).astype(np.float32)  # by m and times, shape (M + 1, M + 1)
_SHARES = np.where(_COUNTS == 0, 0, 1 / _TIMES).astype(np.float32)  # of a kind of follower


@dataclass(frozen=True)
class Evidence:
    """What followed the contexts before some predictions.

    Attributes:
        vocab_size: V.
        followers: V for none, shape (N, K, M); of what was read, the latest first.
        sizes: How often each context of the training text stands there, shape (N, K - K_read).
        ages: How many characters ago each context was read last, shape (N, K_read).
    """

    vocab_size: int
    followers: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int64]
    ages: npt.NDArray[np.int64]

    @property
    def num(self) -> int:
        """The number of predictions, N."""
        return len(self.ages)

    @cached_property
    def _is_given(self) -> Flags:
        """Which followers there are, shape (N, K, M)."""
        return self.followers < self.vocab_size

    @cached_property
    def _times(self) -> npt.NDArray[np.uint8]:
        """How often each follower is among those of its context, 0 for none, shape (N, K, M)."""
        is_equal = self.followers[..., None] == self.followers[..., None, :]
        return _count(is_equal) * self._is_given

    @cached_property
    def _num(self) -> npt.NDArray[np.uint8]:
        """The number of followers, m, shape (N, K)."""
        return _count(self._is_given)

    @cached_property
    def credits(self) -> Numbers:
        """What each follower adds to the first prediction of its context, shape (N, K, M)."""
        return _CREDITS[self._num[..., None], self._times]

    @cached_property
    def taken(self) -> Numbers:
        """What the discounts leave to the networks, shape (N, K)."""
        taken: Numbers = 1 - self.credits.sum(axis=-1)
        return taken

    @cached_property
    def is_there(self) -> Flags:
        """Which parts there are, shape (N, P)."""
        last = self._is_given[:, -self.ages.shape[1] :, 0]
        networks = np.ones((self.num, 1), np.bool_)
        return np.concatenate([networks, self._num > 0, last], axis=1)

    def features(self, expected: Expected) -> Numbers:
        """Return what a gate sees, shape (N, F), if that is what the networks expect.

        Of each context: how often it came; how many different characters followed; the share of its
        followers that are there once; and that of the most frequent one or, of what was read, how
        long ago it was. Of the networks: the highest probability and the entropy.
        """
        num, (num_kinds, num_trained) = self._num, (self._num.shape[1], self.sizes.shape[1])
        seen = np.empty((len(num), 4 * num_kinds + 2), np.float32)
        size, kinds, once, other = (seen[:, n * num_kinds : (n + 1) * num_kinds] for n in range(4))
        size[:, :num_trained] = self.sizes
        size[:, num_trained:] = num[:, num_trained:]
        np.log1p(size, out=size)
        size *= 0.25
        _SHARES[self._times].sum(axis=-1, out=kinds)
        np.log1p(kinds, out=kinds)
        at_least_one = np.maximum(num, 1)
        np.divide(_count(self._times == 1), at_least_one, out=once)
        most = self._times[:, :num_trained].max(axis=-1)
        np.divide(most, at_least_one[:, :num_trained], out=other[:, :num_trained])
        ages = other[:, num_trained:]
        np.multiply(self.ages, num[:, num_trained:] > 0, out=ages, casting="unsafe")
        np.log1p(ages, out=ages)
        ages *= 0.125
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
        is_target = self.followers == targets[:, None, None]
        first = (self.credits * is_target).sum(axis=-1)
        return first, self.taken, is_target[:, -self.ages.shape[1] :, 0]

    def mix(self, probs: Numbers, weights: Numbers) -> None:
        """Mix all parts, in place.

        Args:
            probs: The prediction of the networks, shape (N, V); becomes that of all parts.
            weights: Of the parts, each row with the sum 1, and 0 for what is not there, (N, P).
        """
        num_kinds, num_read = self.followers.shape[1], self.ages.shape[1]
        first, last = weights[:, 1 : num_kinds + 1], weights[:, num_kinds + 1 :]
        added = first[..., None] * self.credits
        added[:, -num_read:, 0] += last
        probs *= weights[:, :1] + (first * self.taken).sum(axis=1, keepdims=True)
        cells = np.minimum(self.followers, self.vocab_size - 1)
        cells += (np.arange(len(probs), dtype=cells.dtype) * self.vocab_size)[:, None, None]
        np.add.at(probs.reshape(-1), cells.reshape(-1), added.reshape(-1))


def _count(flags: Flags) -> npt.NDArray[np.uint8]:
    """Return how many of each M flags are set, for M of 8: a flag is a byte."""
    counts: npt.NDArray[np.uint8] = np.bitwise_count(flags.view(np.uint64)[..., 0])
    return counts
