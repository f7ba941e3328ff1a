"""Find runs on the same text, so that a text is encoded only once.

Only the content of the files counts, not their names or dates. Sizes are compared first, so a file
is hashed only if it may match.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.corpus.open import digest

_BLOCK_BYTES = 1 << 20

Description = dict[str, Any]


def runs_of_same_text(
    files: Sequence[str],
    same: Mapping[str, Any],
    candidates: Iterable[tuple[Path, Path]],
) -> Iterator[tuple[Path, Description]]:
    """Yield the corpora that were made from files with the same content, in the same order.

    What is in ``same`` must be equal in the description of a corpus, too. The candidates are pairs
    of ids and descriptions. The ids that are yielded match their checksum.
    """
    sizes = [_size(name) for name in files]
    if None in sizes:  # a pipe, or standard input
        return

    @cache
    def contents() -> list[list[object]]:
        return [digest(name, _BLOCK_BYTES).to_json() for name in files]

    for ids, path in candidates:
        about = _description(path, ids)
        if any(about.get(key) != value for key, value in same.items()):
            continue
        found = about.get("files", [])
        if [entry[1:2] for entry in found] != [[size] for size in sizes]:
            continue
        try:
            if found != contents() or _ids_sha256(ids) != about.get("ids_sha256"):
                continue
        except (OSError, ValueError):  # an unreadable text is reported when it is read
            continue
        yield ids, about


def _size(name: str) -> int | None:
    """Return the size of a regular file in bytes, or None for anything else."""
    try:
        status = Path(name).stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _description(path: Path, ids: Path) -> Description:
    """Return the description of a corpus of this user, or an empty one if it is unusable."""
    try:
        # In a folder that others can write to, a corpus may be anyone's.
        if hasattr(os, "geteuid") and {path.stat().st_uid, ids.stat().st_uid} != {os.geteuid()}:
            return {}
        about = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    is_ours = isinstance(about, dict) and isinstance(about.get("files"), list)
    if not is_ours or not all(isinstance(entry, list) for entry in about["files"]):
        return {}
    return dict(about)


def _ids_sha256(path: Path) -> str:
    """Return the checksum of the ids in a NumPy file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("not version 1.0 of the NumPy format")
        np.lib.format.read_array_header_1_0(file)
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
