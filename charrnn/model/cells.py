"""One time step of each recurrence: the only place with their equations.

Each function advances a layer by one step. The products of input and state with their weights are
taken by the caller, as suits it: for a whole window at once, from a table, or both as one. The
first array of the state that a function returns is what the layer hands on.

Sizes: B streams, H hidden units, G blocks. Weights and the order of their blocks are torch's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from charrnn.model.config import ModelConfig

Array = npt.NDArray[np.floating]
LayerState = tuple[Array, ...]

Step = Callable[[Array, Array, LayerState], LayerState]


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), by the tangent, which cannot overflow."""
    y: Array = np.tanh(x * 0.5)
    y *= 0.5
    y += 0.5
    return y


def rnn_tanh_step(projected: Array, recurrent: Array, state: LayerState) -> LayerState:
    """Advance an Elman network by one time step.

    ::

        h' = tanh(W_ih x + b_ih + W_hh h + b_hh)

    Args:
        projected: ``W_ih x + b_ih``, shape (B, H).
        recurrent: ``W_hh h + b_hh``, shape (B, H). Only the sum of the two counts.
        state: One array ``h``, shape (B, H); zeros at the start of a text.

    Returns:
        The next state: one array, shape (B, H), between -1 and 1.

    References:
        J. Elman, Finding structure in time, Cognitive Science 14, 1990.
    """
    del state  # is in the product
    hidden = projected + recurrent
    return (np.tanh(hidden, out=hidden),)


def rnn_relu_step(projected: Array, recurrent: Array, state: LayerState) -> LayerState:
    """Advance an Elman network with the rectifier in the place of the tangent.

    ::

        h' = max(0, W_ih x + b_ih + W_hh h + b_hh)

    Args:
        projected: ``W_ih x + b_ih``, shape (B, H).
        recurrent: ``W_hh h + b_hh``, shape (B, H). Only the sum of the two counts.
        state: One array ``h``, shape (B, H); zeros at the start of a text.

    Returns:
        The next state: one array, shape (B, H), 0 or more and without a bound.

    References:
        Q. Le et al., 2015, arXiv:1504.00941.
    """
    del state  # is in the product
    hidden = projected + recurrent
    return (np.maximum(hidden, 0, out=hidden),)


def lstm_step(projected: Array, recurrent: Array, state: LayerState) -> LayerState:
    """Advance a long short-term memory by one time step.

    With s the logistic function and * taken entry by entry::

        i  = s(W_ii x + b_ii + W_hi h + b_hi)       input gate
        f  = s(W_if x + b_if + W_hf h + b_hf)       forget gate
        g  = tanh(W_ig x + b_ig + W_hg h + b_hg)    candidate
        o  = s(W_io x + b_io + W_ho h + b_ho)       output gate
        c' = f * c + i * g
        h' = o * tanh(c')

    The blocks lie below one another in the weights in the order i, f, g, o.

    Args:
        projected: ``W_ih x + b_ih``, shape (B, 4H).
        recurrent: ``W_hh h + b_hh``, shape (B, 4H). Only the sum of the two counts.
        state: Two arrays, ``h`` and ``c``, each of shape (B, H); zeros at the start of a text.

    Returns:
        The next ``h``, between -1 and 1, and ``c``, without a bound; each of shape (B, H).

    References:
        S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9, 1997.
        F. Gers et al., Learning to forget, Neural Computation 12, 2000 (the forget gate).
    """
    _, c = state
    gates: Array = projected + recurrent
    size = c.shape[-1]
    g = np.tanh(gates[..., 2 * size : 3 * size])
    gates = sigmoid(gates)  # of all four: quicker than of three
    i, f, o = gates[..., :size], gates[..., size : 2 * size], gates[..., 3 * size :]
    c = f * c
    c += i * g
    return o * np.tanh(c), c


