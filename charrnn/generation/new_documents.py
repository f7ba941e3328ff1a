"""Keeps the documents that are new: not in the training text, and not written before."""

import numpy as np

from charrnn.errors import ConfigError
from charrnn.generation.chunks import Chunks, SampleChunk
from charrnn.memory.index import Index
from charrnn.text.vocabulary import Ids, Vocabulary

MAX_TRIES = 1000
"""Documents in a row that may be known before the search ends."""


def only_new(
    chunks: Chunks, index: Index, vocabulary: Vocabulary, prompt: Ids, quotas: list[int]
) -> Chunks:
    """Yield new documents only, each in one chunk; the known ones among them are left out.

    The chunks come in order, without end. Each document begins with the prompt; see ``prompt_ids``.
    The quotas are numbers of documents for each temperature, which documents take in turn.

    Raises:
        ConfigError: If ``MAX_TRIES`` documents in a row are known.
    """
    left = list(quotas)
    written: set[str] = set()
    num_known = 0
    parts: list[SampleChunk] = []
    for chunk in chunks:
        parts.append(chunk)
        if not chunk.finish_reason:
            continue
        whole = chunk._replace(drawn=[drawn for part in parts for drawn in part.drawn])
        parts.clear()
        turn = whole.sample % len(left)
        if left[turn] == 0:
            continue
        text = whole.text
        ids = np.concatenate([prompt, vocabulary.look_up(text), [vocabulary.end_id]])
        if text not in written and not _stands_in(index, ids):
            written.add(text)
            num_known = 0
            yield whole
            left[turn] -= 1
            if not any(left):
                return
        elif (num_known := num_known + 1) == MAX_TRIES:
            raise ConfigError(
                f"`new`: {MAX_TRIES:,} documents in a row are known, after {len(written):,} new "
                "ones; ask for fewer, or for a higher `temperature`"
            )


def _stands_in(index: Index, ids: Ids) -> bool:
    """Return whether a run of characters is in an indexed text."""
    bounds = np.array([0, index.num_rows])
    for id in ids.tolist():
        bounds = index.extend(bounds, id)
    return bool(bounds[1] > bounds[0])
