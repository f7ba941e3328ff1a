"""Whether the text of a resumed run is still the text that it was trained on."""

import dataclasses
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from charrnn.corpus.decode import BLOCK_BYTES
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import IDS_NAME, Corpus, build_corpus
from charrnn.corpus.streams import release_pages
from charrnn.errors import RunError
from charrnn.training.run.state import RunState


def check_corpus(directory: Path, state: RunState, corpus: Corpus) -> None:
    """Refuse a corpus in a run directory that is not the one that the run was trained on.

    Raises:
        RunError: If so.
    """
    if _fingerprint(corpus) != state.fingerprint:
        raise RunError(
            f"{str(directory)!r}: {IDS_NAME} is not the text that this run was trained on; start "
            "another run"
        )


def check_texts(
    directory: Path, names: Sequence[str], options: CorpusOptions, corpus: Corpus
) -> None:
    """Refuse texts that are not what the run was trained on, and say where they differ.

    Args:
        directory: The run directory, for a copy of the texts as numbers.
        names: Files, folders or ``-``.
        options: How the run read them.
        corpus: What the run was trained on.

    Raises:
        RunError: If they differ.
        TextError: If they cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix=f".{IDS_NAME}.", dir=directory) as folder:
        difference = _difference(
            corpus, build_corpus(Path(folder), names, options, candidates=[directory])
        )
    if difference is not None:
        raise RunError(
            f"{', '.join(map(repr, names))}: not the text that {str(directory)!r} was trained on: "
            f"{difference}; start another run, with --init-from if it is to know what this one does"
        )


def _difference(old: Corpus, new: Corpus) -> str | None:
    """Return in words how two corpora differ, or None."""
    if old.fingerprint == new.fingerprint:
        return None
    is_now, was = (set(corpus.vocabulary.characters) for corpus in (new, old))
    if is_now != was:
        parts = [("new", is_now - was), ("gone", was - is_now)]
        words = [f"{_show_characters(found)} {word}" for word, found in parts if found]
        return f"in its vocabulary {' and '.join(words)}"
    if len(old.ids) != len(new.ids):
        return f"it has {len(new.ids):,} characters, not {len(old.ids):,}"
    for start in range(0, len(old.ids), BLOCK_BYTES):
        end = start + BLOCK_BYTES
        differs = old.ids[start:end] != new.ids[start:end]
        for ids in (old.ids, new.ids):
            release_pages(ids)
        if differs.any():
            return f"character {start + int(np.argmax(differs)) + 1:,} is another"
    if (old.num_train, old.vocabulary) != (new.num_train, new.vocabulary):
        return f"{new.num_train:,} characters of it train, not {old.num_train:,}"
    return None


def _show_characters(characters: set[str]) -> str:
    """Return a few characters as a user may read them."""
    first = sorted(characters)[:10]
    more = f" and {len(characters) - len(first)} more" if len(characters) > len(first) else ""
    return f"{' '.join(map(repr, first))}{more}"


def _fingerprint(corpus: Corpus) -> str:
    """Return the fingerprint of the ids that are there, whatever their description says."""
    digest = hashlib.sha256()
    block = BLOCK_BYTES // corpus.ids.itemsize
    for start in range(0, len(corpus.ids), block):
        digest.update(np.ascontiguousarray(corpus.ids[start : start + block]).data)
        release_pages(corpus.ids)
    return dataclasses.replace(corpus, ids_sha256=digest.hexdigest()).fingerprint
