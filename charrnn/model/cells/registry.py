"""The cells, by name: the one list of them.

A cell has two modules of its name: ``charrnn.model.cells`` has its equations and its ``SPEC``, and
``charrnn.training.nn.cells`` its trainable ``Layer``. Each is imported when a model needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from charrnn.errors import ConfigError

if TYPE_CHECKING:  # so that the command line can list the cells without loading NumPy
    from charrnn.model.cells.spec import CellSpec

CELLS = ("lstm", "gru", "rnn", "mingru", "minlstm")


def cell_spec(name: str) -> CellSpec:
    """Return the description of a cell.

    Raises:
        ConfigError: If the name is not one of ``CELLS``.
    """
    if name not in CELLS:
        raise ConfigError(f"`cell`: {name!r} is not one of {', '.join(CELLS)}")
    return cast("CellSpec", import_module(f"charrnn.model.cells.{name}").SPEC)
