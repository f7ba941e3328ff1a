"""What a run may change when it goes on, and what must be as it was.

The budget may be another, and so may what steers the learning and the machine. Text, vocabulary,
architecture and the places in the text are what the state is made of: they stay.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.corpus.decode import BLOCK_BYTES
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import IDS_NAME, Corpus, build_corpus
from charrnn.corpus.streams import release_pages
from charrnn.errors import ConfigError, RunError
from charrnn.training.recipe.settings import Recipe, Settings
from charrnn.training.run.state import RunState

BUDGET = ("time", "steps", "epochs")
STEERING = ("learning_rate", "clip", "dropout")
MACHINE = ("device", "precision", "threads")
_OPTION_NAMES = {
    "glob": "--glob",
    "decoding": "--encoding or --bytes",
    "separator": "--lines or --doc-sep",
}


def change_recipe(state: RunState, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe that a run goes on with.

    Args:
        state: Where it stands.
        changes: What is to be other than it was, by the attributes of ``Settings`` and
            ``CorpusOptions``. One limit of the budget takes the place of all.

    Raises:
        ConfigError: If a value is out of range, or is not one that may change.
    """
    settings = {field.name for field in dataclasses.fields(Settings)}
    options = {field.name for field in dataclasses.fields(CorpusOptions)}
    Settings(**{name: value for name, value in changes.items() if name in settings})
    free = (*BUDGET, *STEERING, *MACHINE)
    for name, value in changes.items():
        holders = (state.options,) if name in options else (state.recipe, state.recipe.model)
        was = next(getattr(holder, name) for holder in holders if hasattr(holder, name))
        if name not in free and value != was:
            option = _OPTION_NAMES.get(name, f"--{name.replace('_', '-')}")
            raise ConfigError(
                f"{option}: the run has {_show(was)}, not {_show(value)}; drop the option, or "
                "start another run"
            )
    replaced = {name: value for name, value in changes.items() if name in free}
    if any(name in replaced for name in BUDGET):
        replaced = {**dict.fromkeys(BUDGET), **replaced}
    return dataclasses.replace(state.recipe, **replaced)


def has_same_budget(old: Recipe, new: Recipe) -> bool:
    """Return whether two recipes end at the same place."""
    return all(getattr(old, name) == getattr(new, name) for name in BUDGET)


def why_not_exact(state: RunState, recipe: Recipe, backend: Mapping[str, Any]) -> list[str]:
    """Return why the run will not be bit for bit as without the stop; nothing if it will be.

    Args:
        state: Where it stands.
        recipe: What it goes on with.
        backend: Where it goes on.
    """
    reasons = []
    if recipe.time is not None:
        reasons.append("the schedule follows the clock")
    elif not has_same_budget(state.recipe, recipe):
        reasons.append("the budget is another")
    for name in STEERING:
        old, new = getattr(state.recipe, name), getattr(recipe, name)
        if old != new:
            reasons.append(f"{name.replace('_', ' ')} is {new:g}, was {old:g}")
    for name, value in backend.items():
        if state.backend.get(name) != value:
            reasons.append(f"{name} is {_show(value)}, was {_show(state.backend.get(name))}")
    if backend["device"] != "cpu":
        reasons.append(f"sums on {backend['device']} have no fixed order")
    return reasons


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
    """Return the fingerprint of a corpus by the ids that are there, whatever its description says.

    See ``Corpus.fingerprint``.
    """
    digest = hashlib.sha256()
    block = BLOCK_BYTES // corpus.ids.itemsize
    for start in range(0, len(corpus.ids), block):
        digest.update(np.ascontiguousarray(corpus.ids[start : start + block]).data)
        release_pages(corpus.ids)
    return dataclasses.replace(corpus, ids_sha256=digest.hexdigest()).fingerprint


def _show(value: object) -> str:
    """Return a value of an option as a user wrote it."""
    if dataclasses.is_dataclass(value):
        return " ".join(str(getattr(value, field.name)) for field in dataclasses.fields(value))
    if value is None:
        return "none"
    return repr(value) if isinstance(value, str) and not value.isprintable() else str(value)
