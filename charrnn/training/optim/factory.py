"""From a recipe to an optimizer."""

from collections.abc import Iterable

import torch
from torch import nn

from charrnn.training.nn.network import TrainableNetwork
from charrnn.training.optim.adamw import AdamW
from charrnn.training.optim.muon import Muon
from charrnn.training.recipe.settings import Recipe

WEIGHT_DECAY = 0.1


def make_optimizer(
    network: TrainableNetwork, recipe: Recipe
) -> AdamW | Muon | torch.optim.Optimizer:
    """Return the optimizer that a recipe names.

    Muon updates the matrices of the layers only: most rows of an embedding have no gradient, and a
    row of the output layer belongs to one character.

    Weight decay is for matrices and embeddings only: a bias or the weight of a norm has no reason
    to shrink. The embedding of a rare n-gram has one: what it learned may be chance.
    """
    rate = recipe.learning_rate
    match recipe.optimizer:
        case "muon":
            matrices = [p for p in network.layers.parameters() if p.ndim == 2]
            rest = set(network.parameters()).difference(matrices)
            others = _adamw((p for p in network.parameters() if p in rest), WEIGHT_DECAY, rate)
            return Muon(matrices, WEIGHT_DECAY, others, lr=rate)
        case "adamw" | "adam":
            decay = WEIGHT_DECAY if recipe.optimizer == "adamw" else 0.0
            return _adamw(network.parameters(), decay, rate)
        case "rmsprop":
            return torch.optim.RMSprop(network.parameters(), lr=rate, alpha=0.95)
        case _:
            return torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)


def _adamw(parameters: Iterable[nn.Parameter], decay: float, rate: float) -> AdamW:
    """Return AdamW; only parameters of two dimensions decay."""
    parameters = list(parameters)
    decayed = [p for p in parameters if p.ndim == 2]
    others = [p for p in parameters if p.ndim != 2]
    return AdamW([(decayed, decay), (others, 0.0)], lr=rate, betas=(0.9, 0.99))
