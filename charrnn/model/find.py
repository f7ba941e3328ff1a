"""Find the model that a user means."""

import os
from pathlib import Path

from charrnn.errors import CheckpointError
from charrnn.model.checkpoint import FORMAT, MODEL_NAME, read_time
from charrnn.storage.tensorfile import open_tensor_file

MODEL_VARIABLE = "CHARRNN_MODEL"
RUNS = Path("runs")


def find_model(name: str | None) -> Path:
    """Return the path of a model file, from that of the file or of a run directory.

    None means the environment variable ``CHARRNN_MODEL`` or, if that is unset, the most recently
    trained run in ``./runs``. The time in the model file decides, because copying a file changes
    its modification time.

    Raises:
        CheckpointError: If there is no such model.
    """
    name = name or os.environ.get(MODEL_VARIABLE)
    if name:
        path = Path(name)
        if not path.is_dir():
            return path
        if (path / MODEL_NAME).exists():
            return path / MODEL_NAME
        raise CheckpointError(f"{name!r}: no {MODEL_NAME} in this folder; give a run directory")
    trained_at = {path: _trained_at(path) for path in sorted(RUNS.glob(f"*/{MODEL_NAME}"))}
    if not trained_at:
        raise CheckpointError(
            "no model: ./runs has no run; train one (charrnn train corpus.txt) or name one with -m"
        )
    return max(trained_at, key=lambda path: trained_at[path])


def _trained_at(path: Path) -> float:
    """Return when the model in a file was trained, or -1 if the file is not a model."""
    try:
        with open_tensor_file(path, FORMAT) as file:
            return read_time(file.json("about"))
    except (OSError, ValueError):
        return -1.0
