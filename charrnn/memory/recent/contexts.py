"""The contexts whose followers are remembered: the last characters, and the words so far.

A context is known by a hash, in which its kind counts too. The hash comes from a sum over the
characters of the context, from the last one, c_0, backwards:

    sum of digit(c_i) * P^i, modulo 2^64

Such a sum is updated by one product when a character comes and one when another leaves (R. Karp and
M. Rabin, Efficient randomized pattern-matching algorithms, 1987).

Sizes: B streams, T characters of a text, V vocabulary, K kinds of context, L lengths, S the longest
length.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.text.vocabulary import Ids, Vocabulary

LENGTHS = (2, 3, 4, 6, 8, 12, 24)  # characters
NUM_KINDS = len(LENGTHS) + 2  # and the word so far, alone and with the word before it

MAX_CHARS = 4096  # of a text that are read together

Hashes = npt.NDArray[np.uint32]
Sums = npt.NDArray[np.uint64]

_SPAN = max(LENGTHS)  # S
_FAR = _SPAN - np.array(LENGTHS)  # where the character that leaves each length is
_P = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
_BASE, _INVERSE = np.uint64(_P), np.uint64(pow(_P, -1, 1 << 64))


def _powers(base: np.uint64) -> Sums:
    """Return the powers of a number from 0 on."""
    factors = np.full(MAX_CHARS + _SPAN + 1, base)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)


_POWERS, _INVERSES = _powers(_BASE), _powers(_INVERSE)
_LEAVING = _POWERS[list(LENGTHS)]
_SALTS = np.arange(1, NUM_KINDS + 1, dtype=np.uint64) * np.uint64(0xD6E8FEB86659FD93)
_MIX = np.uint64(0xA0761D6478BD642F)
_OF_WORD, _OF_PREVIOUS = np.array([0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
_HALF = np.uint64(32)  # bits


class ContextState(NamedTuple):
    """What the contexts depend on, for B streams.

    Attributes:
        digits: The last characters, each id and one more; 0 before the start; shape (B, S).
        sums: Over the last characters, shape (B, L).
        word: The sum over the word so far, 0 for none, shape (B,).
        previous: The sum over the word before that, shape (B,).
    """

    digits: Sums
    sums: Sums
    word: Sums
    previous: Sums


class Contexts:
    """Hashes the contexts of texts over one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Find which characters make up words; upper and lower case count as one."""
        self._end_id = -1 if vocabulary.end_id is None else vocabulary.end_id
        digits = {c: number for number, c in enumerate(vocabulary.characters, 1)}
        self._letters = np.zeros(vocabulary.size, np.uint64)  # 0: not part of a word
        for character, number in digits.items():
            if character.isalnum():
                self._letters[number - 1] = digits.get(character.lower(), number)

    def start(self, num_streams: int) -> ContextState:
        """Return the state before the first character."""
        digits = np.zeros((num_streams, _SPAN), np.uint64)
        word = digits[:, 0].copy()
        return ContextState(digits, digits[:, : len(LENGTHS)].copy(), word, word)

    def step(self, ids: Ids, state: ContextState) -> tuple[Hashes, ContextState]:
        """Read a character of each stream, shape (B,).

        Returns:
            The hashes of the contexts after it, shape (B, K), and the state after it.
        """
        last = (ids + 1).astype(np.uint64)[:, None]
        sums = state.sums * _BASE
        sums += last
        sums -= state.digits[:, _FAR] * _LEAVING
        letters = self._letters[ids]
        is_word = letters != 0
        word = (state.word * _BASE + letters) * is_word
        is_over = ~is_word & (state.word != 0)
        previous = np.where(is_over, state.word, state.previous)
        digits = np.concatenate([state.digits[:, 1:], last], axis=1)
        hashes = _hash(sums, word, previous, last[:, 0])
        return hashes, ContextState(digits, sums, word, previous)

    def read(self, ids: Ids, state: ContextState) -> tuple[Hashes, ContextState]:
        """Read up to ``MAX_CHARS`` characters of a text, shape (T,); the state is of one stream.

        Returns:
            The hashes of the contexts after each, shape (T, K), and the state after all.
        """
        num = len(ids)
        digits = np.concatenate([state.digits[0], (ids + 1).astype(np.uint64)])
        # Sums from the first digit on, with powers that grow: differences of two are what we want.
        totals = np.append(np.uint64(0), np.cumsum(digits * _INVERSES[: len(digits)]))
        ends = np.arange(_SPAN + 1, len(digits) + 1)
        begins = ends[:, None] - np.array(LENGTHS)
        sums = (totals[ends, None] - totals[begins]) * _POWERS[ends - 1, None]
        letters = self._letters[ids]
        totals = np.append(np.uint64(0), np.cumsum(letters * _INVERSES[:num]))
        steps = np.arange(1, num + 1)
        starts = np.maximum.accumulate(np.where(letters == 0, steps, 0))
        words = (totals[steps] - totals[starts]) * _POWERS[steps - 1]
        words += np.where(starts == 0, state.word * _POWERS[steps], 0)
        before = np.append(state.word, words[:-1])
        before[ids == self._end_id] = 0  # a document knows no word of the one before
        is_over = (ids == self._end_id) | ((letters == 0) & (before != 0))
        known = np.append(state.previous, before)
        previous = known[np.maximum.accumulate(np.where(is_over, steps, 0))]
        after = ContextState(digits[None, -_SPAN:], sums[-1:], words[-1:], previous[-1:])
        return _hash(sums, words, previous, digits[_SPAN:]), after


def _hash(sums: Sums, word: Sums, previous: Sums, last: Sums) -> Hashes:
    """Return the hashes of contexts, shape (N, K), from their sums and the last digits."""
    keys = np.empty((len(sums), NUM_KINDS), np.uint64)
    keys[:, :-2] = sums
    keys[:, -2] = word * _OF_WORD + last
    keys[:, -1] = keys[:, -2] + previous * _OF_PREVIOUS
    keys ^= _SALTS
    keys ^= keys >> _HALF
    keys *= _MIX
    return (keys >> _HALF).astype(np.uint32)
