"""Muon, against the singular value decomposition and AdamW."""

import math

import pytest
import torch
from torch import Tensor, nn

from charrnn.training.optim.adamw import AdamW
from charrnn.training.optim.muon import LENGTH, MOMENTUM, MOVE_EVERY, Muon, orthogonalize

BETAS = (0.9, 0.99)


def by_singular_values(matrix: Tensor) -> Tensor:
    """Return the oracle of ``orthogonalize``: the iteration on each singular value."""
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    s = s / s.square().sum().sqrt()
    for _ in range(4):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u @ s.diag() @ v


def random(*shape: int, seed: int = 1) -> Tensor:
    """Return standard normal numbers in float64."""
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(12, 5), (5, 12), (7, 7), (1, 6), (6, 1)])
def test_a_step_has_the_singular_vectors_of_the_gradient(shape: tuple[int, int]) -> None:
    """The iteration on the Gram matrix equals the one on singular values, tall or wide."""
    matrix = random(*shape)
    step = orthogonalize(matrix)
    torch.testing.assert_close(step, by_singular_values(matrix), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(step, orthogonalize(1e-3 * matrix), rtol=0, atol=1e-3)


def test_nothing_stays_nothing() -> None:
    """A zero gradient moves nothing."""
    assert (orthogonalize(torch.zeros(4, 3)) == 0).all()


def test_a_step_goes_about_as_far_in_all_directions() -> None:
    """In bfloat16 too, and where gradients are a hundred times larger in some directions."""
    u, _, v = torch.linalg.svd(random(64, 16).float(), full_matrices=False)
    matrix = u @ torch.logspace(0, -2, 16).diag() @ v
    with torch.autocast("cpu", torch.bfloat16):
        step = orthogonalize(matrix)
    assert step.dtype == torch.float32
    values = torch.linalg.svdvals(step)
    assert 0.3 < values.min() < values.max() < 1.7


def test_steps_are_those_of_the_definition() -> None:
    """Matrices follow a slow loop in float64; all else equals AdamW bit for bit."""
    matrix, wide = nn.Parameter(random(6, 4)), nn.Parameter(random(3, 5))
    other, alone = (nn.Parameter(random(4, 2).float()) for _ in range(2))
    optimizer = Muon([matrix, wide], 0.1, AdamW([([other], 0.1)], lr=0.02, betas=BETAS), lr=0.02)
    reference = AdamW([([alone], 0.1)], lr=0.02, betas=BETAS)
    slow = [matrix.detach().clone(), wide.detach().clone()]
    means = [torch.zeros_like(each) for each in slow]
    for step in range(1, 13):
        rate = 0.02 * (13 - step)
        for each in (optimizer, reference):
            each.zero_grad()
            for group in each.param_groups:
                group["lr"] = rate
        other.grad = random(4, 2, seed=step).float()
        alone.grad = other.grad.clone()
        for number, parameter in enumerate((matrix, wide)):
            parameter.grad = gradient = random(*parameter.shape, seed=100 * step + number)
            means[number] = MOMENTUM * means[number] + (1 - MOMENTUM) * gradient
            if step % 4 == 0:
                mean = MOMENTUM * means[number] + (1 - MOMENTUM) * gradient
                move = 0.2 * math.sqrt(max(parameter.shape)) * by_singular_values(mean)
                slow[number] = (1 - 4 * rate * 0.1) * slow[number] - 4 * rate * move
        before = matrix.detach().clone()
        optimizer.step()
        reference.step()
        assert (before != matrix).any() == (step % MOVE_EVERY == 0)
    for parameter, expected in zip((matrix, wide), slow, strict=True):
        torch.testing.assert_close(parameter.detach(), expected, rtol=1e-5, atol=1e-5)
    assert (other == alone).all()
    optimizer.zero_grad()
    assert matrix.grad is wide.grad is other.grad is None


def test_a_move_is_as_long_as_one_of_adamw() -> None:
    """Its root mean square is about a fifth of the learning rate for each step it replaces."""
    matrix = nn.Parameter(torch.zeros(256, 64))
    optimizer = Muon([matrix], 0.0, AdamW([], lr=0.01, betas=BETAS), lr=0.01)
    for step in range(MOVE_EVERY):
        matrix.grad = random(256, 64, seed=step).float()
        optimizer.step()
    length = matrix.detach().square().mean().sqrt() / (0.01 * MOVE_EVERY)
    assert length == pytest.approx(LENGTH, rel=0.3)
