"""AdamW around torch's fused kernel.

``torch.optim.AdamW`` computes the same, but its first step imports torch's compiler, which takes
longer than reading a short text, and every step checks groups, hooks and options that this program
does not use.

References:
    I. Loshchilov and F. Hutter, 2019, arXiv:1711.05101.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

EPSILON = 1e-8


class AdamW:
    """An optimizer with the attributes of torch's optimizers.

    Attributes:
        param_groups: Dictionaries with ``params``, ``lr`` and ``weight_decay``.
        state: ``step``, ``exp_avg`` and ``exp_avg_sq`` of each parameter that has had a gradient.
    """

    def __init__(
        self,
        groups: Iterable[tuple[list[nn.Parameter], float]],
        *,
        lr: float,
        betas: tuple[float, float],
    ) -> None:
        """Start without moments.

        The groups are parameters with their weight decay; betas are the decay rates of the moments.
        """
        self.param_groups: list[dict[str, Any]] = [
            {"params": parameters, "weight_decay": decay, "lr": lr} for parameters, decay in groups
        ]
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self._betas = betas

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def step(self) -> None:
        """Update each parameter that has a gradient."""
        for group in self.param_groups:
            moved = [parameter for parameter in group["params"] if parameter.grad is not None]
            states = [self._state_of(parameter) for parameter in moved]
            with torch.no_grad():
                adamw(
                    list(moved),
                    [parameter.grad for parameter in moved if parameter.grad is not None],
                    [state["exp_avg"] for state in states],
                    [state["exp_avg_sq"] for state in states],
                    [],
                    [state["step"] for state in states],
                    fused=True,
                    amsgrad=False,
                    beta1=self._betas[0],
                    beta2=self._betas[1],
                    lr=group["lr"],
                    weight_decay=group["weight_decay"],
                    eps=EPSILON,
                    maximize=False,
                )

    def _state_of(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        """Return the moments of a parameter, initially zero."""
        if parameter not in self.state:
            self.state[parameter] = {
                "step": torch.zeros(()),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
        state = self.state[parameter]
        state["step"] = state["step"].to(parameter.device)  # where the fused kernel reads it
        return state
