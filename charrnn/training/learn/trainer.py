"""The networks of a run, and their position in the text.

Sizes: N ids.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any, TypeVar

import numpy.typing as npt

from charrnn.corpus.document_streams import training_windows
from charrnn.corpus.streams import Window
from charrnn.errors import TrainingError
from charrnn.memory.memory import Memory
from charrnn.model.cells.spec import Array
from charrnn.model.ensemble import join_networks, mean_probs, split_networks
from charrnn.text.vocabulary import Ids
from charrnn.training.devices.backend import Backend
from charrnn.training.learn.learner import Learner
from charrnn.training.learn.validation import Validator, choose_validation_chars
from charrnn.training.optim.schedule import learning_rate_factor
from charrnn.training.recipe.settings import Recipe
from charrnn.training.run.budget import Budget

Result = TypeVar("Result")


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
    ) -> None:
        """Prepare the first step.

        Nothing is validated if the validation text is shorter than two characters. The memory has
        the vocabulary of the texts, and is mixed into predictions in validation.
        """
        self.recipe = recipe
        self.budget = budget
        self.backend = backend
        self.val = val
        # Before the networks: it takes more memory than it keeps.
        self._validator = Validator(val, memory, budget)
        end_id = memory.vocabulary.end_id
        self.streams = training_windows(
            train, end_id, recipe.batch_size, recipe.seq_length, recipe.seed
        )
        numbers = range(recipe.model.num_networks)
        self.learners = [Learner(recipe, backend, self.streams.num_streams, n) for n in numbers]
        # Workers start lazily; network 0 uses the calling thread.
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
        window = self.streams.window(self.step)
        self.step += 1
        self.learning_rate = rate = self.recipe.learning_rate * learning_rate_factor(progress)
        self._each(
            lambda learner: learner.advance(window, self.step, rate, self.streams.usual_chars)
        )
        self.chars += window.num_chars
        return window.num_chars

    def take_nats(self) -> list[float]:
        """Return the summed loss of each step since the last call, in nats.

        It is the mean over the networks. This waits for the device.
        """
        nats = [learner.take_nats() for learner in self.learners]
        return [sum(step) / len(step) for step in zip(*nats, strict=True)]

    def validate(self, max_chars: int) -> float | None:
        """Return the loss of the first characters of the validation text in nats per character.

        It is the loss of the averaged weights of all networks with the memory; None if the text is
        too short.
        """
        windows = self._validator.windows(max_chars)
        if windows is None:
            return None
        states = {each: each.initial_state(windows.num_streams) for each in self.learners}

        def predict(learner: Learner, window: Window) -> Array:
            probs, states[learner] = learner.predict(window, states[learner])
            return probs

        def predictions() -> Iterator[tuple[Window, Array]]:
            for window in windows:
                yield window, mean_probs(self._each(partial(predict, window=window)))

        return self._validator.loss(predictions())

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
        parts = [learner.to_arrays() for learner in self.learners]
        return join_networks(self.recipe.model, parts)

    def take_weights(self, arrays: Mapping[str, Array]) -> None:
        """Load the weights of a model."""
        parts = split_networks(self.recipe.model, arrays)
        for learner, part in zip(self.learners, parts, strict=True):
            learner.take_weights(part)

    def state_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return everything that the next steps depend on, except the step number.

        The arrays are valid until the next step; see ``Learner.state_arrays``.
        """
        return join_networks(self.recipe.model, [each.state_arrays() for each in self.learners])

    def load_state_arrays(
        self, arrays: Mapping[str, npt.NDArray[Any]], *, step: int, chars: int
    ) -> None:
        """Continue from the ``state_arrays`` of another trainer of the same recipe.

        Raises:
            ValueError: If the arrays do not fit this trainer.
        """
        parts = split_networks(self.recipe.model, arrays)
        for learner, part in zip(self.learners, parts, strict=True):
            learner.load_state_arrays(part)
        self.step = step
        self.chars = chars

    def _each(self, work: Callable[[Learner], Result]) -> list[Result]:
        """Run work for all networks in parallel, then raise the first error, if there is one."""
        first, *others = self.learners
        started = [self._threads.submit(work, learner) for learner in others]
        try:
            result = work(first)
        finally:
            wait(started)
        return [result, *(each.result() for each in started)]
