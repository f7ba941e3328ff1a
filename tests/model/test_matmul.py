"""Products of rows: both functions multiply; in one, rows are independent."""

from __future__ import annotations

import numpy as np
import pytest

from charrnn.model.matmul import batched_matmul, rowwise_matmul, without_stray_flags
from charrnn.model.predictor import Predictor

SHAPES = [(1, 3), (3, 1), (17, 65), (128, 384), (256, 1024), (300, 70)]  # (K, M)


def some(*shape):
    """Return random numbers that use all bits of float32."""
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("product", [batched_matmul, rowwise_matmul])
@pytest.mark.parametrize("leading", [(1,), (5,), (1, 1), (1, 6), (4, 1), (3, 2)])
@pytest.mark.parametrize("num_networks", [1, 2, 3])
def test_a_product_is_one(product, leading, num_networks):
    """Rows of any shape are multiplied by the matrix of their network."""
    rows, matrices = some(*leading, num_networks, 17), some(num_networks, 17, 9)
    found = product(rows, matrices)
    assert found.shape == (*leading, num_networks, 9)
    for network, matrix in enumerate(matrices):
        expected = rows[..., network, :].astype(np.float64) @ matrix.astype(np.float64)
        # 17 roundings of about ten
        np.testing.assert_allclose(found[..., network, :], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("num_networks", [1, 2])
@pytest.mark.parametrize("num_rows", [2, 3, 13, 64])
def test_a_row_does_not_depend_on_the_others(shape, num_networks, num_rows):
    """A row has the same bits alone and among others, at any position."""
    rows, matrices = some(num_rows, num_networks, shape[0]), some(num_networks, *shape)
    found = rowwise_matmul(rows, matrices)
    for place in range(num_rows):
        np.testing.assert_array_equal(
            rowwise_matmul(rows[place : place + 1], matrices)[0], found[place]
        )
    as_steps = rowwise_matmul(rows[None], matrices)[0]
    np.testing.assert_array_equal(as_steps, found)
    np.testing.assert_array_equal(rowwise_matmul(rows[:, None], matrices)[:, 0], found)


def test_the_check_of_rows_can_fail():
    """In ``batched_matmul``, the bits of a row do depend on the number of rows."""
    rows, matrices = some(64, 1, 256), some(1, 256, 1024)
    whole = batched_matmul(rows, matrices)
    parts = [batched_matmul(rows[:size], matrices) for size in (1, 2, 3, 5, 8, 13, 21)]
    if all(np.array_equal(part, whole[: len(part)]) for part in parts):
        pytest.skip("this library of products adds up in one order")


@pytest.mark.parametrize("num_networks", [1, 2])
def test_a_stream_of_networks_does_not_depend_on_the_others(
    make_checkpoint, any_kind, num_networks
):
    """``rowwise_matmul`` gives a stream the same bits alone and among others."""
    checkpoint = make_checkpoint(
        **any_kind,
        num_layers=2,
        hidden_size=37,
        embedding_size=37,
        num_networks=num_networks,
        scale=2.0,
    )
    network = Predictor(checkpoint.config, checkpoint.arrays)
    ids = np.random.default_rng(5).integers(checkpoint.config.vocab_size, size=(64, 12))

    def read(rows):
        state = network.initial_state(len(rows))
        steps = []
        for step in rows.T:
            logits, state = network.forward(step[:, None], state, rowwise_matmul)
            steps.append(logits[:, 0])
        return steps, state

    steps, state = read(ids)
    for part in (slice(0, 1), slice(9, 10), slice(40, 64), slice(63, 64)):
        some_steps, some_state = read(ids[part])
        np.testing.assert_array_equal(some_steps, [logits[part] for logits in steps])
        for arrays, others in zip(some_state, state, strict=True):
            for array, other in zip(arrays, others, strict=True):
                np.testing.assert_array_equal(array, other[part])


def test_both_products_give_one_network(make_checkpoint, any_kind):
    """Stepping with ``rowwise_matmul`` equals one window up to the rounding of float32."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2, hidden_size=37, embedding_size=37)
    network = Predictor(checkpoint.config, checkpoint.arrays)
    ids = np.random.default_rng(6).integers(checkpoint.config.vocab_size, size=(3, 12))
    at_once, _ = network.forward(ids, network.initial_state(3))
    state = network.initial_state(3)
    for t in range(12):
        logits, state = network.forward(ids[:, t : t + 1], state, rowwise_matmul)
        np.testing.assert_allclose(logits[:, 0], at_once[:, t], rtol=0, atol=2e-5)


@pytest.mark.parametrize("product", [batched_matmul, rowwise_matmul])
@pytest.mark.parametrize("num_rows", [1, 3])
def test_an_invalid_operation_of_blas_is_no_warning(product, num_rows):
    """A product that sets the flag on every machine stands for one that does on some."""
    rows, matrices = np.full((num_rows, 1, 1), np.inf), np.zeros((1, 1, 1))
    assert np.isnan(without_stray_flags(product)(rows, matrices)).all()


@pytest.mark.parametrize("name", ["embedding.weight", "output.weight"])
def test_no_product_of_a_network_warns(make_checkpoint, name):
    """Infinite weights set the flag in the products in advance, or in those of a step."""
    checkpoint = make_checkpoint("lstm")
    arrays = {**checkpoint.arrays, name: np.full_like(checkpoint.arrays[name], np.inf)}
    network = Predictor(checkpoint.config, arrays)
    logits, _ = network.each_forward(np.zeros((1, 2), np.int64), network.initial_state(1))
    assert np.isnan(logits).all()


@pytest.mark.parametrize("product", [batched_matmul, rowwise_matmul])
def test_a_product_that_is_too_large_warns(product):
    """Overflow still warns: it is wrong on every machine."""
    rows, matrices = np.full((1, 1, 1), 1e300), np.full((1, 1, 1), 1e300)
    with pytest.warns(RuntimeWarning, match="overflow"):
        without_stray_flags(product)(rows, matrices)
