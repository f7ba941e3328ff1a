"""What is read, window by window: a text in one piece, or documents, each by itself.

Sizes: B streams, T time steps in a window, N ids.
"""

from __future__ import annotations

from charrnn.corpus.document_streams import (
    DocumentStreams,
    measuring_documents,
    training_documents,
)
from charrnn.corpus.streams import Streams, measuring_streams
from charrnn.text.vocabulary import Ids

AnyStreams = Streams | DocumentStreams


def training_windows(
    ids: Ids, end_id: int | None, batch_size: int, seq_length: int, seed: int
) -> AnyStreams:
    """Cut a text for learning from it.

    Args:
        ids: The text, shape (N,), N of 2 or more.
        end_id: The end symbol of a text of documents, else None.
        batch_size: Streams, B.
        seq_length: The most time steps in a window, T.
        seed: Of the order of documents.
    """
    if end_id is None:
        return Streams(ids, batch_size, seq_length)
    return training_documents(ids, end_id, batch_size, seq_length, seed)


def measuring_windows(
    ids: Ids, end_id: int | None, seq_length: int, num_streams: int | None = None
) -> AnyStreams:
    """Cut a text for measuring how well it is predicted.

    Args:
        ids: The text, shape (N,), N of 2 or more.
        end_id: The end symbol of a text of documents, else None.
        seq_length: The most time steps in a window, T.
        num_streams: See ``measuring_streams`` and ``measuring_documents``.
    """
    if end_id is None:
        return measuring_streams(ids, seq_length, num_streams)
    return measuring_documents(ids, end_id, seq_length, num_streams)
