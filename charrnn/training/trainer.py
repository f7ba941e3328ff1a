"""One run: the network, its optimizer, where in the text it is, and a step of it.

Sizes: B streams, T time steps, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from charrnn.model.cells import Array
from charrnn.text.streams import IGNORED, Window
from charrnn.text.vocabulary import Ids
from charrnn.text.windows import measuring_windows, training_windows
from charrnn.training.budget import Budget, learning_rate_factor
from charrnn.training.machine import Machine
from charrnn.training.network import State, TrainableNetwork
from charrnn.training.recipe import Recipe
from charrnn.training.tally import NUM_VALIDATIONS

VALIDATION_SHARE = 0.05  # of the time of a run, or of the characters it trains on
LONGEST_VALIDATION = 0.02  # of the time of a run
MIN_VALIDATION_CHARS = 120_000
PROBE_CHARS = 16_384
VALIDATION_SEQ_LENGTH = 32  # arrays of 64 streams of it stay in the processor's cache
VALIDATION_STREAMS = 64
WEIGHT_DECAY = 0.1
AVERAGED_SHARE = 0.1
GENERATOR = "generator"  # its tensor of the state
AVERAGE_EVERY = 4  # steps, so that averaging costs nothing to speak of


class Trainer:
    """One run: the network, its optimizer, and where in the text it is.

    Attributes:
        network: What is trained.
        average: The same with the average of its weights over the last steps, which is what is
            validated and kept.
    """

    def __init__(
        self,
        recipe: Recipe,
        machine: Machine,
        train: Ids,
        val: Ids,
        budget: Budget,
        *,
        end_id: int | None = None,
    ) -> None:
        """Make everything ready for the first step.

        Args:
            recipe: What to train, and how.
            machine: Where.
            train: The training text, shape (N,).
            val: The validation text; shorter than two characters, nothing is validated.
            budget: When to end.
            end_id: The end symbol of texts of documents, else None.
        """
        self.recipe = recipe
        self.machine = machine
        self.budget = budget
        self.val = val
        self.end_id = end_id
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.network = TrainableNetwork(
            recipe.model, dropout=recipe.dropout, generator=self.generator
        ).to(machine.device)
        self.average = TrainableNetwork(recipe.model, dropout=0.0, generator=torch.Generator()).to(
            machine.device
        )
        self.average.load_state_dict(self.network.state_dict())
        self.average.eval()
        self.optimizer = make_optimizer(self.network, recipe)
        self.streams = training_windows(
            train, end_id, recipe.batch_size, recipe.seq_length, recipe.seed
        )
        self.state = self.network.initial_state(self.streams.num_streams)
        self.step = 0
        self.chars = 0
        self.learning_rate = 0.0

    @property
    def epoch(self) -> float:
        """Passes over the training text."""
        return self.step / self.streams.num_windows

    def advance(self, progress: float) -> tuple[float, int]:
        """Train on the next window.

        Args:
            progress: The share of the training that is over, 0 to 1.

        Returns:
            The sum of the losses in nats, and over how many characters.
        """
        window = self.streams.window(self.step)
        self.learning_rate = self.recipe.learning_rate * learning_rate_factor(progress)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate
        self.optimizer.zero_grad()
        nats, self.state = self._nats(self.network, window, self.state)
        # Not over the predictions of this window: each is to count alike, in a short one as well.
        (nats / self.streams.usual_chars).backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.step += 1
        self.chars += window.num_chars
        if self.step % AVERAGE_EVERY == 0 or self.step <= AVERAGE_EVERY / AVERAGED_SHARE:
            self._update_average()
        return float(nats.detach()), window.num_chars

    def _update_average(self) -> None:
        """Move the average towards the weights of now.

        The step is such that the average reaches back over about the last ``AVERAGED_SHARE`` of the
        steps so far, so its length follows that of the run (after O. Shamir and T. Zhang, 2013,
        arXiv:1212.1824). The first steps are too few for an average: it is the weights of now.
        """
        share = min(1.0, AVERAGE_EVERY / (AVERAGED_SHARE * self.step))
        with torch.no_grad():
            for mean, weight in zip(
                self.average.parameters(), self.network.parameters(), strict=True
            ):
                mean.lerp_(weight, share)

    def validate(self, max_chars: int) -> float | None:
        """Return the loss of the validation text in nats per character.

        It has a state of its own; that of training is not touched.

        Args:
            max_chars: How much of the text to read, from its start.
        """
        val = self.val[: max_chars + 1]
        if len(val) < 2:
            return None
        streams = measuring_windows(val, self.end_id, VALIDATION_SEQ_LENGTH, VALIDATION_STREAMS)
        state = self.network.initial_state(streams.num_streams)
        total = 0.0
        with torch.inference_mode():
            for window in streams:
                nats, state = self._nats(self.average, window, state)
                total += float(nats)
        return total / (len(val) - 1)

    def validation_chars(self) -> int:
        """Return how much of the validation text a validation may read.

        All of it if that is cheap. Otherwise so much that one takes a fiftieth of the time of the
        run, by a probe, or that all together read a twentieth of what a run of so many steps reads.
        """
        limit = len(self.val)
        if self.budget.seconds is not None:
            self.validate(PROBE_CHARS)  # the first time, kernels are still to be prepared
            before = self.budget.elapsed
            self.validate(PROBE_CHARS)
            longest = LONGEST_VALIDATION * self.budget.seconds
            probe_seconds = max(self.budget.elapsed - before, 1e-6)
            limit = min(limit, int(longest / probe_seconds * PROBE_CHARS))
        if self.budget.steps is not None:
            num_chars = self.budget.steps * self.recipe.batch_size * self.recipe.seq_length
            limit = min(limit, int(VALIDATION_SHARE / NUM_VALIDATIONS * num_chars))
        return max(limit, MIN_VALIDATION_CHARS)

    def take_weights(self, arrays: Mapping[str, Array]) -> None:
        """Begin with the weights of a model."""
        self.network.load_arrays(arrays)
        self.average.load_arrays(arrays)

    def state_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return a copy of all that the next steps depend on, but for the number of the step.

        Weights, their average, the optimizer's moments, the state that the streams carry, and the
        state of the source of chance.
        """
        tensors = dict(self._fixed_tensors())
        for name, parameter in self.network.named_parameters():
            for key, moment in self.optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{key}.{name}"] = moment
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}

    def load_state_arrays(
        self, arrays: Mapping[str, npt.NDArray[Any]], *, step: int, chars: int
    ) -> None:
        """Go on where another trainer of the same recipe stood.

        Args:
            arrays: What its ``state_arrays`` returned.
            step: Its step.
            chars: The characters that it had trained on.

        Raises:
            ValueError: If the arrays are not those of such a trainer.
        """
        fixed = dict(self._fixed_tensors())
        tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
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
        try:
            self.generator.set_state(tensors[GENERATOR])
        except RuntimeError:
            raise ValueError("its source of chance has no state of one") from None
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.step = step
        self.chars = chars

    def _fixed_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Yield all tensors of the state but the optimizer's, which are made by its first step."""
        for name, parameter in self.network.named_parameters():
            yield f"network.{name}", parameter
        for name, parameter in self.average.named_parameters():
            yield f"average.{name}", parameter
        for layer, arrays in enumerate(self.state):
            for number, array in enumerate(arrays):
                yield f"carried.{layer}.{number}", array
        yield GENERATOR, self.generator.get_state()

    def _moments(self, tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
        """Return the optimizer's tensors by the number of the parameter and their own name."""
        names = {parameter: name for name, parameter in self.network.named_parameters()}
        ordered = [p for group in self.optimizer.param_groups for p in group["params"]]
        numbers = {names[parameter]: number for number, parameter in enumerate(ordered)}
        moments: dict[int, dict[str, Tensor]] = {}
        for full_name, tensor in tensors.items():
            _, _, rest = full_name.partition(".")
            key, _, name = rest.partition(".")
            number = numbers.get(name, -1)
            if number < 0 or (tensor.ndim and tensor.shape != ordered[number].shape):
                raise ValueError(f"it has a {full_name}, which this run has not")
            moments.setdefault(number, {})[key] = tensor
        if moments and len({frozenset(keys) for keys in moments.values()}) > 1:
            raise ValueError("its optimizer's moments are not all there")
        return moments

    def _nats(
        self, network: TrainableNetwork, window: Window, state: State
    ) -> tuple[Tensor, State]:
        """Return the sum of a network's losses over a window, and the state after it."""
        state = network.forget(state, window.is_start)
        inputs = torch.from_numpy(window.inputs).to(self.machine.device)
        targets = torch.from_numpy(window.targets).to(self.machine.device)
        with self.machine.products():
            logits, state = network(inputs, state)
        nats = nn.functional.cross_entropy(
            logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        return nats, state


def make_optimizer(network: TrainableNetwork, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimizer that a recipe names.

    Weight decay is for matrices alone: a bias or an embedding of a rare character has no reason to
    shrink.
    """
    rate = recipe.learning_rate
    match recipe.optimizer:
        case "adamw":
            decayed = [p for n, p in network.named_parameters() if "weight_" in n]
            others = [p for n, p in network.named_parameters() if "weight_" not in n]
            groups = [
                {"params": decayed, "weight_decay": WEIGHT_DECAY},
                {"params": others, "weight_decay": 0.0},
            ]
            return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=True)
        case "adam":
            return torch.optim.Adam(network.parameters(), lr=rate, betas=(0.9, 0.99), fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(network.parameters(), lr=rate, alpha=0.95)
        case _:
            return torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
