"""Where the loss is: characters by what could have told them, after A. Karpathy et al., 2015.

Every predicted character is of one kind, the first that fits:

- it is rare: fewer than one in a thousand characters of the training text is like it;
- it is the last character of an 8-gram that occurs in the training text;
- it comes after a newline;
- it starts a word;
- it is inside a word that stands nowhere in the training text;
- it is inside another word;
- anything else: blanks, marks, digits.

Without an index of the training text, characters are not rare, 8-grams not known and words not new.

Sizes: N places.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn.insight.text import Text
from charrnn.memory.index import Index
from charrnn.memory.trained import no_runs, read_text

GRAM_CHARS = 8
RARE = 1000
MAX_WORD_CHARS = 32  # the index is asked for no longer runs
_BLOCK_CHARS = 1 << 14
_WORD = re.compile(r"[^\W\d_]+")

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Kind:
    """The characters of one kind.

    Attributes:
        name: What kind it is.
        chars: How many were predicted.
        nats: Their loss, in all.
    """

    name: str
    chars: int
    nats: float

    @property
    def nats_per_char(self) -> float:
        """Their mean loss."""
        return self.nats / max(self.chars, 1)


def split_loss(text: Text, nats: npt.NDArray[np.float64], index: Index | None) -> list[Kind]:
    """Return the loss of a text by kinds of characters.

    ``nats``, shape (N,), is NaN where no character was predicted.
    """
    left = ~np.isnan(nats)
    kinds = []
    for name, flags in _kinds(text, index).items():
        own = left & flags
        kinds.append(Kind(name, int(own.sum()), float(nats[own].sum())))
        left &= ~flags
    return kinds


def _kinds(text: Text, index: Index | None) -> dict[str, Flags]:
    """Return which characters fit each kind, in the order in which they count."""
    num = len(text.ids)
    letters = np.zeros(num, np.bool_)
    starts = np.zeros(num, np.bool_)
    new = np.zeros(num, np.bool_)
    sizes = None if index is None else _sizes(text, index)
    for found in _WORD.finditer(text.shown):
        begin, end = found.span()
        letters[begin:end] = True
        starts[begin] = True
        if sizes is not None:
            length = min(end - begin, MAX_WORD_CHARS)
            new[begin:end] = sizes[begin + length - 1, length] == 0
    after_newline = np.zeros(num, np.bool_)
    after_newline[1:] = np.array(list(text.shown[:-1])) == "\n"
    kinds: dict[str, Flags] = {}
    if index is not None and sizes is not None:
        counts = np.bincount(index.followers, minlength=index.vocab_size + 1)[:-1]
        rare = counts[np.minimum(text.ids, index.vocab_size - 1)] * RARE < index.num_chars
        kinds["rare character"] = rare
        kinds[f"known {GRAM_CHARS}-gram"] = sizes[:, GRAM_CHARS] > 0
    kinds |= {"after a newline": after_newline, "start of a word": starts}
    if index is not None:
        kinds["inside a new word"] = new
    return kinds | {"inside a word": letters, "anything else": np.ones(num, np.bool_)}


def _sizes(text: Text, index: Index) -> npt.NDArray[np.int32]:
    """Return how often the last n characters at each place stand in the training text.

    The shape is (N, ``MAX_WORD_CHARS`` + 1).
    """
    sizes = []
    runs = no_runs(index, 1)
    for begin in range(0, len(text.ids), _BLOCK_CHARS):
        ids = text.ids[begin : begin + _BLOCK_CHARS]
        runs = read_text(index, ids, runs[-1:], np.arange(begin + 1, begin + len(ids) + 1))
        sizes.append((runs[:, 1] - runs[:, 0]).astype(np.int32))
    return np.concatenate(sizes)
