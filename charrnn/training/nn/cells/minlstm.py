"""The minimal long short-term memory over a window, by autograd over the gates and the scan."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from charrnn.model.config import ModelConfig
from charrnn.training.nn.layers import ParallelLayer


class Layer(ParallelLayer):
    """A layer of minimal long short-term memory."""

    def __init__(self, config: ModelConfig, input_size: int, generator: torch.Generator) -> None:
        """Make the weights; see ``ParallelLayer``.

        The gates start at many time scales: the biases of the forget gate are spread evenly over
        the units, so that a unit keeps between an eighth and 98 % of its state per step.
        """
        super().__init__(config, input_size, generator)
        size = config.hidden_size
        with torch.no_grad():
            self.bias_ih[:size] = torch.linspace(-2, 4, size)[
                torch.randperm(size, generator=generator)
            ]

    def gate(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return share and candidate; see ``model.cells.minlstm``."""
        f, i, c = projected.chunk(3, dim=-1)
        # i / (f + i), written so that it stays finite where both gates are shut
        return torch.sigmoid(logsigmoid(i) - logsigmoid(f)), c
