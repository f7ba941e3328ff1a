"""One run: the networks that learn, and where in the text they are.

Sizes: N ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from charrnn.corpus.document_streams import AnyStreams, measuring_windows, training_windows
from charrnn.memory.counts import Counts
from charrnn.model.cells.spec import Array
from charrnn.model.ensemble import join_networks, split_networks
from charrnn.text.vocabulary import Ids
from charrnn.training.devices.backend import Backend
from charrnn.training.learn.learner import Learner
from charrnn.training.learn.mixing import best_share, target_probs
from charrnn.training.optim.schedule import learning_rate_factor
from charrnn.training.recipe.settings import Recipe
from charrnn.training.run.budget import Budget
from charrnn.training.run.progress import NUM_VALIDATIONS

VALIDATION_SHARE = 0.05  # of the time of a run, or of the characters it trains on
LONGEST_VALIDATION = 0.02  # of the time of a run
MIN_VALIDATION_CHARS = 120_000  # unless they take more than twice LONGEST_VALIDATION
WARM_UP_CHARS = 2048
PROBE_CHARS = 16_384
VALIDATION_SEQ_LENGTH = 32  # arrays of 64 streams of it stay in the processor's cache
VALIDATION_STREAMS = 64
MAX_LOGITS = 1 << 24  # of a validation window, 64 MiB per network; fewer streams if V > 8,192

Result = TypeVar("Result")


class Trainer:
    """One run: the networks that learn, and where in the text they are.

    The networks of a model read the same windows, each in a thread of its own, and know nothing of
    one another. Two that each keep one core busy are faster together than one that has both: its
    small products leave threads waiting for one another.

    Attributes:
        learners: One for each network of the model.
        step: Windows read.
        chars: Characters predicted.
        learning_rate: Of the last step.
        counts: Of the training text, with the share that did best when the run was last validated;
            None for none.
    """

    def __init__(
        self,
        recipe: Recipe,
        backend: Backend,
        train: Ids,
        val: Ids,
        budget: Budget,
        *,
        end_id: int | None = None,
        counts: Counts | None = None,
    ) -> None:
        """Make everything ready for the first step.

        Args:
            recipe: What to train, and how.
            backend: Where.
            train: The training text, shape (N,).
            val: The validation text; shorter than two characters, nothing is validated.
            budget: When to end.
            end_id: The end symbol of texts of documents, else None.
            counts: Of the training text, if they are to have a share in the predictions.
        """
        self.recipe = recipe
        self.budget = budget
        self.val = val
        self.end_id = end_id
        self.counts = counts
        self._by_counts = np.zeros(0)  # the probabilities of the validation text that was read last
        self.streams = training_windows(
            train, end_id, recipe.batch_size, recipe.seq_length, recipe.seed
        )
        numbers = range(recipe.model.num_networks)
        self.learners = [Learner(recipe, backend, self.streams.num_streams, n) for n in numbers]
        # None begins before it has work; the first network has this thread.
        self._threads = ThreadPoolExecutor(max(1, len(numbers) - 1))
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
            The sum of the losses in nats, the mean of the networks, and over how many characters.
        """
        window = self.streams.window(self.step)
        self.step += 1
        self.learning_rate = rate = self.recipe.learning_rate * learning_rate_factor(progress)
        nats = self._each(
            lambda learner: learner.advance(window, self.step, rate, self.streams.usual_chars)
        )
        self.chars += window.num_chars
        return sum(nats) / len(nats), window.num_chars

    def validate(self, max_chars: int) -> float | None:
        """Return the loss of the validation text in nats per character.

        It is that of the networks together, with the averages of their weights, and of the counts,
        which get the share that makes it least.

        Args:
            max_chars: How much of the text to read, from its start.
        """
        val = self.val[: max_chars + 1]
        if len(val) < 2:
            return None
        num_streams = MAX_LOGITS // (VALIDATION_SEQ_LENGTH * self.recipe.model.vocab_size)
        num_streams = max(1, min(num_streams, VALIDATION_STREAMS))
        windows = measuring_windows(val, self.end_id, VALIDATION_SEQ_LENGTH, num_streams)
        losses = self._each(lambda learner: learner.measure(windows))
        with np.errstate(invalid="ignore"):  # a loss that is not finite is told by who asked for it
            log_probs = np.logaddexp.reduce([-loss for loss in losses]) - np.log(len(losses))
            if self.counts is not None:
                log_probs = self._mix(self.counts, log_probs, windows)
        return float(-log_probs.sum(dtype=np.float64)) / (len(val) - 1)

    def _mix(
        self, counts: Counts, log_probs: npt.NDArray[np.float32], windows: AnyStreams
    ) -> npt.NDArray[np.float64]:
        """Return the logarithms of the probabilities of targets by networks and counts together.

        Args:
            counts: They get the best share.
            log_probs: By the networks, shape (N - 1,).
            windows: Where the targets are.
        """
        if len(self._by_counts) != len(log_probs):
            self._by_counts = target_probs(counts, windows)
        by_networks = np.exp(log_probs.astype(np.float64))
        share = best_share(by_networks, self._by_counts)
        if np.isfinite(share):
            self.counts = replace(counts, share=share)
        mixed: npt.NDArray[np.float64] = np.log((1 - share) * by_networks + share * self._by_counts)
        return mixed

    def validation_chars(self) -> int:
        """Return how many characters each validation reads.

        All of them if that is cheap. Otherwise one validation takes 2 % of the time budget by a
        probe, and all together read 5 % of the characters that the steps read. At least 120,000
        characters make a validation reliable, but never if they take over 4 % of the time.
        """
        limit = len(self.val)
        enough = MIN_VALIDATION_CHARS
        if self.budget.seconds is not None:
            affordable = LONGEST_VALIDATION * self.budget.seconds * self._validation_speed()
            limit = min(limit, int(affordable))
            enough = min(enough, int(2 * affordable))
        if self.budget.steps is not None:
            num_chars = self.budget.steps * self.recipe.batch_size * self.recipe.seq_length
            limit = min(limit, int(VALIDATION_SHARE / NUM_VALIDATIONS * num_chars))
        return max(limit, enough, WARM_UP_CHARS)

    def _validation_speed(self) -> float:
        """Return how many characters per second a validation reads, by a short probe."""
        self.validate(WARM_UP_CHARS)  # prepares kernels
        before = self.budget.elapsed
        self.validate(PROBE_CHARS)
        return min(PROBE_CHARS, len(self.val)) / max(self.budget.elapsed - before, 1e-6)

    def to_arrays(self) -> dict[str, Array]:
        """Return a copy of the averaged weights under the names of the model file."""
        parts = [learner.average.to_arrays() for learner in self.learners]
        return join_networks(self.recipe.model, parts)

    def take_weights(self, arrays: Mapping[str, Array]) -> None:
        """Begin with the weights of a model."""
        parts = split_networks(self.recipe.model, arrays)
        for learner, part in zip(self.learners, parts, strict=True):
            learner.take_weights(part)

    def state_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that the next steps depend on, but for the number of the step.

        The arrays are good until the next step; see ``Learner.state_arrays``.
        """
        return join_networks(self.recipe.model, [each.state_arrays() for each in self.learners])

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
        parts = split_networks(self.recipe.model, arrays)
        for learner, part in zip(self.learners, parts, strict=True):
            learner.load_state_arrays(part)
        self.step = step
        self.chars = chars

    def _each(self, work: Callable[[Learner], Result]) -> list[Result]:
        """Run work for all networks in parallel, for network 0 in the calling thread.

        Raises:
            Exception: The first error, after all networks have finished.
        """
        first, *others = self.learners
        started = [self._threads.submit(work, learner) for learner in others]
        try:
            result = work(first)
        finally:
            wait(started)
        return [result, *(each.result() for each in started)]
