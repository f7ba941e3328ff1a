"""Split a text into a training and a validation part, and place the end symbols of documents.

Sizes: D documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from charrnn.corpus.documents import Places
from charrnn.errors import TextError

MIN_CHARS = 20


@dataclass(frozen=True)
class SplitPart:
    """The size of a text and of its documents.

    Attributes:
        num_chars: Characters without separators.
        ends: The index after the last character of each document, shape (D,); empty in a text
            without documents.
    """

    num_chars: int
    ends: Places


@dataclass(frozen=True)
class Split:
    """How characters become the ids of a corpus.

    Attributes:
        num_chars: Characters of both parts.
        ends: The characters before which an end symbol is inserted, ascending; an index that occurs
            twice gets two.
        num_train: How many ids train, end symbols included; the others validate.
        val_from: The first character that is predicted in validation.
        val_ends: How many end symbols are predicted in validation.
    """

    num_chars: int
    ends: Places
    num_train: int
    val_from: int
    val_ends: int

    @property
    def num_ids(self) -> int:
        """The number of characters and end symbols."""
        return self.num_chars + len(self.ends)


def split_parts(
    parts: Sequence[SplitPart], val_share: Fraction | None, *, documents: bool
) -> Split:
    """Split a text into a training and a validation part; no document is cut.

    The share of the first text, from its end, is for validation. If it is None, the second text is,
    which may be empty otherwise.

    Raises:
        TextError: If there is only one document and two are needed.
    """
    text, val = parts
    num_chars = text.num_chars + val.num_chars
    if not documents:
        num_train = text.num_chars if val_share is None else int(num_chars * (1 - val_share))
        return Split(num_chars, text.ends, num_train, num_train + 1, 0)
    train_ends, val_ends = text.ends, val.ends + text.num_chars
    if val_share:
        num_train = _nearest_border(text.ends, val_share)
        train_ends, val_ends = np.split(text.ends, [num_train])
    border = int(train_ends[-1]) if len(train_ends) else 0
    # One before the first training document, and one before the first validation document.
    before_val = [border] if len(val_ends) else []
    return Split(
        num_chars=num_chars,
        ends=np.concatenate([[0], train_ends, before_val, val_ends]).astype(np.int64),
        num_train=border + len(train_ends) + 1,
        val_from=border,
        val_ends=len(val_ends),
    )


def _nearest_border(ends: Places, val_share: Fraction) -> int:
    """Return how many documents train, so that the rest comes closest to the share."""
    if len(ends) == 1:
        raise TextError(
            "the text is one document, which cannot be split; "
            "give another `doc_sep`, or another file or 0 for `val`"
        )
    if len(ends) == 0:
        return 0
    symbols = ends + np.arange(1, len(ends) + 1)  # up to the end of each document
    wanted = float(int(symbols[-1]) * (1 - val_share))
    return 1 + int(np.abs(symbols[:-1] - wanted).argmin())


def check_length(names: Sequence[str], split: Split, *, may_be_none: bool) -> None:
    """Refuse a text, given by its names, that is too short to train and validate on.

    Raises:
        TextError: If a part is too short; the validation part ``may_be_none``.
    """
    where = ", ".join(repr(name) for name in names)
    num_train, num_val = split.num_train, split.num_ids - split.num_train
    if split.num_chars == 0:
        raise TextError(f"{where}: the text is empty")
    if num_train < MIN_CHARS:
        raise TextError(
            f"{where}: {num_train} characters are too few to train on; give {MIN_CHARS} or more"
        )
    if num_val == 1 or (num_val == 0 and not may_be_none):
        raise TextError(
            f"{where}: the validation text needs at least two characters; "
            "give a larger share for `val`, or 0 for none"
        )
