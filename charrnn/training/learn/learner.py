"""One network that is being trained: its weights, their average, its optimizer, what it carries.

Sizes: B streams, T time steps, V vocabulary.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from charrnn.corpus.streams import IGNORED, Window
from charrnn.model.cells.spec import Array
from charrnn.training.devices.backend import Backend, to_device
from charrnn.training.nn.loss import cross_entropy
from charrnn.training.nn.network import State, TrainableNetwork
from charrnn.training.nn.ngram_embedding import LEARN_EVERY
from charrnn.training.optim.averaging import update_average
from charrnn.training.optim.factory import make_optimizer
from charrnn.training.processes.peers import Alone
from charrnn.training.recipe.settings import Recipe

GENERATOR = "generator"  # its tensor of the state
PROBS = "probs"  # of the targets of a window, when processes put them together

Numbers = npt.NDArray[Any]


def is_of_streams(name: str) -> bool:
    """Return whether an array has a row for each stream, so that processes share it out."""
    return name.startswith("carried.") or name == PROBS


class Learner:
    """One network that is being trained.

    On a GPU its work is in a queue of its own: several learners keep the device busy, and a step
    returns before the device has done it.

    Attributes:
        network: What is trained.
        average: The same with the average of its weights over the last steps, which is what is
            validated and kept.
        state: What the streams carry.
    """

    def __init__(
        self,
        recipe: Recipe,
        backend: Backend,
        num_streams: int,
        number: int,
        rows: slice = slice(None),
    ) -> None:
        """Initialise the weights, and the state of the B streams or of those in ``rows``.

        Each network of a model has a seed of its own, the same in every process.
        """
        self.recipe = recipe
        self.backend = backend
        # Torch's generator looks at the lower 32 bits of a seed alone.
        seeds = np.random.SeedSequence(recipe.seed, spawn_key=(number,))
        self.generator = torch.Generator().manual_seed(int(seeds.generate_state(1)[0]))
        self._queue = backend.new_queue()
        self._nats: list[Tensor] = []
        with self._queue:
            self.network = TrainableNetwork(
                recipe.model, dropout=recipe.dropout, generator=self.generator, accumulate=True
            ).to(backend.device)
            self.average = TrainableNetwork(
                recipe.model, dropout=0.0, generator=torch.Generator()
            ).to(backend.device)
            self.average.load_state_dict(self.network.state_dict())
            self.average.eval()
            self.optimizer = make_optimizer(self.network, recipe)
            self._streams = self.network.streams = num_streams, rows
            self._has_streams = len(range(num_streams)[rows]) > 0  # not if there are few
            self.state = self.network.initial_state(len(range(num_streams)[rows]))

    def advance(self, window: Window, step: int, learning_rate: float, usual_chars: float) -> None:
        """Train on a window in a step, counted from 1; see ``find_gradients`` and ``update``."""
        self.find_gradients(window, usual_chars)
        self.update(step, learning_rate)

    def find_gradients(self, window: Window, usual_chars: float) -> None:
        """Read a window and find the gradients of its loss.

        The loss is divided by the usual number of predictions, not by their number in this window,
        so that each counts alike in a short window as well.
        """
        with self._queue:
            if not self._has_streams:
                self._nats.append(torch.zeros((), device=self.backend.device))
                return
            losses, self.state = self._losses(self.network, window, self.state)
            nats = losses.sum()
            (nats / usual_chars).backward()  # type: ignore[no-untyped-call]
            self._nats.append(nats.detach())

    def add_gradients(self, peers: Alone, num_steps: int) -> None:
        """Add the gradients of all processes, each of which has read its streams of a window.

        They travel as one flat tensor. Of a table it holds the looked-up rows and their gradients,
        which are the same for all tables: each process fills in its own streams, so the order of
        later sums does not depend on the number of processes.
        """
        with self._queue:
            network, tables = self.network, self.network.tables
            held = {id(table.weight) for table in tables}
            dense = [each for each in network.parameters() if id(each) not in held]
            parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in dense]
            num_streams, rows = self._streams
            if tables:
                shape = (num_steps, num_streams)
                looked_up = parts[0].new_zeros((len(tables), *shape))
                gradient = parts[0].new_zeros((*shape, network.config.embedding_size))
                for number, table in enumerate(tables if self._has_streams else []):
                    found, gradient[:, rows] = table.take_last()
                    looked_up[number, :, rows] = found.to(looked_up.dtype)  # below 2 ** 24
                parts += [looked_up, gradient]
            flat = torch.cat([part.flatten() for part in parts])
            peers.add(flat)
            pieces = torch.split(flat, [part.numel() for part in parts])
            sums = [each.view_as(part) for each, part in zip(pieces, parts, strict=True)]
            for parameter, total in zip(dense, sums, strict=False):
                parameter.grad = total
            for number, table in enumerate(tables):
                table.add_last(sums[-2][number].long(), sums[-1])

    def update(self, step: int, learning_rate: float) -> None:
        """Update the weights by the gradients, in a step counted from 1."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        with self._queue:
            self._clip(self.network.parameters())
            if step % LEARN_EVERY == 0:
                for table in self.network.tables:
                    table.flush_grad()
                self._clip(table.weight for table in self.network.tables)
            with self.backend.autocast():
                self.optimizer.step()  # of what has a gradient
            self.optimizer.zero_grad()
            update_average(self.average, self.network, step)

    def take_nats(self) -> list[float]:
        """Return the sum of the losses of each step since the last call, in nats.

        This waits for the device. So it is not called at every step.
        """
        if not self._nats:
            return []
        with self._queue:
            nats: list[float] = torch.stack(self._nats).tolist()
        self._nats = []
        return nats

    def _clip(self, parameters: Iterable[nn.Parameter]) -> None:
        """Shorten the gradients of parameters that are too long together."""
        parameters = list(parameters)
        if self.recipe.clip and parameters:
            nn.utils.clip_grad_norm_(parameters, self.recipe.clip)

    def predict(self, window: Window, state: State) -> tuple[npt.NDArray[np.float32], State]:
        """Return what the averaged weights predict for each target of a window, and the next state.

        The probabilities have the shape (N, V), in the order of the targets. The state of training
        is not touched.
        """
        with self._queue, torch.inference_mode():
            logits, state = self._logits(self.average, window, state)
            probs = logits[torch.from_numpy(window.targets != IGNORED)].float().softmax(-1)
            return probs.cpu().numpy(), state

    def initial_state(self, num_streams: int) -> State:
        """Return the state at the start of a text, for ``predict``."""
        with self._queue:
            return self.network.initial_state(num_streams)

    def to_arrays(self) -> dict[str, Array]:
        """Return a copy of the averaged weights."""
        with self._queue:
            return self.average.to_arrays()

    def take_weights(self, arrays: Mapping[str, Array]) -> None:
        """Begin with the weights of a model."""
        with self._queue:
            self.network.load_arrays(arrays)
            self.average.load_arrays(arrays)

    def state_arrays(self) -> dict[str, Numbers]:
        """Return all that the next steps depend on, but for the number of the step.

        Weights, their average, the optimizer's moments, the state that the streams carry, and the
        state of the source of chance. On a processor they are the learner's own arrays, not copies,
        but for the gradients that tables have gathered: good until its next step.
        """
        with self._queue:
            tensors = dict(self._fixed_tensors())
            for name, parameter in self.network.named_parameters():
                for key, moment in self.optimizer.state.get(parameter, {}).items():
                    tensors[f"optimizer.{key}.{name}"] = moment
            return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}

    def load_state_arrays(self, arrays: Mapping[str, Numbers]) -> None:
        """Continue from the ``state_arrays`` of another learner of the same recipe.

        Raises:
            ValueError: If the arrays are not those of such a learner.
        """
        with self._queue:
            self._load(arrays)

    def _load(self, arrays: Mapping[str, Numbers]) -> None:
        """Take over the arrays of ``load_state_arrays``."""
        fixed = dict(self._fixed_tensors())
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        for name, tensor in fixed.items():
            given = tensors.get(name)
            if given is None or given.shape != tensor.shape or given.dtype != tensor.dtype:
                raise ValueError(f"it has no {name} of the shape {tuple(tensor.shape)}")
        if not all(tensor.isfinite().all() for tensor in tensors.values()):
            raise ValueError("its numbers are not all finite")
        moments = self._moments({name: tensors[name] for name in tensors.keys() - fixed.keys()})
        with torch.no_grad():
            for name, tensor in fixed.items():
                if name != GENERATOR:
                    tensor.copy_(tensors[name])
        for number, table in enumerate(self.network.tables):
            table.take_gathered(fixed[f"gathered.{number}"])
        try:
            self.generator.set_state(tensors[GENERATOR])
        except RuntimeError:
            raise ValueError("its source of chance has no state of one") from None
        self.optimizer.state.update(moments)

    def _fixed_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Yield all tensors of the state but the optimizer's, which are made by its first step."""
        for name, parameter in self.network.named_parameters():
            yield f"network.{name}", parameter
        for name, parameter in self.average.named_parameters():
            yield f"average.{name}", parameter
        for number, table in enumerate(self.network.tables):
            yield f"gathered.{number}", table.gathered()
        for layer, arrays in enumerate(self.state):
            for number, array in enumerate(arrays):
                yield f"carried.{layer}.{number}", array
        yield GENERATOR, self.generator.get_state()

    def _moments(self, tensors: Mapping[str, Tensor]) -> dict[Tensor, dict[str, Tensor]]:
        """Return the optimizer's tensors by parameter and by their own name."""
        parameters = dict(self.network.named_parameters())
        moments: dict[Tensor, dict[str, Tensor]] = {}
        for full_name, tensor in tensors.items():
            _, _, rest = full_name.partition(".")
            key, _, name = rest.partition(".")
            parameter = parameters.get(name)
            if parameter is None or (tensor.ndim and tensor.shape != parameter.shape):
                raise ValueError(f"it has a {full_name}, which this run has not")
            # A count stays where it can be read without waiting; AdamW moves its own.
            device = parameter.device if tensor.ndim else "cpu"
            moments.setdefault(parameter, {})[key] = tensor.to(device, copy=True)
        for group in self.optimizer.param_groups:
            kinds = {frozenset(moments[each]) for each in group["params"] if each in moments}
            if len(kinds) > 1:
                raise ValueError("its optimizer's moments are not all there")
        return moments

    def _losses(
        self, network: TrainableNetwork, window: Window, state: State
    ) -> tuple[Tensor, State]:
        """Return the losses in a window, shape (B, T), 0 without a target, and the next state."""
        targets = to_device(torch.from_numpy(window.targets), self.backend.device)
        logits, state = self._logits(network, window, state)
        # As the network made them: time first.
        losses = cross_entropy(logits.transpose(0, 1).flatten(0, 1), targets.T.flatten())
        return losses.view(targets.T.shape).T, state

    def _logits(
        self, network: TrainableNetwork, window: Window, state: State
    ) -> tuple[Tensor, State]:
        """Return the logits in a window, shape (B, T, V), and the next state."""
        state = network.reset_state(state, window.is_start)
        inputs = to_device(torch.from_numpy(window.inputs), self.backend.device)
        with self.backend.autocast():
            logits, state = network(inputs, state)
        return logits, state
