"""charrnn: a character-level text generator.

>>> import charrnn
>>> model = charrnn.load("runs/harbour")
>>> model.sample("NELL:", temperature=0.8)
>>> model.score("a text").bits_per_char

``charrnn.train`` trains and ``charrnn.resume`` continues. Only these two import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charrnn.errors import CharRNNError
    from charrnn.library import Model, load
    from charrnn.text.vocabulary import Vocabulary
    from charrnn.training.api import resume, train
    from charrnn.training.recipe.settings import Settings

__version__ = "0.2.0"

__all__ = [
    "CharRNNError",
    "Model",
    "Settings",
    "Vocabulary",
    "__version__",
    "load",
    "resume",
    "train",
]

_HOMES = {
    "CharRNNError": "charrnn.errors",
    "Model": "charrnn.library",
    "Settings": "charrnn.training.recipe.settings",
    "Vocabulary": "charrnn.text.vocabulary",
    "load": "charrnn.library",
    "resume": "charrnn.training.api",
    "train": "charrnn.training.api",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
