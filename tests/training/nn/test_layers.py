"""Layers over a window, against NumPy, torch's kernels, finite differences and plain autograd."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from charrnn.model.cells.registry import CELLS, cell_spec
from charrnn.model.config import ModelConfig
from charrnn.training.nn.cells import gru
from charrnn.training.nn.layers import LayerState, SteppedLayer, locked_dropout, make_layer

STEPS, STREAMS, INPUT, HIDDEN = 7, 3, 5, 4

KINDS = [(cell, name) for cell in CELLS for name in cell_spec(cell).steps]


def config_of(cell: str, nonlinearity: str = "tanh") -> ModelConfig:
    """Return the sizes of a model of one small layer."""
    return ModelConfig(
        vocab_size=9,
        cell=cell,
        nonlinearity=nonlinearity,
        embedding_size=INPUT,
        hidden_size=HIDDEN,
        num_layers=1,
    )


def make(cell: str, nonlinearity: str = "tanh") -> nn.Module:
    """Return a small layer in float64 whose weights are all random."""
    layer = make_layer(config_of(cell, nonlinearity), 0, torch.Generator()).double()
    return randomize(layer)


def randomize(layer: nn.Module) -> nn.Module:
    """Draw every weight of a layer."""
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for _, parameter in sorted(layer.named_parameters()):
            parameter.normal_(generator=generator)
    return layer


def draw(seed: int, *shape: int) -> Tensor:
    """Return random numbers to differentiate by."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def draw_state(config: ModelConfig) -> LayerState:
    """Return a random state."""
    sizes = config.state_sizes(0)
    return tuple(draw(20 + n, STREAMS, size).detach() for n, size in enumerate(sizes))


def assert_same(sought: list[Tensor], values: Tensor, expected: Tensor) -> None:
    """Check that values are equal, and their gradients with respect to all that is sought."""
    torch.testing.assert_close(values, expected, rtol=1e-10, atol=1e-10)
    share = draw(15, *values.shape)
    gradients = torch.autograd.grad((values * share).sum(), sought)
    expected_gradients = torch.autograd.grad((expected * share).sum(), sought)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("cell", "nonlinearity"), KINDS)
def test_a_layer_computes_what_numpy_does(cell: str, nonlinearity: str) -> None:
    """Output and state equal those of the NumPy layer with the same weights."""
    config = config_of(cell, nonlinearity)
    layer = make(cell, nonlinearity)
    arrays = {name: each.detach().numpy() for name, each in layer.named_parameters()}
    shapes = config.spec.parameter_shapes(INPUT, HIDDEN)
    assert {name: array.shape for name, array in arrays.items()} == shapes
    inputs, state = draw(16, STEPS, STREAMS, INPUT).detach(), draw_state(config)
    numpy_layer = config.spec.layer(config.spec, nonlinearity, arrays)
    expected = numpy_layer.run(inputs.numpy(), tuple(each.numpy() for each in state))
    with torch.no_grad():
        output, after = layer(inputs, state)
    np.testing.assert_allclose(output.numpy(), expected[0], rtol=0, atol=1e-12)
    for found, wanted in zip(after, expected[1], strict=True):
        np.testing.assert_allclose(found.numpy(), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("cell", "nonlinearity"), KINDS)