def gru_step(projected: Array, recurrent: Array, state: LayerState) -> LayerState:
    """Advance a gated recurrent unit by one time step.

    With s the logistic function and * taken entry by entry::

        r  = s(W_ir x + b_ir + W_hr h + b_hr)             reset gate
        z  = s(W_iz x + b_iz + W_hz h + b_hz)             update gate
        n  = tanh(W_in x + b_in + r * (W_hn h + b_hn))    candidate
        h' = (1 - z) * n + z * h

    The blocks lie in the order r, z, n. The reset gate acts on the product ``W_hn h + b_hn``, as in
    cuDNN and ``torch.nn.GRU``, not on ``h`` itself: weights of one form give wrong text in the
    other.

    Args:
        projected: ``W_ih x + b_ih``, shape (B, 3H).
        recurrent: ``W_hh h + b_hh``, shape (B, 3H).
        state: One array ``h``, shape (B, H); zeros at the start of a text.

    Returns:
        The next state: one array, shape (B, H), between -1 and 1 if ``h`` was.

    References:
        K. Cho et al., 2014, arXiv:1406.1078.
        J. Chung et al., 2014, arXiv:1412.3555 (a comparison with the LSTM).
    """
    (h,) = state
    size = h.shape[-1]
    gates = sigmoid(projected[..., : 2 * size] + recurrent[..., : 2 * size])
    r, z = gates[..., :size], gates[..., size:]
    n = np.tanh(projected[..., 2 * size :] + r * recurrent[..., 2 * size :])
    return (n + z * (h - n),)


def mingru_step(projected: Array, h: Array) -> tuple[Array, Array]:
    """Advance a minimal gated recurrent unit by one time step.

    With s the logistic function, * taken entry by entry, u the input of the layer and u' the one of
    the step before::

        v  = u + a * (u' - u)            token shift: a learned mix of this step and the last
        z  = s(W_z v + b_z)              update gate
        c  = W_c v + b_c                 candidate
        g  = W_g v + b_g                 output gate
        h' = (1 - z) * h + z * c
        y  = W_o (g * s(g) * h')         what the layer hands on

    Neither gate nor candidate looks at h, so for a whole window all the products are taken at once;
    what is left step by step is one line. The blocks lie in the order z, c, g. ``shift_inputs`` is
    the first line; the product with W_o is the caller's.

    Args:
        projected: ``W v + b``, shape (B, 3H).
        h: The state, shape (B, H); zeros at the start of a text.

    Returns:
        ``g * s(g) * h'`` and ``h'``, each of shape (B, H); h stays within the range of the
        candidates.

    References:
        L. Feng et al., Were RNNs all we needed?, 2024, arXiv:2410.01201 (the unit).
        T. Lei et al., 2017, arXiv:1709.02755 and E. Martin and C. Cundy, 2017, arXiv:1709.04057
        (gates that do not look at the state).
        B. Peng et al., RWKV, 2023, arXiv:2305.13048 (token shift).
    """
    size = h.shape[-1]
    z, c, g = projected[..., :size], projected[..., size : 2 * size], projected[..., 2 * size :]
    h = h + sigmoid(z) * (c - h)
    return g * sigmoid(g) * h, h


def shift_inputs(inputs: Array, last: Array, share: Array) -> Array:
    """Mix the input of each step with the one before.

    Args:
        inputs: Shape (T, B, E).
        last: The input of the step before the first, shape (B, E); zeros at the start of a text.
        share: How much of the step before, shape (E,).

    Returns:
        ``inputs + share * (inputs one step before - inputs)``, shape (T, B, E).
    """
    before = last[None] if len(inputs) == 1 else np.concatenate([last[None], inputs[:-1]])
    mixed = before - inputs
    mixed *= share
    mixed += inputs
    return mixed


def step_of(config: ModelConfig) -> Step:
    """Return the function that advances a layer of a model whose cell multiplies its state."""
    steps: dict[tuple[str, str], Step] = {
        ("rnn", "tanh"): rnn_tanh_step,
        ("rnn", "relu"): rnn_relu_step,
        ("lstm", "tanh"): lstm_step,
        ("gru", "tanh"): gru_step,
    }
    return steps[config.cell, config.nonlinearity]
