"""The state of a run: everything that its next steps depend on, in one file of the run directory.

A safetensors file like that of a model, with a format of its own::

    network.*, average.*    the weights, and the average of them
    optimizer.*             the optimizer's moments
    gathered.*              the gradients that the tables of runs have gathered
    carried.*               what the streams carry from window to window
    generator               the state of the source of chance
    recipe                  the recipe, JSON
    options                 how the texts were read, JSON
    fingerprint             of the corpus that lies beside it
    machine                 all on which the last bit depends, JSON
    standing                the step, the loop's counts, what is used of the budget, JSON

The step gives the position in the text. The file is not meant for sharing, but it is read with the
same care: nothing in it is executed, imported or opened.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from charrnn.corpus.options import CorpusOptions
from charrnn.errors import CharRNNError, CheckpointError
from charrnn.model.config import ModelConfig
from charrnn.storage.tensorfile import TensorFile, open_tensor_file, write_tensor_file
from charrnn.text.escaping import printable
from charrnn.training.recipe.settings import Recipe
from charrnn.training.run.progress import LoopState

STATE_NAME = "state.safetensors"
STATE_FORMAT = "charrnn state 1"

_USED = ("elapsed", "reading", "reserve")


@dataclass(frozen=True, kw_only=True)
class RunState:
    """Where a run stands.

    Attributes:
        recipe: What is trained, and how.
        options: How the texts were read.
        fingerprint: Of the corpus; see ``fingerprint``.
        backend: Where; see ``Backend.to_json``.
        step: Optimizer updates done.
        chars: Characters trained on.
        loop_state: What the loop counts.
        used: What is used of the budget; see ``Budget.to_json``.
        saved_at: When it was saved, in seconds since 1970.
        arrays: See ``Trainer.state_arrays``.
    """

    recipe: Recipe
    options: CorpusOptions
    fingerprint: str
    backend: Mapping[str, Any]
    step: int
    chars: int
    loop_state: LoopState
    used: Mapping[str, float]
    saved_at: float
    arrays: Mapping[str, npt.NDArray[Any]]


def write_state(path: Path, state: RunState) -> None:
    """Write a state file, whole or not at all.

    Raises:
        OSError: If that fails; an older file of that name is then untouched.
    """
    standing = {
        "step": state.step,
        "chars": state.chars,
        "tally": state.loop_state.to_json(),
        "used": dict(state.used),
        "saved_at": state.saved_at,
    }
    recipe = {**state.recipe.to_json(), "model": state.recipe.model.to_json()}
    strings = {
        "recipe": json.dumps(recipe, allow_nan=False),
        "options": json.dumps(state.options.to_json()),
        "fingerprint": json.dumps(state.fingerprint),
        "machine": json.dumps(dict(state.backend)),
        "standing": json.dumps(standing, allow_nan=False),
    }
    write_tensor_file(path, STATE_FORMAT, strings, state.arrays)


def read_state(path: Path) -> RunState:
    """Read a state file and check it; its arrays are held against the run by who takes them.

    Raises:
        CheckpointError: If it is missing, damaged, or of another format.
    """
    try:
        with open_tensor_file(path, STATE_FORMAT) as file:
            return RunState(**_standing(file), arrays=file.read_arrays())
    except OSError as error:
        raise CheckpointError(f"{str(path)!r}: {error.strerror}") from None
    except ValueError as error:
        raise damaged(path, error) from None


def read_standing(path: Path) -> dict[str, Any] | None:
    """Return the attributes of the state in a file but for its arrays; None if it is damaged."""
    try:
        with open_tensor_file(path, STATE_FORMAT) as file:
            return _standing(file)
    except (OSError, ValueError):
        return None


def damaged(path: Path, error: Exception) -> CheckpointError:
    """Return the error for a damaged state file."""
    return CheckpointError(
        f"{str(path)!r}: not the whole state of a run: {printable(str(error))}; "
        "the run cannot be resumed; start another one, with --init-from its model if it has one"
    )


def _standing(file: TensorFile) -> dict[str, Any]:
    """Return what a header says, by the attributes of ``RunState``, or raise a ``ValueError``."""
    recipe = file.json("recipe")
    options = file.json("options")
    standing = file.json("standing")
    try:
        used = {name: float(standing["used"][name]) for name in _USED}
        values: dict[str, Any] = {
            "recipe": Recipe(**{**recipe, "model": ModelConfig.from_json(recipe["model"])}),
            "options": CorpusOptions.from_json(options),
            "fingerprint": str(file.json("fingerprint")),
            "backend": dict(file.json("machine")),
            "step": int(standing["step"]),
            "chars": int(standing["chars"]),
            "loop_state": LoopState.from_json(standing["tally"]),
            "used": used,
            "saved_at": float(standing["saved_at"]),
        }
    except (AttributeError, KeyError, TypeError, OverflowError, CharRNNError) as error:
        raise ValueError(f"its header does not describe a run ({error})") from None
    numbers = [values["step"], values["chars"], values["saved_at"], *used.values()]
    if not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise ValueError("its header does not describe a run")
    return values
