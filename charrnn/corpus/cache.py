"""Runs whose text is the same, so that their ids serve again: a text is read and counted once.

What decides is the content of the files. Their sizes are compared first, so that a file is hashed
only where it may be the same; neither its name nor its date counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.corpus.open import Source, digest

_BLOCK_BYTES = 1 << 20

Description = dict[str, Any]


def runs_of_same_text(
    files: Sequence[str],
    same: Mapping[str, Any],
    candidates: Iterable[tuple[Path, Path]],
) -> Iterator[tuple[Path, Description]]:
    """Yield the corpora that were made of files with the same content.

    Args:
        files: The names of the texts, in order.
        same: What else must be the same: keys and values of the description of a corpus.
        candidates: Corpora: the ids and the description of each.

    Yields:
        The ids, whole by their checksum, and their description.
    """
    sizes = [_size(name) for name in files]
    if None in sizes:  # a pipe, or standard input
        return
    kinds = [[Source(name, 0, "").packing, size] for name, size in zip(files, sizes, strict=True)]

    @cache
    def checksums() -> list[list[str]]:
        return [[digest(name, _BLOCK_BYTES).sha256] for name in files]

    for ids, path in candidates:
        about = _description(path, ids)
        if any(about.get(key) != value for key, value in same.items()):
            continue
        found = about.get("files", [])
        if [entry[:2] for entry in found] != kinds:
            continue
        try:
            if [entry[2:] for entry in found] != checksums():
                continue
            if _ids_sha256(ids) != about.get("ids_sha256"):
                continue
        except (OSError, ValueError):  # what is wrong with a text, reading it will tell
            continue
        yield ids, about


def _size(name: str) -> int | None:
    """Return the size of a file, or None for what is no file or cannot be looked at."""
    try:
        status = Path(name).stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _description(path: Path, ids: Path) -> Description:
    """Return the description of a corpus of this user, or nothing if it is no good."""
    try:
        # In a folder that others write to, a corpus may be anyone's.
        if {path.stat().st_uid, ids.stat().st_uid} != {os.geteuid()}:
            return {}
        about = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    is_ours = isinstance(about, dict) and isinstance(about.get("files"), list)
    if not is_ours or not all(isinstance(entry, list) for entry in about["files"]):
        return {}
    return dict(about)


def _ids_sha256(path: Path) -> str:
    """Return the checksum of the ids in a file.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no NumPy file.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("not the version that is written")
        np.lib.format.read_array_header_1_0(file)
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
