"""Dynamic evaluation: a model that goes on learning from the text that it is scored on.

Every character is predicted before the model learns from it, so the score is honest; but it is the
score of another predictor than the model in the file, and is reported under its own name.

Sizes: T time steps, V vocabulary, N characters.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from charrnn.model.cells import Array
from charrnn.model.checkpoint import Checkpoint
from charrnn.model.context_model import ContextModel
from charrnn.model.ensemble import split_networks
from charrnn.model.mixture import mix
from charrnn.text.vocabulary import Ids
from charrnn.training.network import State, TrainableNetwork

SEQ_LENGTH = 32
LEARNING_RATE = 3e-4
DECAY = 1e-3  # towards the weights of the file, for each update
LONGEST_STEP = 3.0  # of a weight, in learning rates
EPSILON = 1e-6

Take = Callable[[npt.NDArray[np.intp], Array], None]


class AdaptiveReader:
    """Reads a text as one stream and learns from each window after it was scored.

    With g the gradient of a window's mean loss, m the mean of its square over the windows so far,
    r its root, w a weight and w_0 that of the file::

        w <- w - a clip(g / r) + d (r / mean r) (w_0 - w)

    The root makes the step of a weight that seldom has a gradient as long as that of one that has
    often; the last term draws the weights back, most strongly those that much depends on. The
    tables of runs of characters stay as they are: a window touches few of their rows, and to visit
    all of them would take longer than all else.

    References:
        B. Krause et al., Dynamic evaluation of neural sequence models, 2018, arXiv:1709.07432.
        There m is the mean over the training text; here it is that over the text so far, so that a
        model file is enough.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Begin a text with the weights of a model."""
        torch.set_flush_denormal(True)
        self._network = _Networks(checkpoint)
        self._end_id = checkpoint.vocabulary.end_id
        counts = checkpoint.counts
        self._context_model = None if counts is None else ContextModel(counts)
        self._context = np.zeros((1, checkpoint.config.counts), np.int64)
        self._weights = []
        for name, weight in self._network.named_parameters():
            weight.requires_grad_(".ngrams." not in name)
            if weight.requires_grad:
                self._weights.append(weight)
        self._first = [weight.detach().clone() for weight in self._weights]
        self._mean_squares = [torch.zeros_like(weight) for weight in self._weights]
        self._num_updates = 0
        self._last: int | None = None  # the last character that was read
        self._state = self._window_state = self._network.initial_state(1)
        self._stretches: list[tuple[list[int], list[int]]] = []  # inputs and targets of the window

    def read(self, ids: Ids, take: Take) -> None:
        """Read on in a text and hand on the logits of its characters, in order.

        Args:
            ids: What comes next, shape (N,).
            take: Called with places of it, shape (n,), and the logits of the characters there,
                shape (n, V); not for the first character of the text.
        """
        done = 0
        if self._last is None and len(ids):
            self._last, done = int(ids[0]), 1
        while done < len(ids):
            assert self._last is not None
            is_start = self._last == self._end_id
            if is_start:
                self._state = self._network.initial_state(1)
                self._context[:] = 0
            if is_start or not self._stretches:
                self._stretches.append(([], []))
            stop = min(len(ids), done + SEQ_LENGTH - self._window_length)
            ends = np.flatnonzero(ids[done : stop - 1] == self._end_id)
            stop = done + int(ends[0]) + 1 if len(ends) else stop  # a document ends here
            inputs = [self._last, *ids[done : stop - 1].tolist()]
            with torch.no_grad():
                log_probs, self._state = self._network(torch.tensor([inputs]), self._state)
            take(np.arange(done, stop), self._mix(inputs, log_probs[0].numpy()))
            self._stretches[-1][0].extend(inputs)
            self._stretches[-1][1].extend(ids[done:stop].tolist())
            self._last, done = int(ids[stop - 1]), stop
            if self._window_length == SEQ_LENGTH:
                self._learn()

    def _mix(self, inputs: list[int], log_probs: Array) -> Array:
        """Return what networks and counts expect together, shape (T, V), after T characters."""
        if self._context_model is None:
            return log_probs
        by_counts, self._context = self._context_model.read(np.array([inputs]), self._context)
        return mix(np.exp(log_probs), by_counts[0], self._context_model.share)

    @property
    def _window_length(self) -> int:
        """How many characters were predicted since the weights last moved."""
        return sum(len(targets) for _, targets in self._stretches)

    def _learn(self) -> None:
        """Move the weights by the loss of the window that was read, and begin the next.

        The window is read once more, because it may have come in pieces, and gradients are to reach
        over all of it.
        """
        loss = torch.zeros(())
        for inputs, targets in self._stretches:
            is_start = inputs[0] == self._end_id
            state = self._network.initial_state(1) if is_start else self._window_state
            logits, _ = self._network(torch.tensor([inputs]), state)
            loss = loss + nn.functional.cross_entropy(
                logits[0], torch.tensor(targets), reduction="sum"
            )
        gradients = torch.autograd.grad(loss / SEQ_LENGTH, self._weights)
        self._stretches, self._window_state = [], self._state
        self._num_updates += 1
        for square, gradient in zip(self._mean_squares, gradients, strict=True):
            square.lerp_(gradient.square(), 1 / self._num_updates)
        roots = [square.sqrt() for square in self._mean_squares]
        mean = sum(float(root.sum()) for root in roots) / sum(root.numel() for root in roots)
        with torch.no_grad():
            for weight, first, root, gradient in zip(
                self._weights, self._first, roots, gradients, strict=True
            ):
                step = (gradient / (root + EPSILON)).clamp_(-LONGEST_STEP, LONGEST_STEP)
                pull = (root * (DECAY / max(mean, EPSILON))).clamp_(max=1.0)
                weight.addcmul_(pull, first - weight).sub_(step, alpha=LEARNING_RATE)


class _Networks(nn.Module):
    """The networks of a model as one, as ``model.ensemble`` has it."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Take the weights of a model."""
        super().__init__()
        config = checkpoint.config
        self._each: list[TrainableNetwork] = []
        for arrays in split_networks(config, checkpoint.arrays):
            network = TrainableNetwork(config.one_network, dropout=0.0, generator=torch.Generator())
            network.load_arrays(arrays)
            self._each.append(network)
        self.networks = nn.ModuleList(self._each)

    def initial_state(self, num_streams: int) -> tuple[State, ...]:
        """Return the state at the start of a text, of each network."""
        return tuple(network.initial_state(num_streams) for network in self._each)

    def forward(self, inputs: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """Read a window of each stream; see ``TrainableNetwork``.

        Returns:
            The logarithms of the probabilities, shape (B, T, V), and the states after the window.
        """
        read = [network(inputs, part) for network, part in zip(self._each, state, strict=True)]
        log_probs = torch.stack([logits.log_softmax(-1) for logits, _ in read])
        mean = log_probs.logsumexp(0) - math.log(len(read))
        return mean, tuple(part for _, part in read)
