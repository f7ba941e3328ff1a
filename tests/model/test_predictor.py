"""The NumPy network, against torch, against equations for single numbers, and against laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from charrnn.model.predictor import Predictor
from charrnn.training.nn.network import TrainableNetwork

NUM_STREAMS, NUM_STEPS = 3, 200
SIZES = {"hidden_size": 16, "embedding_size": 6}

# 200 steps, relative to the largest value. A weight of float32 is known to 6e-8, and the two sides
# add up their products in different orders; in float64 the same is 1.1e-16 times about a thousand.
TOLERANCES = {np.float32: 2e-6, np.float64: 1e-13}


@pytest.fixture(autouse=True)
def one_thread():
    """Compute tiny torch products in one thread; several would mostly wait."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


def some_ids(checkpoint, num_steps=NUM_STEPS, num_streams=NUM_STREAMS):
    """Return random ids of a model's vocabulary, shape (B, T)."""
    rng = np.random.default_rng(11)
    return rng.integers(0, checkpoint.config.vocab_size, (num_streams, num_steps))


def build_torch_modules(checkpoint, dtype):
    """Return torch's own embedding, recurrent and linear modules with the weights of a model."""
    config = checkpoint.config
    kinds = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
    options = {"nonlinearity": config.nonlinearity} if config.cell == "rnn" else {}
    recurrent = kinds[config.cell](
        config.embedding_size,
        config.hidden_size,
        config.num_layers,
        batch_first=True,
        dtype=dtype,
        **options,
    )
    tensors = {name: torch.from_numpy(array) for name, array in checkpoint.arrays.items()}
    weights = {}
    for name, tensor in tensors.items():
        if name.startswith("layers."):
            _, layer, weight = name.split(".")
            weights[f"{weight}_l{layer}"] = tensor
    recurrent.load_state_dict(weights)
    embedding = torch.nn.Embedding.from_pretrained(tensors["embedding.weight"])
    output = torch.nn.Linear(config.hidden_size, config.vocab_size, dtype=dtype)
    output.load_state_dict({"weight": tensors["output.weight"], "bias": tensors["output.bias"]})
    return embedding, recurrent, output


def arrays_of(state):
    """Return copies of the arrays of a state, in order."""
    return [array.copy() for part in state for array in part]


def assert_near(actual, expected, tolerance):
    """Compare two arrays relative to the largest value."""
    scale = float(np.abs(expected).max())
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_logits_and_state_are_those_of_torch(make_checkpoint, kind, num_layers, dtype):
    """Over 200 steps the network computes what torch's own modules compute."""
    checkpoint = make_checkpoint(**kind, **SIZES, num_layers=num_layers, dtype=dtype)
    ids = some_ids(checkpoint)
    embedding, recurrent, output = build_torch_modules(
        checkpoint, torch.float32 if dtype is np.float32 else torch.float64
    )
    with torch.no_grad():
        hidden, last = recurrent(embedding(torch.from_numpy(ids)))
        expected = output(hidden).numpy()
    network = Predictor(checkpoint.config, checkpoint.arrays)
    (logits,), state = network.each_forward(ids, network.initial_state(NUM_STREAMS))
    assert logits.dtype == dtype
    assert_near(logits, expected, TOLERANCES[dtype])
    last = last if isinstance(last, tuple) else (last,)
    for layer in range(num_layers):
        for ours, theirs in zip(state[layer - num_layers], last, strict=True):
            assert_near(ours[:, 0], theirs[layer].numpy(), TOLERANCES[dtype])


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_the_trainable_network_is_its_twin(make_checkpoint, any_kind, num_layers, dtype):
    """The network that trains and the network that runs give the same logits for equal weights."""
    checkpoint = make_checkpoint(**any_kind, **SIZES, num_layers=num_layers, dtype=dtype)
    ids = some_ids(checkpoint)
    trainable = TrainableNetwork(checkpoint.config, dropout=0.5, generator=torch.Generator())
    trainable = trainable.eval().to(torch.float32 if dtype is np.float32 else torch.float64)
    trainable.load_arrays(dict(checkpoint.arrays))
    with torch.no_grad():
        expected, _ = trainable(torch.from_numpy(ids), trainable.initial_state(NUM_STREAMS))
    network = Predictor(checkpoint.config, checkpoint.arrays)
    (logits,), _ = network.each_forward(ids, network.initial_state(NUM_STREAMS))
    assert_near(logits, expected.numpy(), TOLERANCES[dtype])


def logistic(x):
    """Return the logistic function of a number."""
    return 1 / (1 + math.exp(-x))


def derive_logits(checkpoint, ids):
    """Return the logits after each id, shape (T, V), computed with Python's numbers."""
    config, arrays = checkpoint.config, checkpoint.arrays
    units = range(config.hidden_size)

    def product(name, row, bias, vector):
        terms = (float(w) * x for w, x in zip(arrays[name][row], vector, strict=True))
        return sum(terms) + float(arrays[bias][row])

    h = [[0.0] * config.hidden_size for _ in range(config.num_layers)]
    c = [[0.0] * config.hidden_size for _ in range(config.num_layers)]
    logits = []
    for character in ids:
        x = [float(value) for value in arrays["embedding.weight"][character]]
        for layer in range(config.num_layers):
            prefix = f"layers.{layer}."
            old = h[layer]

            def from_input(block, unit, x=x, prefix=prefix):
                row = block * config.hidden_size + unit
                return product(prefix + "weight_ih", row, prefix + "bias_ih", x)

            def from_state(block, unit, old=old, prefix=prefix):
                row = block * config.hidden_size + unit
                return product(prefix + "weight_hh", row, prefix + "bias_hh", old)

            new = []
            for unit in units:
                if config.cell == "rnn":
                    total = from_input(0, unit) + from_state(0, unit)
                    new.append(math.tanh(total) if config.nonlinearity == "tanh" else max(0, total))
                elif config.cell == "lstm":
                    i, f, g, o = (from_input(b, unit) + from_state(b, unit) for b in range(4))
                    kept = logistic(f) * c[layer][unit]
                    c[layer][unit] = kept + logistic(i) * math.tanh(g)
                    new.append(logistic(o) * math.tanh(c[layer][unit]))
                else:
                    r = logistic(from_input(0, unit) + from_state(0, unit))
                    z = logistic(from_input(1, unit) + from_state(1, unit))
                    n = math.tanh(from_input(2, unit) + r * from_state(2, unit))
                    new.append((1 - z) * n + z * old[unit])
            h[layer] = x = new
        rows = range(config.vocab_size)
        logits.append([product("output.weight", row, "output.bias", x) for row in rows])
    return np.array(logits)


