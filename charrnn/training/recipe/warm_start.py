"""Warm start: training on another text from the weights of a model.

Weights are matched character by character: embeddings, output rows, and the embeddings of the runs
of characters in the new text. New characters start as in a new model, new runs at zero.

Sizes: V characters, E embedding, H hidden units, K the longest run of characters.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from charrnn.errors import ConfigError
from charrnn.model.cells.spec import Array
from charrnn.model.checkpoint import Checkpoint
from charrnn.model.config import ModelConfig
from charrnn.model.ngram_embedding import ngram_rows
from charrnn.text.vocabulary import Ids, Vocabulary
from charrnn.training.recipe.settings import Recipe, Settings

MATCHED_CHARS = 1 << 22  # characters of the new text whose runs are matched: a second, 0.5 GB
SHOWN = 20  # characters listed in a message

Numbers = npt.NDArray[np.int64]


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
        raise ConfigError(f"`init_from`: the model was trained on {kind}; {advice} `as_bytes`")
    sizes = {}
    for field in dataclasses.fields(settings):
        if hasattr(source.config, field.name):
            given, has = getattr(settings, field.name), getattr(source.config, field.name)
            if given is not None and given != has:
                raise ConfigError(
                    f"`{field.name}`: the model of `init_from` has {has}, not {given}; drop the "
                    "option"
                )
            sizes[field.name] = has
    return dataclasses.replace(settings, **sizes)


def recipe_from(source: Checkpoint, recipe: Recipe, name: str) -> Recipe:
    """Return a recipe with the architecture of a model and the vocabulary size of the text.

    Args:
        source: The model.
        recipe: What to train otherwise.
        name: The path of the model, for the command that repeats the run.
    """
    model = dataclasses.replace(source.config, vocab_size=recipe.model.vocab_size)
    return dataclasses.replace(recipe, model=model, init_from=name)


def transfer(
    source: Checkpoint,
    config: ModelConfig,
    vocabulary: Vocabulary,
    fresh: Mapping[str, Array],
    text: Ids,
) -> dict[str, Array]:
    """Return the weights of a model for another vocabulary.

    Args:
        source: The model.
        config: The sizes of the new model, which differ in V alone.
        vocabulary: The characters of the new model.
        fresh: The weights of a new model, for the rows of new characters.
        text: The training text, N ids. Its first ``MATCHED_CHARS`` characters decide which runs of
            characters are matched.

    Returns:
        The weights by name.
    """
    arrays = dict(source.arrays)
    if vocabulary == source.vocabulary:
        return arrays
    old, new = _shared_ids(source.vocabulary, vocabulary)
    old_ids = np.full(vocabulary.size, -1, dtype=np.int64)
    old_ids[new] = old
    ids = np.asarray(text[:MATCHED_CHARS], dtype=np.int64)
    rows = _shared_rows(source.config, config, old_ids, ids) if config.ngrams > 1 else []
    for full_name, array in fresh.items():
        name = full_name.split(".")[2:] if config.num_networks > 1 else full_name.split(".")
        match name:
            case ["embedding" | "output", _]:
                arrays[full_name] = array.copy()
                arrays[full_name][new] = source.arrays[full_name][old]
            case ["ngrams", length, _]:
                old_rows, new_rows = rows[int(length) - 2]
                arrays[full_name] = np.zeros_like(array)
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
    old_config: ModelConfig, new_config: ModelConfig, old_ids: Numbers, ids: Numbers
) -> list[tuple[Numbers, Numbers]]:
    """Return the table rows, old and new, of the runs of shared characters in a text of N new ids.

    ``old_ids`` has for each new id the old id of the same character, or -1. There are two arrays of
    equal length for each length of run from 2 to K. Where runs share a row in the new table, the
    most frequent run decides.
    """
    is_shared = old_ids[ids] >= 0
    before = np.maximum(old_ids[ids], 0)
    tables = (
        ngram_rows(config, np.pad(each, (config.ngrams - 1, 0))[:, None])
        for config, each in ((old_config, before), (new_config, ids))
    )
    pairs = []
    keep = is_shared.copy()
    for length, (was, now) in enumerate(zip(*tables, strict=True), start=2):
        keep[length - 1 :] &= is_shared[: len(ids) - length + 1]
        keep[: length - 1] = False
        num_rows = old_config.ngram_rows
        keys, counts = np.unique(now[keep, 0] * num_rows + was[keep, 0], return_counts=True)
        keys = keys[np.argsort(counts, kind="stable")]  # of equal rows NumPy keeps the last
        pairs.append((keys % num_rows, keys // num_rows))
    return pairs
