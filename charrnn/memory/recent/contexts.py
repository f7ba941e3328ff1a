"""The contexts whose followers are remembered: the last characters, and the words so far.

A context is known by a hash, in which its kind counts too. The hash comes from a sum over the
characters of the context, from the last one, c_0, backwards, modulo 2^64:

    sum of digit(c_i) * P^i

Sizes: B streams, T characters of a text, V vocabulary, K kinds of context, S the longest length.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.text.vocabulary import Ids, Vocabulary

LENGTHS = (2, 3, 4, 6, 8, 12, 24)  # so many last characters
SKIPS = ((2, 3, 4), (1, 3, 4))  # some of the last ones, counted back from 1
NUM_KINDS = len(LENGTHS) + len(SKIPS) + 2  # and the word so far, alone and with the word before it

Hashes = npt.NDArray[np.uint32]
Sums = npt.NDArray[np.uint64]

_SPAN = max(LENGTHS)  # S
_BASE = 0x9E3779B97F4A7C15  # P, odd, so that no digit is lost
_OF_WORD, _OF_PREVIOUS = 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_MIX = np.uint64(0xA0761D6478BD642F)
_HALF = np.uint64(32)  # bits
_MASK = (1 << 64) - 1


def _factors() -> Sums:
    """Return what digits, the word and the previous one count in each sum, shape (S + 2, K)."""
    factors = np.zeros((_SPAN + 2, NUM_KINDS), np.uint64)
    for kind, length in enumerate(LENGTHS):
        for back in range(length):
            factors[_SPAN - 1 - back, kind] = pow(_BASE, back, 1 << 64)
    for kind, backs in enumerate(SKIPS, len(LENGTHS)):
        for back in backs:
            factors[_SPAN - back, kind] = pow(_BASE, back, 1 << 64)
    factors[_SPAN - 1, -2:] = 1  # the last character
    factors[_SPAN, -2:] = _OF_WORD
    factors[_SPAN + 1, -1] = _OF_PREVIOUS
    return factors


_FACTORS = _factors()
_SALTS = np.arange(1, NUM_KINDS + 1, dtype=np.uint64) * np.uint64(0xD6E8FEB86659FD93)


class ContextState(NamedTuple):
    """What the contexts depend on, for B streams.

    Attributes:
        digits: The last characters, each id and one more; 0 before the start; shape (B, S).
        words: The sums over the word so far and the one before it, 0 for none, shape (B, 2).
    """

    digits: Sums
    words: Sums


class Contexts:
    """Hashes the contexts of texts over one vocabulary.

    Attributes:
        letters: What each character counts in a word, 0 if it is not part of one; shape (V,).
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Find which characters make up words; upper and lower case count as one."""
        digits = {c: number for number, c in enumerate(vocabulary.characters, 1)}
        self._end_id = vocabulary.end_id
        self.letters = np.zeros(vocabulary.size, np.uint64)  # 0: not part of a word
        for character, number in digits.items():
            if character.isalnum():
                self.letters[number - 1] = digits.get(character.lower(), number)

    def start(self, num_streams: int) -> ContextState:
        """Return the state before the first character."""
        digits = np.zeros((num_streams, _SPAN), np.uint64)
        return ContextState(digits, np.zeros((num_streams, 2), np.uint64))

    def step(self, ids: Ids, state: ContextState) -> tuple[Hashes, ContextState]:
        """Read a character of each stream, shape (B,), but no end of a document.

        Returns:
            The hashes of the contexts after it, shape (B, K), and the state after it.
        """
        last = ids[:, None].astype(np.uint64)
        last += np.uint64(1)
        letters = self.letters[ids]
        word, previous = state.words.T
        goes_on = letters > 0
        after = np.empty_like(state.words)
        after[:, 0] = (word * np.uint64(_BASE) + letters) * goes_on
        after[:, 1] = np.where(goes_on | (word == 0), previous, word)
        digits = np.concatenate([state.digits[:, 1:], last], axis=1)
        return _hash(np.concatenate([digits, after], axis=1)), ContextState(digits, after)

    def read(self, ids: Ids, state: ContextState) -> tuple[Hashes, ContextState]:
        """Read characters of a text, shape (T,); the state is of one stream.

        Returns:
            The hashes of the contexts after each, shape (T, K), and the state after all.
        """
        digits = np.concatenate([state.digits[0], (ids + 1).astype(np.uint64)])
        spans = np.lib.stride_tricks.sliding_window_view(digits[1:], _SPAN)
        if self._end_id is not None:  # nothing stands before a document
            is_end = spans == self._end_id + 1
            spans = np.where(np.cumsum(is_end[:, ::-1], axis=1)[:, ::-1] - is_end > 0, 0, spans)
        words = self._words(ids, state.words[0].tolist())
        hashes = _hash(np.concatenate([spans, words], axis=1))
        return hashes, ContextState(digits[None, -_SPAN:], words[-1:])

    def _words(self, ids: Ids, words: list[int]) -> Sums:
        """Return the sums over the word so far and the one before after each character, (T, 2)."""
        word, previous = words
        found = []
        for id, letter in zip(ids.tolist(), self.letters[ids].tolist(), strict=True):
            if letter:
                word = (word * _BASE + letter) & _MASK
            else:
                # A document knows no word of the one before.
                previous = 0 if id == self._end_id else word or previous
                word = 0
            found.append((word, previous))
        return np.array(found, np.uint64)


def _hash(digits: Sums) -> Hashes:
    """Return the hashes of contexts, shape (N, K), of digits and words, shape (N, S + 2)."""
    keys = digits @ _FACTORS
    keys += _SALTS
    keys ^= keys >> _HALF
    keys *= _MIX
    keys >>= _HALF
    return keys.astype(np.uint32)