def test_logits_follow_the_equations_number_by_number(make_checkpoint, kind):
    """The published equations, evaluated for single numbers, give the network's logits."""
    checkpoint = make_checkpoint(
        **kind, num_layers=2, hidden_size=2, embedding_size=3, scale=2.0, dtype=np.float64
    )
    ids = some_ids(checkpoint, num_steps=6, num_streams=1)
    network = Predictor(checkpoint.config, checkpoint.arrays)
    (logits,), _ = network.each_forward(ids, network.initial_state(1))
    # Some tens of roundings of float64, 1.1e-16 each.
    assert_near(logits[0], derive_logits(checkpoint, ids[0]), 1e-14)


def test_predictions_are_log_probabilities(make_checkpoint, any_kind):
    """They are the logits less what makes the probabilities add up to one."""
    checkpoint = make_checkpoint(**any_kind, scale=2.0, dtype=np.float64)
    ids = some_ids(checkpoint)
    network = Predictor(checkpoint.config, checkpoint.arrays)
    (logits,), _ = network.each_forward(ids, network.initial_state(NUM_STREAMS))
    log_probs, _ = network.forward(ids, network.initial_state(NUM_STREAMS))
    expected = torch.from_numpy(logits).log_softmax(-1).numpy()
    np.testing.assert_allclose(log_probs, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cuts", [[1], [7, 8, 20], [39]], ids=str)
def test_windows_with_carried_state_are_one_window(make_checkpoint, any_kind, cuts):
    """One call over T steps equals several calls that pass the state on."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2, dtype=np.float64)
    ids = some_ids(checkpoint, num_steps=40)
    network = Predictor(checkpoint.config, checkpoint.arrays)
    whole, last = network.forward(ids, network.initial_state(NUM_STREAMS))
    state = network.initial_state(NUM_STREAMS)
    parts = []
    for part in np.split(ids, cuts, axis=1):
        logits, state = network.forward(part, state)
        parts.append(logits)
    # The same products, but the matrix library may add them up in another order.
    assert_near(np.concatenate(parts, axis=1), whole, 1e-14)
    for carried, expected in zip(arrays_of(state), arrays_of(last), strict=True):
        np.testing.assert_allclose(carried, expected, rtol=0, atol=1e-14)


def test_step_is_a_window_of_one(make_checkpoint, any_kind):
    """Reading character by character gives what reading a window gives."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2, dtype=np.float64)
    ids = some_ids(checkpoint, num_steps=9)
    network = Predictor(checkpoint.config, checkpoint.arrays)
    whole, _ = network.forward(ids, network.initial_state(NUM_STREAMS))
    state = network.initial_state(NUM_STREAMS)
    for t in range(9):
        logits, state = network.forward(ids[:, t : t + 1], state)
        assert_near(logits[:, 0], whole[:, t], 1e-14)  # sums in another order, as above


def test_streams_do_not_see_each_other(make_checkpoint, any_kind):
    """A batch of B streams equals B single runs."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2, dtype=np.float64)
    ids = some_ids(checkpoint, num_steps=30)
    network = Predictor(checkpoint.config, checkpoint.arrays)
    batched_matmul, _ = network.forward(ids, network.initial_state(NUM_STREAMS))
    for stream in range(NUM_STREAMS):
        alone, _ = network.forward(ids[stream : stream + 1], network.initial_state(1))
        # A product of matrices and one of a vector add up in different orders.
        assert_near(batched_matmul[stream], alone[0], 1e-13)


@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("num_streams", [1, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_text_starts_from_zeros(make_checkpoint, kind, num_layers, num_streams, dtype):
    """The initial state is zeros of shape (B, N, H) for each layer, and a second for the LSTM."""
    checkpoint = make_checkpoint(**kind, num_layers=num_layers, hidden_size=7, dtype=dtype)
    state = Predictor(checkpoint.config, checkpoint.arrays).initial_state(num_streams)
    for layer in state[-num_layers:]:
        assert len(layer) == (2 if kind["cell"] == "lstm" else 1)
        for array in layer:
            assert array.shape == (num_streams, 1, 7)
            assert array.dtype == dtype
    assert not any(array.any() for array in arrays_of(state))


def test_forward_leaves_the_state_it_is_given(make_checkpoint, any_kind):
    """Reading a window does not change the state before it, so a text can branch."""
    checkpoint = make_checkpoint(**any_kind, num_layers=2)
    ids = some_ids(checkpoint, num_steps=5)
    network = Predictor(checkpoint.config, checkpoint.arrays)
    _, state = network.forward(ids, network.initial_state(NUM_STREAMS))
    before = arrays_of(state)
    first, _ = network.forward(ids, state)
    second, _ = network.forward(ids, state)
    np.testing.assert_array_equal(first, second)
    for array, kept in zip(arrays_of(state), before, strict=True):
        np.testing.assert_array_equal(array, kept)
