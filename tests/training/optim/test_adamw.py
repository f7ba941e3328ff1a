"""AdamW, against torch's."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from charrnn.training.optim.adamw import AdamW


def test_steps_are_those_of_torch() -> None:
    """Equal bit for bit over many steps; a parameter without a gradient does not move."""
    generator = torch.Generator().manual_seed(1)
    shapes = [(7, 5), (5,), (11, 3)]
    ours, theirs = ([nn.Parameter(torch.full(shape, 0.5)) for shape in shapes] for _ in range(2))
    optimizer = AdamW([(ours[:1], 0.1), (ours[1:], 0.0)], lr=0.01, betas=(0.9, 0.99))
    groups = [
        {"params": theirs[:1], "weight_decay": 0.1},
        {"params": theirs[1:], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.99), fused=True)
    for step in range(20):
        for mine, other in zip(ours, theirs, strict=True):
            gradient = torch.randn(mine.shape, generator=generator)
            has_gradient = mine is not ours[2] or step % 4 == 3
            mine.grad = gradient.clone() if has_gradient else None
            other.grad = gradient.clone() if has_gradient else None
        for each in (optimizer, reference):
            for group in each.param_groups:
                group["lr"] = 0.01 * (20 - step)
            each.step()
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine == other).all()
        for name, moment in optimizer.state[mine].items():
            assert (moment == reference.state[other][name]).all()
    optimizer.zero_grad()
    assert all(parameter.grad is None for parameter in ours)


@pytest.mark.slow
def test_it_does_not_import_the_compiler() -> None:
    """Our step does not import torch's compiler; torch's does."""
    program = """
import sys, torch
from charrnn.training.optim.adamw import AdamW
p = torch.nn.Parameter(torch.ones(3))
p.grad = torch.ones(3)
o = {optimizer}
o.step()
print("torch._dynamo" in sys.modules)
"""
    for optimizer, loads in [
        ("AdamW([([p], 0.1)], lr=0.1, betas=(0.9, 0.99))", "False"),
        ("torch.optim.AdamW([p], fused=True)", "True"),
    ]:
        finished = subprocess.run(
            [sys.executable, "-c", program.replace("{optimizer}", optimizer)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert finished.stdout.strip() == loads
