"""The networks of a run, and their position in the text.

Sizes: N ids.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from charrnn.corpus.document_streams import training_windows
from charrnn.corpus.streams import Window
from charrnn.errors import TrainingError
from charrnn.memory.memory import Memory
from charrnn.model.cells.spec import Array
from charrnn.model.ensemble import join_networks, mean_probs, split_networks
from charrnn.text.vocabulary import Ids
from charrnn.training.devices.backend import Backend
from charrnn.training.learn.learner import PROBS, Learner, is_of_streams
from charrnn.training.learn.validation import Validator, choose_validation_chars
from charrnn.training.optim.schedule import learning_rate_factor
from charrnn.training.processes.peers import Alone
from charrnn.training.processes.share import share_of
from charrnn.training.recipe.settings import Recipe
from charrnn.training.run.budget import Budget

Numbers = npt.NDArray[Any]
Result = TypeVar("Result")

POSITION = "position"  # among the arrays that travel: step and characters


class Trainer:
    """The networks of a run, and their position in the text.

    Networks train independently on the same windows, one thread each. Two networks on one core
    each are faster than one network on both: its small matrix products keep threads waiting.

    Attributes:
        learners: One per network.
        step: Windows read.
        chars: Characters predicted.
        learning_rate: The rate of the last step.
    """

    def __init__(
        self,
        recipe: Recipe,
        backend: Backend,
        train: Ids,
        val: Ids,
        budget: Budget,
        *,
        memory: Memory,
        peers: Alone | None = None,
    ) -> None:
        """Prepare the first step.

        Nothing is validated if the validation text is shorter than two characters. The memory has
        the vocabulary of the texts, and is mixed into predictions in validation; a follower of the
        ``peers`` needs none.
        """
        self.peers = peers = peers or Alone()
        num_networks = recipe.model.num_networks
        self._share = share_of(recipe.parallel, num_networks, peers.rank, peers.size)
        self.recipe = recipe
        self.budget = budget
        self.backend = backend
        self.val = val
        # Before the networks: it takes more memory than it keeps.
        self._validator = Validator(val, memory)
        if peers.rank == 0:
            self._validator.learn_text(budget)
        end_id = memory.vocabulary.end_id
        self.streams = training_windows(
            train, end_id, recipe.batch_size, recipe.seq_length, recipe.seed
        )
        num_streams, numbers = self.streams.num_streams, self._share.networks
        rows = self._share.rows(num_streams)
        self.learners = [Learner(recipe, backend, num_streams, n, rows) for n in numbers]
        # Workers start lazily; the first network uses the calling thread.
        self._threads = ThreadPoolExecutor(max(1, len(numbers) - 1))
        self.step = 0
        self.chars = 0
        self.learning_rate = 0.0

    @property
    def epoch(self) -> float:
        """Passes over the training text."""
        return self.step / self.streams.num_windows

    def advance(self, progress: float) -> int:
        """Train on the next window, when a share of the training, 0 to 1, is done.

        Returns:
            The number of characters. A device may still be working on them.
        """
        self.peers.call("advance", progress)
        window = self.streams.window(self.step)
        usual_chars = self.streams.usual_chars
        self.step += 1
        self.learning_rate = rate = self.recipe.learning_rate * learning_rate_factor(progress)
        if self._share.of_streams == 1:
            self._each(lambda learner: learner.advance(window, self.step, rate, usual_chars))
        else:
            part = self._share.part(window)
            self._each(lambda learner: learner.find_gradients(part, usual_chars))
            for learner in self.learners:  # in one order everywhere
                learner.add_gradients(self.peers, window.inputs.shape[1])
            self._each(lambda learner: learner.update(self.step, rate))
        self.chars += window.num_chars
        return window.num_chars

    def take_nats(self) -> list[float]:
        """Return the summed loss of each step since the last call, in nats.

        It is the mean over the networks. This waits for the device.
        """
        self.peers.call("take_nats")
        nats = {str(n): np.array(each.take_nats()) for n, each in self._numbered()}
        found = self.peers.collect(nats)
        steps = zip(*(each for one in found for each in one.values()), strict=True)
        return [float(sum(step)) / self.recipe.model.num_networks for step in steps]

    def validate(self, max_chars: int) -> float | None:
        """Return the loss of the first characters of the validation text in nats per character.

        It is the loss of the averaged weights of all networks with the memory; None if the text is
        too short.
        """
        self.peers.call("validate", max_chars)
        windows = self._validator.windows(max_chars)
        if windows is None:
            return None
        num_streams = len(range(windows.num_streams)[self._share.rows(windows.num_streams)])
        states = {each: each.initial_state(num_streams) for each in self.learners}

        def predict(learner: Learner, window: Window) -> Array:
            probs, states[learner] = learner.predict(window, states[learner])
            return probs

        def predictions() -> Iterator[tuple[Window, Array]]:
            for window in windows:
                part = self._share.part(window)
                yield window, self._mean(self._each(partial(predict, window=part)))

        if self.peers.rank:
            for _ in predictions():
                pass
            return None
        return self._validator.loss(predictions())

    def _mean(self, probs: list[Array]) -> Array:
        """Return the mean over all networks, each of which predicts all streams of a window."""
        if self.peers.size == 1:
            return mean_probs(probs)
        parts = {n: {PROBS: each} for n, each in zip(self._share.networks, probs, strict=True)}
        found = self._whole(parts)
        return mean_probs(each[PROBS] for each in found) if found else np.zeros(0)

    def _whole(self, parts: Mapping[int, Mapping[str, Numbers]]) -> list[dict[str, Numbers]]:
        """Return the arrays of all networks, those of streams joined; nothing on a follower.

        ``parts`` has those of this process by the number of the network.
        """
        # The leader of processes that share the streams has all else itself.
        is_needed = self.peers.rank == 0 or self._share.of_streams == 1
        mine = {
            f"{n} {name}": array
            for n, part in parts.items()
            for name, array in part.items()
            if is_needed or is_of_streams(name)
        }
        found: dict[str, list[Numbers]] = {}
        for each in self.peers.collect(mine):
            for name, array in each.items():
                found.setdefault(name, []).append(array)
        if not found:
            return []
        whole: list[dict[str, Numbers]] = [{} for _ in range(self.recipe.model.num_networks)]
        for full_name, arrays in found.items():
            number, _, name = full_name.partition(" ")
            whole[int(number)][name] = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
        return whole

    def _numbered(self) -> Iterator[tuple[int, Learner]]:
        """Yield the learners of this process with the numbers of their networks."""
        return zip(self._share.networks, self.learners, strict=True)

    def validation_chars(self) -> int:
        """Return how many characters each validation reads; see ``choose_validation_chars``."""
        return choose_validation_chars(self._validator.num_chars, self.budget, self.validate)

    def divergence(self, *, has_model: bool, step: int | None = None) -> TrainingError:
        """Return the error for a loss that is not finite, by default of the last step."""
        step = self.step if step is None else step
        kept = "the best model so far is kept" if has_model else "no model was good enough to keep"
        return TrainingError(
            f"the loss is not finite after {step} steps; {kept}; try `learning_rate` "
            f"{self.recipe.learning_rate / 4:.2g}, `clip` 0.5 or `precision` float32"
        )

    def to_arrays(self) -> dict[str, Array]:
        """Return a copy of the averaged weights under the names of the model file."""
        self.peers.call("to_arrays")
        found = self._whole({n: each.to_arrays() for n, each in self._numbered()})
        return join_networks(self.recipe.model, found)

    def take_weights(self, arrays: Mapping[str, Array]) -> None:
        """Load the weights of a model."""
        self.peers.call("take_weights")
        parts = split_networks(self.recipe.model, self.peers.spread(arrays))
        for number, learner in self._numbered():
            learner.take_weights(parts[number])

    def state_arrays(self) -> dict[str, Numbers]:
        """Return everything that the next steps depend on, except the step number.

        The arrays are valid until the next step; see ``Learner.state_arrays``. They are the same
        for any number of processes; a follower returns none.
        """
        self.peers.call("state_arrays")
        found = self._whole({n: each.state_arrays() for n, each in self._numbered()})
        return join_networks(self.recipe.model, found)

    def load_state_arrays(
        self, arrays: Mapping[str, Numbers], *, step: int = 0, chars: int = 0
    ) -> None:
        """Continue from the ``state_arrays`` of another trainer of the same recipe.

        On a follower they come from the leader.

        Raises:
            ValueError: If the arrays do not fit this trainer.
        """
        self.peers.call("load_state_arrays")
        given = self.peers.spread({**arrays, POSITION: np.array([step, chars])})
        self.step, self.chars = (int(number) for number in given[POSITION])
        parts = split_networks(
            self.recipe.model, {name: each for name, each in given.items() if name != POSITION}
        )
        rows = self._share.rows(self.streams.num_streams)
        for number, learner in self._numbered():
            part = parts[number].items()
            learner.load_state_arrays(
                {name: each[rows] if is_of_streams(name) else each for name, each in part}
            )

    def _each(self, work: Callable[[Learner], Result]) -> list[Result]:
        """Run work for all networks in parallel, then raise the first error, if there is one."""
        if not self.learners:  # more processes than networks
            return []
        first, *others = self.learners
        started = [self._threads.submit(work, learner) for learner in others]
        try:
            result = work(first)
        finally:
            wait(started)
        return [result, *(each.result() for each in started)]
