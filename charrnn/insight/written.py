"""When the evidence for a character was written into the state.

In the last layer of a plain network, the memory of a unit is a sum over time: what was written at
each step, times what was kept of it since. The output is linear in the memory once its last gate is
given. So the difference of two logits is a sum over the characters that were read. For one layer of
an lstm, with W the difference of two rows of the output weights and * elementwise::

    logit(y) - logit(y') = b + sum over t of W . (r * f_T * ... * f_(t+1) * i_t * g_t)
                       r = o_T * tanh(c_T) / c_T

It says when something was written, not what caused it: the gates depend on all that was read
before.

Sizes: K networks, T characters read, H hidden units, V vocabulary.

References:
    W. J. Murdoch and A. Szlam, Automatic rule extraction from long short term memory networks,
    2017, arXiv:1702.02540.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from charrnn.insight.prediction import Run
from charrnn.model.cells.spec import Array
from charrnn.model.config import ModelConfig
from charrnn.model.ensemble import split_networks
from charrnn.model.layers import RecurrentLayer

Writes = npt.NDArray[np.float64]


def can_add_up(config: ModelConfig) -> bool:
    """Return whether the logits of a model are sums over time: its last layer is not normalised."""
    return config.block == "plain" and config.spec.layer is RecurrentLayer


def written(
    config: ModelConfig, arrays: Mapping[str, Array], run: Run, id: int, other: int
) -> tuple[Writes, Writes]:
    """Return what each step wrote for a character and against another.

    Returns:
        In each network, the share of ``logit(id) - logit(other)`` that each character wrote which
        was read, shape (K, T); and the difference of the biases, shape (K,).
    """
    networks = split_networks(config, arrays)
    steps, biases = [], []
    for number, own in enumerate(networks):
        direction = (own["output.weight"][id] - own["output.weight"][other]).astype(np.float64)
        updates = run.updates[(number + 1) * config.num_layers - 1]
        keep, write = (
            np.stack([getattr(update, name)[0] for update in updates]).astype(np.float64)
            for name in ("keep", "write")
        )  # (T, H)
        memory, output = (
            array[0].astype(np.float64) for array in (updates[-1].memory, updates[-1].output)
        )
        read_out = np.divide(output, memory, out=np.zeros_like(memory), where=memory != 0)
        later = np.ones_like(keep)  # what is kept of each write until the end
        later[:-1] = np.cumprod(keep[:0:-1], axis=0)[::-1]
        steps.append((later * write) @ (direction * read_out))
        biases.append(float(own["output.bias"][id] - own["output.bias"][other]))
    return np.array(steps), np.array(biases)
