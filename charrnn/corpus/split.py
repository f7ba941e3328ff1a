"""Which part of a text trains, which validates, and where end symbols stand among its characters.

Sizes: D documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from charrnn.corpus.documents import Places
from charrnn.errors import TextError

MIN_CHARS = 20


@dataclass(frozen=True)
class Part:
    """What was read: of the text, or of another that validates.

    Attributes:
        num_chars: Characters, separators left out.
        ends: The place after the last character of each document, shape (D,); without documents
            there is none.
    """

    num_chars: int
    ends: Places


@dataclass(frozen=True)
class Layout:
    """How characters become the ids of a corpus.

    Attributes:
        num_chars: Characters of both parts.
        ends: Before which characters end symbols stand, ascending; a place twice has two.
        num_train: How many of the ids train, end symbols included; the others validate.
        val_from: The first character that is predicted when validating.
        val_ends: How many end symbols are.
    """

    num_chars: int
    ends: Places
    num_train: int
    val_from: int
    val_ends: int

    @property
    def num_ids(self) -> int:
        """Characters and end symbols."""
        return self.num_chars + len(self.ends)


def lay_out(parts: Sequence[Part], val_share: Fraction | None, *, documents: bool) -> Layout:
    """Divide a text into what trains and what validates.

    Args:
        parts: The text, and the one that validates, which may be empty.
        val_share: The share of the first text, from its end, that validates; None where the second
            does.
        documents: Whether they are texts of documents; then none of them is divided.

    Raises:
        TextError: If there is only one document where two are needed.
    """
    text, val = parts
    num_chars = text.num_chars + val.num_chars
    if not documents:
        num_train = text.num_chars if val_share is None else int(num_chars * (1 - val_share))
        return Layout(num_chars, text.ends, num_train, num_train + 1, 0)
    train_ends, val_ends = text.ends, val.ends + text.num_chars
    if val_share:
        num_train = _nearest_border(text.ends, val_share)
        train_ends, val_ends = np.split(text.ends, [num_train])
    border = int(train_ends[-1]) if len(train_ends) else 0
    # One before the first document that trains, one before the first that validates.
    before_val = [border] if len(val_ends) else []
    return Layout(
        num_chars=num_chars,
        ends=np.concatenate([[0], train_ends, before_val, val_ends]).astype(np.int64),
        num_train=border + len(train_ends) + 1,
        val_from=border,
        val_ends=len(val_ends),
    )


def _nearest_border(ends: Places, val_share: Fraction) -> int:
    """Return how many documents train, so that the others have about the share of the text."""
    if len(ends) == 1:
        raise TextError(
            "the text is one document, which cannot be divided; "
            "give another `doc_sep`, or another file or 0 for `val`"
        )
    if len(ends) == 0:
        return 0
    symbols = ends + np.arange(1, len(ends) + 1)  # up to the end of each document
    wanted = float(int(symbols[-1]) * (1 - val_share))
    return 1 + int(np.abs(symbols[:-1] - wanted).argmin())


def check_length(names: Sequence[str], layout: Layout, *, may_be_none: bool) -> None:
    """Refuse a text that is too short to train and validate on.

    Args:
        names: What the user named.
        layout: Its division.
        may_be_none: Whether it is in order that nothing validates.

    Raises:
        TextError: If so.
    """
    where = ", ".join(repr(name) for name in names)
    num_train, num_val = layout.num_train, layout.num_ids - layout.num_train
    if layout.num_chars == 0:
        raise TextError(f"{where}: the text is empty")
    if num_train < MIN_CHARS:
        raise TextError(
            f"{where}: {num_train} characters to train on are too few; give {MIN_CHARS} or more"
        )
    if num_val == 1 or (num_val == 0 and not may_be_none):
        raise TextError(
            f"{where}: fewer than two characters cannot validate; "
            "give a larger share for `val`, or 0 for none"
        )
