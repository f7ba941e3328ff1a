"""A new training that begins with the weights of a model, on another text.

What a character means to the model is found by the character, never by its id: embedding, output
row and the rows of runs of characters go with it. New characters begin as in a new model.

Sizes: V characters, E embedding, H hidden units, K the longest run of characters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from charrnn.errors import ConfigError
from charrnn.model.cells.spec import Array
from charrnn.model.checkpoint import Checkpoint
from charrnn.model.config import ModelConfig
from charrnn.model.ngram_embedding import ngram_rows
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.recipe.settings import Recipe, Settings

MAX_RUNS = 1 << 18  # of one length; where there are more they begin as nothing
BLOCK_RUNS = 1 << 14
SHOWN = 20  # characters that are named

Numbers = npt.NDArray[np.int64]

_FREE = ("counts",)  # sizes of a model that are of no weights


def settings_from(source: Checkpoint, settings: Settings, *, is_bytes: bool) -> Settings:
    """Return settings with the architecture of a model.

    Args:
        source: The model.
        settings: What a user fixed.
        is_bytes: Whether the new text is one of bytes.

    Raises:
        ConfigError: If the user fixed another architecture, or bytes meet characters.
    """
    if is_bytes != source.vocabulary.is_bytes:
        kind, advice = ("bytes", "add") if source.vocabulary.is_bytes else ("characters", "drop")
        raise ConfigError(f"--init-from: the model is one of {kind}; {advice} --bytes")
    sizes = {}
    for field in dataclasses.fields(settings):
        if hasattr(source.config, field.name) and field.name not in _FREE:
            given, has = getattr(settings, field.name), getattr(source.config, field.name)
            if given is not None and given != has:
                option = field.name.replace("_", "-")
                raise ConfigError(
                    f"--{option}: the model of --init-from has {has}, not {given}; drop the option"
                )
            sizes[field.name] = has
    return dataclasses.replace(settings, **sizes)


def recipe_from(source: Checkpoint, recipe: Recipe) -> Recipe:
    """Return a recipe with the architecture of a model; what is of the text is as it was."""
    own = {name: getattr(recipe.model, name) for name in ("vocab_size", *_FREE)}
    model = dataclasses.replace(source.config, **own)
    return dataclasses.replace(recipe, model=model)


def transfer(
    source: Checkpoint, config: ModelConfig, vocabulary: Vocabulary, fresh: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the weights of a model for another vocabulary.

    Args:
        source: The model.
        config: The sizes of the new one, which differ in V alone.
        vocabulary: The characters of the new one.
        fresh: The weights of a new model, which the rows of new characters are from.

    Returns:
        The weights by name.
    """
    arrays = dict(source.arrays)
    if vocabulary == source.vocabulary:
        return arrays
    old, new = _shared_ids(source.vocabulary, vocabulary)
    for full_name, array in fresh.items():
        name = full_name.split(".")[2:] if config.num_networks > 1 else full_name.split(".")
        match name:
            case ["embedding" | "output", _]:
                arrays[full_name] = array.copy()
                arrays[full_name][new] = source.arrays[full_name][old]
            case ["ngrams", length, _]:
                arrays[full_name] = np.zeros_like(array)
                for old_rows, new_rows in _shared_rows(
                    int(length), source.config, config, old, new
                ):
                    arrays[full_name][new_rows] = source.arrays[full_name][old_rows]
    return arrays


def describe_transfer(old: Vocabulary, new: Vocabulary) -> list[str]:
    """Return lines that say which characters a model keeps, gets and loses."""
    had, has = set(old.characters), set(new.characters)
    lines = [f"{len(had & has):,} of {len(has):,} characters are known to the model"]
    for found, words in [(has - had, "new to it"), (had - has, "not in the text and dropped")]:
        if found:
            names = " ".join(repr(character)[1:-1] for character in sorted(found)[:SHOWN])
            more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
            lines.append(f"{len(found):,} {words}: {names}{more}")
    return lines


def _shared_ids(old: Vocabulary, new: Vocabulary) -> tuple[Numbers, Numbers]:
    """Return the ids, old and new, of what both vocabularies have, in one order."""
    ids = new.look_up(old.characters)
    pairs = [(before, after) for before, after in enumerate(ids.tolist()) if after >= 0]
    symbols = ((old.unknown_id, new.unknown_id), (old.end_id, new.end_id))
    pairs += [(was, now) for was, now in symbols if was is not None and now is not None]
    numbers = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return numbers[:, 0], numbers[:, 1]


def _shared_rows(
    length: int, old_config: ModelConfig, new_config: ModelConfig, old: Numbers, new: Numbers
) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield the rows, old and new, of the runs of shared characters in a table.

    Where runs share a row it is that of the last of them.

    Args:
        length: Characters in a run.
        old_config: The sizes of the old model.
        new_config: Those of the new one.
        old: The ids of shared characters in the old model.
        new: Those in the new one.
    """
    num_runs = len(old) ** length
    if num_runs > MAX_RUNS:
        return
    for start in range(0, num_runs, BLOCK_RUNS):
        numbers = np.arange(start, min(start + BLOCK_RUNS, num_runs))
        recent = np.zeros((new_config.ngrams, len(numbers)), dtype=np.int64)
        rows = []
        for config, ids in ((old_config, old), (new_config, new)):
            for place in range(length):
                recent[-1 - place] = ids[numbers // len(ids) ** place % len(ids)]
            rows.append(ngram_rows(config, recent)[length - 2][0])
        yield rows[0], rows[1]
