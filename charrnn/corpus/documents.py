"""A text of documents: where each document ends.

Names, the lines of a log and the poems of a book are documents: texts that do not depend on one
another. A separator between them belongs to neither. Two separators in a row enclose no document.
The end of a file also ends a document.

As ids, a text of documents begins and ends with the end symbol and has one between two documents:
``E a b c E d e E``. The first of N ids is given and the N - 1 others are predicted, as in any text:
the characters of each document, and its end.

Sizes: D documents.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.corpus.decode import Decoding, read_blocks
from charrnn.corpus.open import Limit, Notice, Source
from charrnn.text.prefixes import num_begun
from charrnn.text.vocabulary import Ids

Places = npt.NDArray[np.int64]


class DocumentChunk(NamedTuple):
    """Some characters of a text, without separators, and where documents end among them.

    Attributes:
        text: The characters.
        ends: The index after the last character of each document that ends here, shape (D,),
            ascending.
    """

    text: str
    ends: Places


def read_chunks(
    files: Sequence[str],
    decoding: Decoding,
    separator: str,
    notice: Notice = lambda _: None,
    limit: Limit | None = None,
    on_read: Callable[[Source], None] = lambda _: None,
) -> Iterator[DocumentChunk]:
    """Yield the text of files, one after another, in chunks of bounded size.

    The separator is empty for a text without documents. For the other arguments and errors see
    ``read_blocks``.
    """
    limit = limit or Limit()
    for name in files:
        blocks = read_blocks([name], decoding, notice, limit, on_read)
        yield from cut_documents(blocks, separator)
        if limit.is_reached:
            return


def cut_documents(blocks: Iterable[str], separator: str) -> Iterator[DocumentChunk]:
    """Cut a text at each separator, from left to right, like ``str.split``.

    If the separator begins with a line end, an incomplete separator at the end of the text is
    dropped as well, because the last line of a file ends with a line end too. The last document
    ends with the text. With an empty separator there are no documents.
    """
    if not separator:
        yield from (DocumentChunk(block, _places([])) for block in blocks)
        return
    held = ""  # may begin a separator
    is_open = False  # whether a document has begun and not ended
    for block in blocks:
        *whole, rest = (held + block).split(separator)
        num_held = num_begun(rest, [separator])
        rest, held = rest[: len(rest) - num_held], rest[len(rest) - num_held :]
        lengths = _places([len(text) for text in whole])
        is_document = lengths > 0
        if whole:
            is_document[0] |= is_open
            is_open = False
        is_open |= bool(rest)
        yield DocumentChunk("".join(whole) + rest, lengths.cumsum()[is_document])
    if separator.startswith("\n"):
        held = ""
    yield DocumentChunk(held, _places([len(held)] if held or is_open else []))


def insert_ends(ids: Ids, ends: Places, end_id: int | None) -> Ids:
    """Return the N ids of a chunk with end symbols after the D documents, shape (N + D,).

    A text without documents has no end symbol, and D is 0.
    """
    return ids if end_id is None else np.insert(ids, ends, end_id)


def _places(values: Sequence[int]) -> Places:
    """Return indices as an array."""
    return np.array(values, dtype=np.int64)