def test_gradients_are_those_of_finite_differences(cell: str, nonlinearity: str) -> None:
    """The gradient of the output by the input and by every weight is right."""
    layer = make(cell, nonlinearity)
    state = draw_state(config_of(cell, nonlinearity))
    leaves = [draw(16, STEPS, STREAMS, INPUT), *layer.parameters()]
    output = layer(leaves[0], state)[0]
    share = draw(15, *output.shape).detach()
    gradients = torch.autograd.grad((output * share).sum(), leaves)
    for leaf, gradient in zip(leaves, gradients, strict=True):
        direction = draw(17, *leaf.shape).detach()
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                kept = leaf.clone()
                leaf.add_(direction, alpha=step)
                values.append(float((layer(leaves[0], state)[0] * share).sum()))
                leaf.copy_(kept)
        expected = (values[0] - values[1]) / 2e-5
        assert float((gradient * direction).sum()) == pytest.approx(expected, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize(("cell", "nonlinearity"), KINDS)
def test_a_layer_carries_its_state(cell: str, nonlinearity: str) -> None:
    """One window of seven steps equals a window of three and one of four."""
    layer = make(cell, nonlinearity)
    inputs, state = draw(16, STEPS, STREAMS, INPUT), draw_state(config_of(cell, nonlinearity))
    whole, whole_state = layer(inputs, state)
    first, state = layer(inputs[:3], state)
    second, state = layer(inputs[3:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-12, atol=1e-12)
    for found, expected in zip(state, whole_state, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("cell", "nonlinearity", "cached"),
    [
        ("gru", "tanh", 1),
        ("gru", "tanh", 3 * STREAMS * HIDDEN),
        ("gru", "tanh", 1 << 17),
        ("rnn", "tanh", 1 << 17),
        ("rnn", "relu", 1 << 17),
    ],
)
def test_our_recurrences_are_those_of_torch(
    cell: str, nonlinearity: str, cached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """States and every gradient equal those of torch's kernels, however steps are grouped."""
    monkeypatch.setattr(gru, "_CACHED", cached)
    layer = make(cell, nonlinearity)
    inputs, h = draw(16, STEPS, STREAMS, INPUT), draw(17, STREAMS, HIDDEN).detach()
    kernel = {"gru": torch.gru, "rnn": getattr(torch, f"rnn_{nonlinearity}")}[cell]
    expected, expected_h = layer.run_kernel(kernel, inputs, h)  # type: ignore[operator]
    states, (last,) = layer(inputs, (h,))
    torch.testing.assert_close(last, expected_h, rtol=1e-10, atol=1e-10)
    assert_same([inputs, *layer.parameters()], states, expected)


def test_mingru_is_its_equations_forward_and_backward() -> None:
    """Output and every gradient equal what autograd finds step by step."""
    layer = make("mingru")
    weights = dict(layer.named_parameters())
    inputs = draw(16, STEPS, STREAMS, INPUT)
    state = h, last = draw_state(config_of("mingru"))
    outputs = []
    for u in inputs:
        v = u + weights["shift"] * (last - u)
        z, c, g = torch.chunk(v @ weights["weight_ih"].T + weights["bias_ih"], 3, dim=-1)
        z = torch.sigmoid(z)
        h = (1 - z) * h + z * c
        outputs.append((g * torch.sigmoid(g) * h) @ weights["weight_ho"].T)
        last = u
    output, _ = layer(inputs, state)
    assert_same([inputs, *layer.parameters()], output, torch.stack(outputs))


class PlainGRU(SteppedLayer):
    """A cell as somebody who adds one writes it: the step alone."""

    def step(self, projected: Tensor, recurrent: Tensor, state: LayerState) -> LayerState:
        """Advance by one step."""
        (h,) = state
        r, z, n = projected.chunk(3, dim=-1)
        hr, hz, hn = recurrent.chunk(3, dim=-1)
        z = torch.sigmoid(z + hz)
        n = torch.tanh(n + torch.sigmoid(r + hr) * hn)
        return ((1 - z) * n + z * h,)


def test_a_step_alone_makes_a_layer() -> None:
    """Autograd over a step gives the output and gradients of the layer written for speed."""
    plain = randomize(PlainGRU(config_of("gru"), INPUT, torch.Generator()).double())
    fast = make("gru")
    fast.load_state_dict(plain.state_dict())
    inputs, state = draw(16, STEPS, STREAMS, INPUT), draw_state(config_of("gru"))
    expected, _ = plain(inputs, state)
    found, _ = fast(inputs, state)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    share = draw(15, *found.shape)
    (found * share).sum().backward()  # type: ignore[no-untyped-call]
    (expected * share).sum().backward()  # type: ignore[no-untyped-call]
    for one, other in zip(fast.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-10, atol=1e-10)


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


@pytest.mark.parametrize("cell", CELLS)
def test_initial_weights(cell: str) -> None:
    """Recurrent blocks are orthogonal; input products keep the variance of the input."""
    config = ModelConfig(vocab_size=9, cell=cell, embedding_size=64, hidden_size=64, num_layers=1)
    layer = make_layer(config, 0, torch.Generator().manual_seed(5))
    parameters = dict(layer.named_parameters())
    # 64 x 64 draws or more: five standard deviations of their variance
    assert abs(64 * float(parameters["weight_ih"].detach().var()) - 1) < 5 * (2 / 64**2) ** 0.5
    if "weight_hh" in parameters:
        for block in parameters["weight_hh"].split(64):
            torch.testing.assert_close(block @ block.T, torch.eye(64), rtol=0, atol=1e-5)


def test_initial_gates() -> None:
    """The forget gate of the LSTM is open, and the time scales of mingru are spread."""
    generator = torch.Generator().manual_seed(5)
    bias = make_layer(config_of("lstm"), 0, generator).get_parameter("bias_ih")
    assert bias.tolist() == [0] * HIDDEN + [1] * HIDDEN + [0] * 2 * HIDDEN
    bias = make_layer(config_of("mingru"), 0, generator).get_parameter("bias_ih")
    torch.testing.assert_close(bias[:HIDDEN].sort().values, torch.linspace(-4, 2, HIDDEN))
