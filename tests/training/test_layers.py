"""Layers over a window, held against torch's autograd on the equations written out."""

import pytest
import torch
from torch import Tensor, nn

from charrnn.model.config import ModelConfig
from charrnn.training.layers import MinGRULayer, locked_dropout, make_layer
from charrnn.training.recurrences import GRUFunction, RNNFunction

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


@pytest.mark.parametrize("kind", ["gru", "tanh", "relu"])
def test_our_recurrences_are_those_of_torch(kind: str) -> None:
    """States and every gradient equal those of torch's own layers."""
    generator = torch.Generator().manual_seed(14)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()

    rows = 3 * HIDDEN if kind == "gru" else HIDDEN
    inputs, h = draw(STEPS, STREAMS, INPUT), draw(STREAMS, HIDDEN).detach()
    weights = [draw(rows, INPUT), draw(rows, HIDDEN), draw(rows), draw(rows)]
    kernel = {"gru": torch.gru, "tanh": torch.rnn_tanh, "relu": torch.rnn_relu}[kind]
    expected, _ = kernel(inputs, h[None], weights, True, 1, 0.0, True, False, False)
    if kind == "gru":
        states = GRUFunction.apply(inputs, h, *weights)
    else:
        states = RNNFunction.apply(inputs, h, *weights, kind == "relu")
    torch.testing.assert_close(states, expected, rtol=1e-10, atol=1e-10)
    share = torch.randn(states.shape, generator=generator, dtype=torch.float64)
    sought = [inputs, *weights]
    gradients = torch.autograd.grad((states * share).sum(), sought)
    expected_gradients = torch.autograd.grad((expected * share).sum(), sought)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-10, atol=1e-10)


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
