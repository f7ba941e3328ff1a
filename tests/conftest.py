"""Fixtures for all tests: tiny models with random weights, made in memory and without training."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from charrnn.model.cells.registry import CELLS
from charrnn.model.checkpoint import Checkpoint
from charrnn.model.config import ModelConfig, parameter_shapes
from charrnn.text.vocabulary import Vocabulary

MakeCheckpoint = Callable[..., Checkpoint]

_KINDS = {
    "rnn-tanh": {"cell": "rnn", "nonlinearity": "tanh"},
    "rnn-relu": {"cell": "rnn", "nonlinearity": "relu"},
    "lstm": {"cell": "lstm", "nonlinearity": "tanh"},
    "gru": {"cell": "gru", "nonlinearity": "tanh"},
}

_OTHERS = {
    **{cell: {"cell": cell} for cell in CELLS if cell not in {"rnn", "lstm", "gru"}},
    "residual-lstm": {"cell": "lstm", "block": "residual"},
    "ngrams-gru": {"cell": "gru", "ngrams": 3},
    "shared-ngrams-residual-mingru": {
        "cell": "mingru",
        "block": "residual",
        "ngrams": 4,
        "ngram_rows": 50,  # for many more runs
    },
}


@pytest.fixture(scope="session", autouse=True)
def _power_stays_on() -> Iterator[None]:
    """Let nothing wait for the disk within the process of the tests.

    Syncing is against a loss of power, which no test can make. That it is asked for, and when, is
    tested by counting the calls; the real program in other processes does it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> None:
    """Let programs that tests start hear an interrupt.

    A shell that runs the tests in the background makes all they start deaf to it.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=_KINDS.values(), ids=_KINDS.keys())
def kind(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each recurrence of torch.nn in turn, as arguments of ``make_checkpoint``."""
    return request.param


@pytest.fixture(params=(_KINDS | _OTHERS).values(), ids=(_KINDS | _OTHERS).keys())
def any_kind(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Those and all else that a model can be made of in turn."""
    return request.param


@pytest.fixture
def make_checkpoint() -> MakeCheckpoint:
    """Return the maker of tiny models.

    For example ``make_checkpoint("gru", num_layers=2, characters="abc", trained_at=7.0)``. All
    arguments have defaults, so that a test names only what it is about; see ``_make_checkpoint``.
    """
    return _make_checkpoint


def _make_checkpoint(
    cell: str = "lstm",
    *,
    num_layers: int = 1,
    hidden_size: int = 5,
    embedding_size: int = 3,
    characters: str = "\n abcde",
    has_unknown: bool = False,
    is_bytes: bool = False,
    separator: str = "",
    scale: float = 1.0,
    dtype: type[np.floating] = np.float32,
    seed: int = 0,
    **others: Any,
) -> Checkpoint:
    """Return a model with random weights; equal arguments give equal weights.

    Recurrent layers are uniform within ``scale / sqrt(H)``, as torch starts them, so that at scale
    1 the memory of a model is short; embedding and output are uniform within ``scale``. A scale of
    0 gives the model that finds all characters equally likely. Of the other keywords those that
    ``ModelConfig`` knows go there, and the rest becomes ``Checkpoint.about``.
    """
    vocabulary = Vocabulary(characters, has_unknown, is_bytes, separator)
    names = {field.name for field in dataclasses.fields(ModelConfig)}
    config = ModelConfig(
        vocab_size=vocabulary.size,
        cell=cell,
        embedding_size=embedding_size,
        hidden_size=hidden_size,
        num_layers=num_layers,
        **{name: value for name, value in others.items() if name in names},
    )
    about = {name: value for name, value in others.items() if name not in names}
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in parameter_shapes(config).items():
        bound = scale / np.sqrt(hidden_size) if "layers." in name else scale
        arrays[name] = rng.uniform(-bound, bound, shape).astype(dtype)
    return Checkpoint(config, vocabulary, arrays, about)
