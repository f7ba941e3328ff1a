"""The long short-term memory over a window: torch's fused kernel, on every device."""

import torch
from torch import Tensor

from charrnn.model.config import ModelConfig
from charrnn.training.nn.layers import LayerState, RecurrentLayer


class Layer(RecurrentLayer):
    """A layer of long short-term memory."""

    def __init__(self, config: ModelConfig, input_size: int, generator: torch.Generator) -> None:
        """Make the weights; see ``RecurrentLayer``.

        The bias of the forget gate starts at one (R. Jozefowicz et al., An empirical exploration of
        recurrent network architectures, 2015).
        """
        super().__init__(config, input_size, generator)
        with torch.no_grad():
            self.bias_ih[config.hidden_size : 2 * config.hidden_size] = 1

    def forward(self, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Advance over a window; see ``RecurrentLayer.forward``."""
        hidden, h, c = self.run_kernel(torch.lstm, inputs, *state)
        return hidden, (h, c)
