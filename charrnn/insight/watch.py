"""The networks of a model, whose steps can be watched.

Sizes: K networks, B streams, T time steps, V vocabulary, H hidden units.
"""

from collections.abc import Callable, Mapping
from typing import Any

from charrnn.model.cells.spec import Array, Update
from charrnn.model.config import ModelConfig
from charrnn.model.predictor import Predictor, State
from charrnn.text.vocabulary import Ids

Updates = list[list[Update]]
"""What each layer did at each step; the layers of all networks are counted through."""


class Watched:
    """The networks of a model, which also tell what each step did.

    Attributes:
        config: The sizes.
    """

    def __init__(self, config: ModelConfig, arrays: Mapping[str, Array]) -> None:
        """Take sizes and weights; see ``Predictor``."""
        self.config = config
        self._updates: Updates = []
        self._predictor = Predictor(config, arrays, self._watch)

    @property
    def num_layers(self) -> int:
        """The number of layers of all networks."""
        return self.config.num_layers * self.config.num_networks

    def initial_state(self, num_streams: int) -> State:
        """Return the state at the start of a text: zeros, one row per stream."""
        return self._predictor.initial_state(num_streams)

    def forward(self, ids: Ids, state: State) -> tuple[Array, State, Updates]:
        """Read a window of each stream, shape (B, T).

        Returns:
            The logits of each of K networks, shape (K, B, T, V), the state after the window, and T
            updates of each layer, with arrays of shape (B, H).
        """
        self._updates = [[] for _ in range(self.num_layers)]
        logits, state = self._predictor.each_forward(ids, state)
        return logits, state, self._updates

    def _watch(self, layer: int, step: Callable[..., Any]) -> Callable[..., Any]:
        update = self.config.spec.update

        def watched(*args: Any) -> Any:
            after = step(*args)
            of_all = update(*args, after=after)
            for network in range(self.config.num_networks):
                number = network * self.config.num_layers + layer
                self._updates[number].append(_of_network(of_all, network))
            return after

        return watched


def _of_network(update: Update, network: int) -> Update:
    """Take the update of one network, arrays of shape (B, H), from that of all, (B, K, H)."""
    gates, *others = update
    own = {name: values[:, network] for name, values in gates.items()}
    return Update(own, *(values[:, network] for values in others))
