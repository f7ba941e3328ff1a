"""A text of many documents: where each of them ends.

Documents are the names of a list, the lines of a log, the poems of a book: pieces of text that have
nothing to do with one another. In a text they stand one after another with a separator between
them, which belongs to none. Two separators in a row hold no document. The end of a file ends a
document as well.

As ids, a text of documents begins and ends with the end symbol, and has one between each two
documents: ``E a b c E d e E``. So of N ids the first is given and the N - 1 others are predicted,
as in any text: of each document its characters, and that it ends.

Sizes: D documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.corpus.decode import Decoding, read_blocks
from charrnn.corpus.open import Limit, Notice, Source
from charrnn.text.vocabulary import Ids

Places = npt.NDArray[np.int64]


class Piece(NamedTuple):
    """Characters in a row, separators left out, and where among them documents end.

    Attributes:
        text: The characters.
        ends: The place after the last character of each document that ends here, shape (D,),
            ascending.
    """

    text: str
    ends: Places


def read_pieces(
    files: Sequence[str],
    decoding: Decoding,
    separator: str,
    notice: Notice = lambda _: None,
    limit: Limit | None = None,
    on_read: Callable[[Source], None] = lambda _: None,
) -> Iterator[Piece]:
    """Yield the text of files, one after another, in pieces of bounded size.

    Args:
        files: Paths, or ``-``.
        decoding: How bytes become characters.
        separator: What stands between documents; empty where the text is one piece.
        notice: See ``read_blocks``.
        limit: How many bytes are read of all files together; None for all.
        on_read: See ``read_blocks``.

    Raises:
        TextError: If a file cannot be read; see ``read_blocks``.
    """
    limit = limit or Limit()
    for name in files:
        blocks = read_blocks([name], decoding, notice, limit, on_read)
        yield from cut_documents(blocks, separator)
        if limit.is_reached:
            return


def cut_documents(blocks: Iterable[str], separator: str) -> Iterator[Piece]:
    """Cut a text at each separator, from left to right, as ``str.split`` does.

    If the separator begins with a line end, then what is there of it at the end of the text goes as
    well: the last line of a file ends with a line end, whatever is to follow.

    Args:
        blocks: The text, in parts.
        separator: What stands between documents; empty where the text is one piece.

    Yields:
        The text without separators. All documents end, the last one where the text does; without a
        separator there are none.
    """
    if not separator:
        yield from (Piece(block, _places([])) for block in blocks)
        return
    held = ""  # may be the beginning of a separator: what follows will tell
    is_open = False  # whether characters of a document have come whose end has not
    for block in blocks:
        *whole, rest = (held + block).split(separator)
        num_held = _overlap(rest, separator)
        rest, held = rest[: len(rest) - num_held], rest[len(rest) - num_held :]
        lengths = _places([len(text) for text in whole])
        is_document = lengths > 0
        if whole:
            is_document[0] |= is_open
            is_open = False
        is_open |= bool(rest)
        yield Piece("".join(whole) + rest, lengths.cumsum()[is_document])
    if separator.startswith("\n"):
        held = ""
    yield Piece(held, _places([len(held)] if held or is_open else []))


def insert_ends(ids: Ids, ends: Places, end_id: int | None) -> Ids:
    """Return the ids of a piece with end symbols.

    Args:
        ids: Of its characters, shape (N,).
        ends: Where documents end, shape (D,), from 0 to N.
        end_id: The end symbol; None in a text without documents, where D is 0.

    Returns:
        Ids, shape (N + D,).
    """
    return ids if end_id is None else np.insert(ids, ends, end_id)


def _overlap(text: str, separator: str) -> int:
    """Return how many characters at the end of a text may be the beginning of a separator."""
    longest = min(len(text), len(separator) - 1)
    return next(
        (length for length in range(longest, 0, -1) if text.endswith(separator[:length])), 0
    )


def _places(values: Sequence[int]) -> Places:
    """Return whole numbers as an array."""
    return np.array(values, dtype=np.int64)
