"""Every option of ``charrnn train`` that is given with ``--resume`` is honoured or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from charrnn.cli import values as options
from charrnn.cli.app import app
from charrnn.errors import CharRNNError
from charrnn.model.config import BLOCKS, NONLINEARITIES
from charrnn.training.recipe.settings import DEVICES, OPTIMIZERS, PRECISIONS

OUTPUT = {"help", "resume", "as_json", "quiet", "color"}  # these do not concern the run
VALUES = {
    "corpora": "sea.txt",
    "out": "elsewhere",
    "init_from": "model",
    "val": "0.3",
    "time": "7s",
    "preview_every": "7s",
    "save_every": "7s",
    "max_bytes": "20k",
    "cell": "gru",
    "block": "residual",
    "nonlinearity": "relu",
    "optimizer": "sgd",
    "device": "cpu",
    "precision": "float32",
    "doc_sep": "--",
    "glob": "*.md",
    "encoding": "latin-1",
    "clip": "0.25",
    "dropout": "0.25",
    "learning_rate": "0.25",
}


def _parameters() -> list[Any]:
    """Return the options and the argument of ``charrnn train``."""
    command: Any = typer.main.get_command(app)
    return [each for each in command.commands["train"].params if each.name not in OUTPUT]


@pytest.mark.parametrize("parameter", _parameters(), ids=lambda parameter: parameter.name)
def test_no_option_is_ignored(
    parameter: Any, invoke: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The library's call differs from the one without the option, or the option is refused."""
    monkeypatch.chdir(tmp_path)
    calls: list[dict[str, Any]] = []

    def resume(directory: Path, corpora: Any = (), **how: Any) -> None:
        del how["monitor"]
        calls.append({"directory": directory, "corpora": list(corpora), **how})
        raise CharRNNError("captured")

    monkeypatch.setattr("charrnn.training.api.resume", resume)
    value = VALUES.get(parameter.name, "3")
    long_name = next((name for name in parameter.opts if name.startswith("--")), None)
    is_flag = getattr(parameter, "is_flag", False)
    given = [word for word in (long_name, None if is_flag else value) if word]
    invoke("train", "--resume", "-o", "run")
    finished = invoke("train", "--resume", "-o", "run", *given)
    assert len(finished.error_lines) == 1
    if len(calls) == 1:
        assert finished.code == 2
        assert long_name in finished.stderr
    else:
        assert calls[0] != calls[1]


def test_choices_are_those_of_the_library() -> None:
    """The typed choices of the command line are exactly what the library accepts."""
    for typed, known in [
        (options.Block, BLOCKS),
        (options.Nonlinearity, NONLINEARITIES),
        (options.Optimizer, OPTIMIZERS),
        (options.Device, DEVICES),
        (options.Precision, PRECISIONS),
    ]:
        assert get_args(typed) == known
