"""Tables that gather gradients, against torch's embedding."""

import torch
from torch import nn

from charrnn.training.nn.ngram_embedding import GatheredEmbedding


def test_what_is_gathered_is_the_gradient_of_an_embedding() -> None:
    """Over two windows, with some rows looked up many times and some never."""
    generator = torch.Generator().manual_seed(1)
    table, embedding = GatheredEmbedding(50, 6, accumulate=True), nn.Embedding(50, 6)
    with torch.no_grad():
        embedding.weight.normal_(generator=generator)
        table.weight.copy_(embedding.weight)
    for _ in range(2):
        rows = torch.randint(0, 20, (9, 4), generator=generator)
        target = torch.randn(9, 4, 6, generator=generator)
        assert (table(rows) == embedding(rows)).all()
        for module in (table, embedding):
            (module(rows) * target).sum().backward()
    assert table.weight.grad is None
    other = GatheredEmbedding(50, 6, accumulate=True)
    other.take_gathered(table.gathered())
    assert (other.gathered() == table.gathered()).all()
    table.flush_grad()
    torch.testing.assert_close(table.weight.grad, embedding.weight.grad)
    assert not table.weight.grad[20:].any()
    assert not table.gathered().any()
