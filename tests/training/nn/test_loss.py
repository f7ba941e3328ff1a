"""The loss, against torch's."""

import pytest
import torch
from torch.nn import functional

from charrnn.corpus.streams import IGNORED
from charrnn.training.nn.loss import cross_entropy


def some(num_targets: int, vocab_size: int, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    """Return logits (some large), targets (some ignored) and weights."""
    generator = torch.Generator().manual_seed(vocab_size)
    logits = 6 * torch.randn(num_targets, vocab_size, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, vocab_size, (num_targets,), generator=generator)
    targets[::5] = IGNORED
    weights = torch.rand(num_targets, generator=generator, dtype=torch.float64)
    return logits.to(dtype), targets, weights.to(dtype)


@pytest.mark.parametrize("vocab_size", [1, 2, 65, 3000])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_losses_and_gradients_are_those_of_torch(vocab_size: int, dtype: torch.dtype) -> None:
    """Each prediction has its weight; ignored ones have none."""
    logits, targets, weights = some(40, vocab_size, dtype)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    found = cross_entropy(ours, targets)
    expected = functional.cross_entropy(theirs, targets, ignore_index=IGNORED, reduction="none")
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    # Roundings of numbers of up to about forty.
    tolerance = 100 * torch.finfo(dtype).eps
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=tolerance)
    assert not found[::5].any()
    assert ours.grad is not None
    assert not ours.grad[::5].any()


def test_bfloat16_is_summed_in_float32() -> None:
    """The losses of bfloat16 logits equal those of the same numbers in float32."""
    logits, targets, _ = some(40, 500, torch.bfloat16)
    found = cross_entropy(logits, targets)
    assert found.dtype == torch.float32
    expected = cross_entropy(logits.float(), targets)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_what_is_nearly_impossible_has_a_finite_loss_and_a_whole_gradient() -> None:
    """A probability that underflows in float32 still has a finite loss and a gradient."""
    logits = torch.tensor([[0.0, 500.0]], requires_grad=True)
    loss = cross_entropy(logits, torch.tensor([0]))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert loss.item() > 80
    assert logits.grad is not None
    assert logits.grad.tolist() == [[-1.0, 1.0]]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_not_hidden(value: float) -> None:
    """A diverged network has a loss that is not finite."""
    logits = torch.tensor([[0.0, value, 1.0]])
    assert cross_entropy(logits, torch.tensor([0])).isnan().all()
