"""How often each character followed each context of a text.

A context is a run of up to K characters, the empty one included. It is known by a hash of 32 bits,
and two that share one are taken for the same; among a million contexts that happens to one in four
thousand. ``counting`` makes the counts of a text, ``model.context_model`` predicts with them.

Sizes: V vocabulary, K characters of the longest context, C contexts, F followers of all contexts
together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from charrnn.text.vocabulary import smallest_dtype

MAX_CONTEXT = 16  # longer contexts rarely repeat, in any text
MAX_TIMES = 255

AnyArray = npt.NDArray[Any]

_BASE = 0x9E3779B97F4A7C15  # odd, so that no character is lost
_MIX = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each character followed each context of a text; checked on construction.

    Attributes:
        max_context: Characters of the longest context, K.
        vocab_size: Characters in the vocabulary, V.
        contexts: Hashes, rising, shape (C,), uint32.
        kinds: How many different characters followed each, shape (C,).
        followers: The ids of those, one context after another, shape (F,).
        times: How often each came, up to ``MAX_TIMES``: where one came more often, all of its
            context are given in that proportion. Shape (F,), uint8.
        share: Of a prediction that is to be theirs, 0 to 1; the rest is a network's.

    Raises:
        ValueError: If the parts do not fit together.
    """

    max_context: int
    vocab_size: int
    contexts: npt.NDArray[np.uint32]
    kinds: AnyArray
    followers: AnyArray
    times: npt.NDArray[np.uint8]
    share: float

    def __post_init__(self) -> None:
        """Check the parts."""
        dtypes = {
            "contexts": np.dtype(np.uint32),
            "kinds": smallest_dtype(self.vocab_size + 1),
            "followers": smallest_dtype(self.vocab_size),
            "times": np.dtype(np.uint8),
        }
        for name, dtype in dtypes.items():
            array = getattr(self, name)
            if array.dtype != dtype or array.ndim != 1:
                raise ValueError(f"its counts have {name} of another type than they must")
        num_followers = int(self.kinds.sum(dtype=np.int64))
        if (
            not len(self.kinds) == len(self.contexts) > 0
            or not len(self.followers) == len(self.times) == num_followers
            or not (self.kinds.all() and self.times.all())
            or not (self.contexts[1:] > self.contexts[:-1]).all()
            or self.followers.max() >= self.vocab_size
            or not 0 <= self.share <= 1
        ):
            raise ValueError("the parts of its counts do not fit together")

    def to_arrays(self) -> dict[str, AnyArray]:
        """Return the counts as they stand in a model file."""
        return {
            "contexts": self.contexts,
            "kinds": self.kinds,
            "followers": self.followers,
            "times": self.times,
            "share": np.array([self.share]),
        }

    @classmethod
    def from_arrays(cls, max_context: int, vocab_size: int, arrays: Mapping[str, AnyArray]) -> Self:
        """Return the counts that ``to_arrays`` gave; raise a ``ValueError`` if these are none."""
        if arrays.keys() != {"contexts", "kinds", "followers", "times", "share"}:
            raise ValueError("its counts have other parts than they must")
        share = arrays["share"]
        if share.shape != (1,) or share.dtype != np.float64:
            raise ValueError("the share of its counts is not one number")
        parts = {name: array for name, array in arrays.items() if name != "share"}
        return cls(max_context, vocab_size, share=float(share[0]), **parts)


def hash_contexts(sums: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
    """Return the hashes of contexts, from the sums of their digits times ``powers``, modulo 2^64.

    The sum of the empty context is 0. A digit is an id and one more: 0 is before the start of a
    text.
    """
    mixed = (sums ^ (sums >> np.uint64(29))) * _MIX
    return (mixed >> np.uint64(32)).astype(np.uint32)


def powers(max_context: int) -> npt.NDArray[np.uint64]:
    """Return what the digits of a context are multiplied by, its last one first, shape (K,)."""
    return np.cumprod(np.full(max_context, _BASE, np.uint64), dtype=np.uint64)
