"""The gate: how far each part of a prediction is to be believed.

A network of one hidden layer sees how often and how long ago each context came, how alike its
followers are, and how sure the networks are. The softmax of its outputs over the parts that are
there are the weights of a mixture (R. Jacobs et al., Adaptive mixtures of local experts, 1991). It
never sees the character to be predicted. It was learned on texts of many kinds, and goes on
learning while it reads: first it predicts, then it learns. A gate that learns also has a bias for
each part after each character, at first 0: what is to be believed after a colon is not what is to
be believed in a word, and differs from text to text.

Sizes: N predictions, F features, H hidden units, P parts of a prediction, V vocabulary.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from charrnn.memory.evidence import Flags
from charrnn.memory.expected import Numbers
from charrnn.storage.tensorfile import open_tensor_file
from charrnn.text.vocabulary import Ids

GATE_PATH = Path(__file__).with_name("gate.safetensors")
FORMAT = "charrnn gate 1"
NAMES = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")

RATE = np.float32(1e-3)
BIAS_RATE = np.float32(0.2)  # of the biases after each character
DECAYS = np.float32(0.9), np.float32(0.999)  # of the mean gradient, and of its square
_TINY = np.float32(1e-8)
_NEVER = np.float32(-np.inf)


class Gate:
    """Weighs the parts of predictions; see the module."""

    def __init__(self, arrays: Mapping[str, Numbers]) -> None:
        """Take the weights: (F, H), (H,), (H, P) and (P,), by the names in ``NAMES``."""
        parts = [arrays[name] for name in NAMES]
        self._weights = np.concatenate([part.ravel() for part in parts])
        self._shapes = [part.shape for part in parts]
        self._views = self._split(self._weights)
        self._gradient = np.empty_like(self._weights)  # kept: views of a new one take longer
        self._gradient_views = self._split(self._gradient)
        self._moments = np.zeros((2, len(self._weights)), np.float32)
        self._steps = 0
        self._biases: Numbers | None = None  # after each character, (V, P)

    def _split(self, flat: Numbers) -> list[Numbers]:
        """Return views of a flat array with the shapes of the weights."""
        sizes = np.cumsum([int(np.prod(shape)) for shape in self._shapes])
        parts = np.split(flat, sizes[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    @property
    def num_hidden(self) -> int:
        """The number of hidden units, H."""
        return int(self._shapes[1][0])

    def flat(self) -> Numbers:
        """Return all weights one after another, in the order of ``NAMES``."""
        return self._weights.copy()

    def learner(self, vocab_size: int) -> "Gate":
        """Return a gate that learns on by itself, with biases after each of V characters."""
        gate = Gate(dict(zip(NAMES, self._views, strict=True)))
        gate._biases = np.zeros((vocab_size, len(self._views[3])), np.float32)
        return gate

    def weigh(self, features: Numbers, is_there: Flags, last: Ids) -> Numbers:
        """Return the weight of each part, shape (..., N, P): each row with the sum 1.

        Args:
            features: What it sees, shape (..., N, F).
            is_there: Which parts there are, shape (..., N, P).
            last: The character before each prediction, shape (..., N).
        """
        return self._weigh(features, is_there, last)[1]

    @np.errstate(invalid="ignore")  # see ``charrnn.model.matmul``
    def _weigh(self, features: Numbers, is_there: Flags, last: Ids) -> tuple[Numbers, Numbers]:
        """Return the hidden units, shape (..., N, H), and the weights."""
        weight, bias, output_weight, output_bias = self._views
        hidden: Numbers = features @ weight
        hidden += bias
        np.tanh(hidden, out=hidden)
        outputs: Numbers = hidden @ output_weight
        outputs += output_bias
        if self._biases is not None:
            outputs += self._biases.take(last, axis=0)
        return hidden, _softmax(outputs, is_there)

    def weigh_and_learn(
        self, features: Numbers, is_there: Flags, last: Ids, given: Numbers
    ) -> Numbers:
        """Return what ``weigh`` does, then learn from the characters that came.

        That is one step of Adam (D. Kingma, J. Ba, 2015); the biases after each character take a
        plain step. ``given`` has the probability of each character in each part, shape (N, P).
        """
        output_weight = self._views[2]
        hidden, weights = self._weigh(features, is_there, last)
        gradient, parts = self._gradient, self._gradient_views
        shares = weights * given
        shares /= shares.sum(axis=1, keepdims=True) + _TINY
        if self._biases is not None:
            np.add.at(self._biases, last, BIAS_RATE * (shares - weights))
        outputs = (weights - shares) / np.float32(len(given))
        np.matmul(hidden.T, outputs, out=parts[2])
        outputs.sum(axis=0, out=parts[3])
        inner = (outputs @ output_weight.T) * (1 - hidden * hidden)
        np.matmul(features.T, inner, out=parts[0])
        inner.sum(axis=0, out=parts[1])
        self._steps += 1
        means = [1 - float(decay) ** self._steps for decay in DECAYS]
        values = gradient, gradient**2
        for moment, decay, value in zip(self._moments, DECAYS, values, strict=True):
            moment *= decay
            moment += (1 - decay) * value
        size = np.sqrt(self._moments[1] / np.float32(means[1])) + _TINY
        self._weights -= RATE / np.float32(means[0]) * self._moments[0] / size
        return weights


def _softmax(outputs: Numbers, is_there: Flags) -> Numbers:
    """Return weights of the parts that are there, and 0 for the others, shape (..., P)."""
    weights = np.where(is_there, outputs, _NEVER)
    weights -= np.maximum.reduce(weights, axis=-1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= np.add.reduce(weights, axis=-1, keepdims=True)
    return weights


@cache
def shipped_gate() -> Gate:
    """Return the gate of the program."""
    with open_tensor_file(GATE_PATH, FORMAT) as file:
        return Gate(file.read_arrays())
