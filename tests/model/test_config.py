"""The sizes of a model: ranges, JSON, and the weights derived from them."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from charrnn.errors import ConfigError
from charrnn.model.config import MAX_LAYERS, MAX_NGRAMS, MAX_SIZE, ModelConfig, parameter_shapes
from charrnn.training.nn.network import TrainableNetwork

GOOD = ModelConfig(vocab_size=7, cell="lstm", embedding_size=3, hidden_size=5, num_layers=2)

TOPS = {
    "vocab_size": MAX_SIZE + 1,  # one more for the unknown symbol
    "embedding_size": MAX_SIZE,
    "hidden_size": MAX_SIZE,
    "num_layers": MAX_LAYERS,
    "ngrams": MAX_NGRAMS,
}

NO_SIZES = [0, -1, 10**12, 2.0, float("nan"), "8", True, None, [8]]


@pytest.mark.parametrize("name", TOPS)
def test_a_size_out_of_range_is_refused(name):
    """Anything but an integer in range raises one line with the name, the value and the range."""
    for value in NO_SIZES:
        with pytest.raises(ConfigError) as caught:
            dataclasses.replace(GOOD, **{name: value})
        expected = f"`{name}`: {value!r} is not an integer from 1 to {TOPS[name]}"
        assert str(caught.value) == expected


@pytest.mark.parametrize(("name", "top"), TOPS.items())
def test_the_ends_of_a_range_belong_to_it(name, top):
    """The smallest and the largest size are accepted; the next larger is not."""
    for value in (1, top):
        assert getattr(dataclasses.replace(GOOD, **{name: value}), name) == value
    with pytest.raises(ConfigError, match=str(top)):
        dataclasses.replace(GOOD, **{name: top + 1})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "LSTM"}, "`cell`: 'LSTM' is not one of lstm, gru, "),
        ({"cell": None}, "`cell`: None is not one of lstm, gru, "),
        ({"cell": ["gru"]}, "`cell`: ['gru'] is not one of lstm, gru, "),
        ({"block": "dense"}, "`block`: 'dense' is not one of plain, residual"),
        ({"nonlinearity": "sine"}, "`nonlinearity`: 'sine' is not one of tanh, relu"),
        (
            {"nonlinearity": "relu"},
            "`nonlinearity`: the cell lstm has no choice; drop it",
        ),
    ],
)
def test_a_choice_that_does_not_exist_is_refused(changes, message):
    """A wrong choice raises one line that names the choices."""
    with pytest.raises(ConfigError) as caught:
        dataclasses.replace(GOOD, **changes)
    assert str(caught.value).startswith(message)


def test_wrong_sizes_end_the_program_as_wrong_usage():
    """A configuration out of range has the exit code for wrong usage."""
    assert ConfigError.exit_code == 2


@pytest.mark.parametrize("num_layers", [1, 3])
def test_json_keeps_a_configuration(any_kind, num_layers):
    """A configuration survives JSON."""
    config = ModelConfig(
        vocab_size=9, embedding_size=2, hidden_size=4, num_layers=num_layers, **any_kind
    )
    assert ModelConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "lstm",
        3,
        {},
        {"cell": "lstm"},
        GOOD.to_json() | {"dropout": 0.1},
        GOOD.to_json() | {"hidden_size": -1},
        GOOD.to_json() | {"cell": "transformer"},
        {name: value for name, value in GOOD.to_json().items() if name != "num_layers"},
    ],
    ids=repr,
)
def test_json_that_is_no_configuration_is_refused(value):
    """Anything but the known sizes, in range, raises ValueError."""
    with pytest.raises(ValueError, match=r"\w"):
        ModelConfig.from_json(value)


@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_parameter_shapes_are_those_of_the_trainable_network(any_kind, num_layers):
    """The NumPy side and the torch side agree on the name and shape of every weight."""
    config = ModelConfig(
        vocab_size=11, embedding_size=2, hidden_size=3, num_layers=num_layers, **any_kind
    )
    trainable = TrainableNetwork(config, dropout=0.0, generator=torch.Generator())
    shapes = {name: tuple(value.shape) for name, value in trainable.named_parameters()}
    assert parameter_shapes(config) == shapes
