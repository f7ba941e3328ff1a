"""What moved a prediction: which of the characters read before it, had it been another.

For a character x_t that was read, with y the character at the place and y' its strongest rival::

    A_t = log(p(y) / p(y')) - mean over x of the same with x in place of x_t

The mean is over the ``NUM_OTHERS`` characters that the networks themselves thought likeliest at t,
apart from x_t, weighted by their probabilities there: what else could have stood, not a blank
(S. Kim et al., Interpretation of NLP models through input marginalization, 2020,
arXiv:2010.13984). All is by the networks, without the memory.

Sizes: B streams, R rows of replacements.
"""

import numpy as np
import numpy.typing as npt

from charrnn.insight.prediction import NUM_BACK, Run
from charrnn.model.predictor import Predictor, State

NUM_OTHERS = 8

Floats = npt.NDArray[np.float64]


def moved_by(predictor: Predictor, run: Run, id: int, other: int) -> Floats:
    """Return A_t in nats for the last characters that were read.

    The shape is (min(``NUM_BACK``, T - 1),): the first character of a text is not predicted, so
    nothing else was expected there.
    """
    expected = run.probs.mean(axis=0)  # (T, V), after each character
    last = len(run.ids)
    first = max(last - NUM_BACK, 1)
    begin = last - len(run.states)  # the step of the first state
    now = _odds(expected[-1:], id, other)[0]
    state: State | None = None
    weights: list[npt.NDArray[np.floating]] = []
    for step in range(first, last):
        before, actual = expected[step - 1], int(run.ids[step])
        order = np.argsort(-before, kind="stable")
        others = order[order != actual][:NUM_OTHERS]
        weights.append(before[others] / max(float(before[others].sum()), 1e-30))
        new = tuple(
            tuple(np.repeat(array, len(others), axis=0) for array in part)
            for part in run.states[step - begin]
        )
        ids = np.concatenate([np.full(0 if state is None else _rows(state), actual), others])
        state = new if state is None else _join(state, new)
        log_probs, state = predictor.forward(ids[:, None], state)
    if state is None:
        return np.zeros(0)
    odds = _odds(np.exp(log_probs[:, -1]), id, other)
    ends = np.cumsum([len(each) for each in weights])[:-1]
    means = [float(w @ o) for w, o in zip(weights, np.split(odds, ends), strict=True)]
    return np.asarray(now - np.array(means))


def _odds(probs: npt.NDArray[np.floating], id: int, other: int) -> Floats:
    """Return the logarithm of p(id) / p(other) of each row, shape (R,)."""
    pair = np.maximum(probs[:, [id, other]].astype(np.float64), 1e-30)
    return np.asarray(np.log(pair[:, 0] / pair[:, 1]))


def _rows(state: State) -> int:
    """Return the number of streams of a state; its first array may have no columns."""
    return len(state[0][0])


def _join(state: State, more: State) -> State:
    """Return two states as one."""
    return tuple(
        tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        for parts in zip(state, more, strict=True)
    )
