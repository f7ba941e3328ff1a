"""Layers over a window, held against torch's autograd on the equations written out."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from charrnn.model.config import ModelConfig
from charrnn.training.nn import recurrences
from charrnn.training.nn.layers import MinGRULayer, RecurrentLayer, locked_dropout, make_layer
from charrnn.training.nn.network import TrainableNetwork

STEPS, STREAMS, INPUT, HIDDEN = 7, 3, 5, 4


def make_mingru() -> MinGRULayer:
    """Return a small layer in float64 with nothing left at zero."""
    config = ModelConfig(
        vocab_size=9, cell="mingru", embedding_size=INPUT, hidden_size=HIDDEN, num_layers=1
    )
    generator = torch.Generator().manual_seed(11)
    layer = MinGRULayer(config, INPUT, generator).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(generator=generator)
    return layer


def mingru_written_out(layer: MinGRULayer, inputs: Tensor, h: Tensor, last: Tensor) -> Tensor:
    """Return what the layer hands on, one step after another, by plain operations."""
    outputs = []
    for u in inputs:
        v = u + layer.shift * (last - u)
        z, c, g = torch.chunk(v @ layer.weight_ih.T + layer.bias_ih, 3, dim=-1)
        z = torch.sigmoid(z)
        h = (1 - z) * h + z * c
        outputs.append((g * torch.sigmoid(g) * h) @ layer.weight_ho.T)
        last = u
    return torch.stack(outputs)


def test_mingru_is_its_equations_forward_and_backward() -> None:
    """Output, state and every gradient equal those that autograd finds step by step."""
    layer = make_mingru()
    generator = torch.Generator().manual_seed(12)
    inputs = torch.randn(STEPS, STREAMS, INPUT, generator=generator, dtype=torch.float64)
    inputs.requires_grad_()
    h = torch.randn(STREAMS, HIDDEN, generator=generator, dtype=torch.float64)
    last = torch.randn(STREAMS, INPUT, generator=generator, dtype=torch.float64)
    weights = torch.randn(STEPS, STREAMS, HIDDEN, generator=generator, dtype=torch.float64)
    sought = [inputs, *layer.parameters()]
    expected = mingru_written_out(layer, inputs, h, last)
    expected_gradients = torch.autograd.grad((expected * weights).sum(), sought)
    output, (_, next_last) = layer(inputs, (h, last))
    gradients = torch.autograd.grad((output * weights).sum(), sought)
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(next_last, inputs[-1])
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-10, atol=1e-10)


def make_recurrent(kind: str) -> RecurrentLayer:
    """Return a small layer in float64 with nothing left at zero: a cell, or what an rnn applies."""
    is_rnn = kind in ("tanh", "relu")
    config = ModelConfig(
        vocab_size=9,
        cell="rnn" if is_rnn else kind,
        nonlinearity=kind if is_rnn else "tanh",
        embedding_size=INPUT,
        hidden_size=HIDDEN,
        num_layers=1,
    )
    generator = torch.Generator().manual_seed(14)
    layer = RecurrentLayer(config, INPUT, generator).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(generator=generator)
    return layer


def draw(seed: int, *shape: int) -> Tensor:
    """Return random numbers to differentiate by."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def assert_same(sought: list[Tensor], values: Tensor, expected: Tensor) -> None:
    """Values are equal, and so are their gradients by all that is sought."""
    torch.testing.assert_close(values, expected, rtol=1e-10, atol=1e-10)
    share = draw(15, *values.shape)
    gradients = torch.autograd.grad((values * share).sum(), sought)
    expected_gradients = torch.autograd.grad((expected * share).sum(), sought)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("kind", "cached"),
    [
        ("gru", 1),
        ("gru", 3 * STREAMS * HIDDEN),
        *((kind, 1 << 17) for kind in ("gru", "tanh", "relu")),
    ],
)
def test_our_recurrences_are_those_of_torch(
    kind: str, cached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """States and every gradient equal those of torch's own layers, however steps are grouped."""
    monkeypatch.setattr(recurrences, "_CACHED", cached)
    layer = make_recurrent(kind)
    inputs, h = draw(16, STEPS, STREAMS, INPUT), draw(17, STREAMS, HIDDEN).detach()
    weights = list(layer.parameters())
    kernel = {"gru": torch.gru, "tanh": torch.rnn_tanh, "relu": torch.rnn_relu}[kind]
    named = dict(layer.named_parameters())
    torchs = [named[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    expected, _ = kernel(inputs, h[None], torchs, True, 1, 0.0, True, False, False)
    states, (last,) = layer(inputs, (h,))
    torch.testing.assert_close(last, expected[-1], rtol=1e-10, atol=1e-10)
    assert_same([inputs, *weights], states, expected)


@pytest.mark.parametrize("kind", ["gru", "lstm", "tanh", "relu"])
def test_to_look_up_is_to_read_the_rows(kind: str) -> None:
    """A table that is multiplied once gives what its rows give, and every gradient."""
    layer = make_recurrent(kind)
    table = draw(18, 9, INPUT)
    ids = torch.randint(9, (STEPS, STREAMS), generator=torch.Generator().manual_seed(19))
    num_parts = 2 if kind == "lstm" else 1
    state = tuple(draw(20 + part, STREAMS, HIDDEN).detach() for part in range(num_parts))
    found, found_state = layer.look_up(ids, table, state)
    expected, expected_state = layer(table[ids], state)
    for part, expected_part in zip(found_state, expected_state, strict=True):
        torch.testing.assert_close(part, expected_part, rtol=1e-10, atol=1e-10)
    assert_same([table, *layer.parameters()], found, expected)


@pytest.mark.parametrize("block", ["plain", "residual"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "mingru"])
def test_a_network_looks_up_what_it_would_multiply(
    cell: str, block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fewer characters than numbers for each, the logits and gradients stay what they are."""
    config = ModelConfig(
        vocab_size=5, cell=cell, block=block, embedding_size=8, hidden_size=8, num_layers=2
    )
    network = TrainableNetwork(config, dropout=0.0, generator=torch.Generator().manual_seed(22))
    network.double()
    ids = torch.randint(5, (STREAMS, STEPS), generator=torch.Generator().manual_seed(23))
    state = network.initial_state(STREAMS)
    calls = []
    looks_up = RecurrentLayer.look_up

    def count(*arguments: Any) -> Any:
        calls.append(arguments)
        return looks_up(*arguments)

    monkeypatch.setattr(RecurrentLayer, "look_up", count)
    found, _ = network(ids, state)
    assert len(calls) == (cell != "mingru")
    monkeypatch.setattr(network, "_looks_up", lambda: False)
    expected, _ = network(ids, state)
    assert_same(list(network.parameters()), found, expected)


def test_mingru_carries_its_state() -> None:
    """One window of seven steps is a window of three and then one of four."""
    layer = make_mingru()
    generator = torch.Generator().manual_seed(13)
    inputs = torch.randn(STEPS, STREAMS, INPUT, generator=generator, dtype=torch.float64)
    state = (
        torch.zeros(STREAMS, HIDDEN, dtype=torch.float64),
        torch.zeros(STREAMS, INPUT, dtype=torch.float64),
    )
    whole, (whole_h, _) = layer(inputs, state)
    first, state = layer(inputs[:3], state)
    second, (h, _) = layer(inputs[3:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(h, whole_h, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_locked_dropout_has_one_mask_for_all_steps(share: float) -> None:
    """A unit is dropped in all steps or in none, the others are scaled, and the mean stays."""
    inputs = torch.ones(6, 50, 80)
    output = locked_dropout(inputs, share, torch.Generator().manual_seed(1))
    assert (output == output[0]).all()
    assert {round(value, 4) for value in output.unique().tolist()} == {
        0.0,
        round(1 / (1 - share), 4),
    }
    # 4,000 masks: five standard deviations of their mean
    assert abs(float(output.mean()) - 1) < 5 * (share / (1 - share) / 4000) ** 0.5


def test_no_dropout_draws_no_random_number() -> None:
    """With a share of 0 the input comes back and the generator has not moved."""
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()
    inputs = torch.ones(2, 3, 4)
    assert locked_dropout(inputs, 0.0, generator) is inputs
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "mingru"])
def test_the_first_weights_are_as_they_should(cell: str) -> None:
    """Recurrent blocks are orthogonal, the forget gate is open, time scales are spread."""
    config = ModelConfig(vocab_size=9, cell=cell, embedding_size=16, hidden_size=16, num_layers=1)
    layer: nn.Module = make_layer(config, 0, torch.Generator().manual_seed(5))
    parameters = dict(layer.named_parameters())
    if cell == "mingru":
        biases = parameters["bias_ih"][:16].sort().values
        torch.testing.assert_close(biases, torch.linspace(-4, 2, 16))
        return
    for block in parameters["weight_hh"].split(16):
        torch.testing.assert_close(block @ block.T, torch.eye(16), rtol=0, atol=1e-5)
    bias = parameters["bias_ih"] + parameters["bias_hh"]
    expected = torch.zeros_like(bias)
    if cell == "lstm":
        expected[16:32] = 1
    torch.testing.assert_close(bias, expected)
