"""The scan by doubling against the scan step by step."""

import pytest
import torch
from torch import Tensor

from charrnn.training.nn.scan import ScanFunction, joined, scan


def draw(steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return share, candidate and the state before."""
    generator = torch.Generator().manual_seed(steps)
    share = torch.rand(steps, 3, 4, generator=generator, dtype=torch.float64)
    candidate = torch.randn(steps, 3, 4, generator=generator, dtype=torch.float64)
    h = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    return share.requires_grad_(), candidate.requires_grad_(), h


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 8, 64, 65])
def test_doubling_gives_the_states_and_gradients_of_the_steps(steps: int) -> None:
    """Whatever the number of steps, and from a state that is not zero."""
    share, candidate, h = draw(steps)
    expected = scan(share, candidate, h)
    found = ScanFunction.apply(share, candidate, h)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    weight = torch.randn(found.shape, generator=torch.Generator().manual_seed(1)).double()
    for one, other in zip(
        torch.autograd.grad((found * weight).sum(), [share, candidate]),
        torch.autograd.grad((expected * weight).sum(), [share, candidate]),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_the_number_of_operations_grows_with_the_logarithm(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 steps take 6 rounds, 65 take 7."""
    rounds = []
    addcmul = torch.addcmul

    def count(*args: Tensor) -> Tensor:
        rounds.append(1)
        return addcmul(*args)

    monkeypatch.setattr(torch, "addcmul", count)
    for steps, expected in [(1, 0), (2, 1), (64, 6), (65, 7)]:
        rounds.clear()
        joined(torch.ones(steps, 1, 1), torch.ones(steps, 1, 1))
        assert len(rounds) == expected


def test_a_gate_that_is_shut_or_open_for_long_stays_finite() -> None:
    """Factors of 0 and 1 over many steps neither overflow nor vanish."""
    share = torch.zeros(100, 1, 2)
    share[50, 0, 0] = 1
    candidate = torch.full((100, 1, 2), 3.0)
    states = ScanFunction.apply(share, candidate, torch.tensor([[7.0, 7.0]]))
    assert states[:, 0, 0].tolist() == [7.0] * 50 + [3.0] * 50
    assert states[:, 0, 1].tolist() == [7.0] * 100
