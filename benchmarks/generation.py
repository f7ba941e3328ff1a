"""Sampling speed: one sample relative to torch and to memory bandwidth, and 64 samples in a batch.

    python benchmarks/generation.py [--chars 1000] [--rounds 5] [--json]

The models have random weights: an lstm of 2 x 256 units; two lstm networks of 256 units with
trigram embeddings, the default of a text of a million characters, without a memory, with one of
such a text, and with that one after a prompt of 2,000 characters; and a mingru of 4 x 128 units
with bigram embeddings. A prompt is read before the time counts. torch steps the same lstm one
character at a time (``nn.LSTM``, a linear layer, softmax and ``multinomial``), with 1 and 2
threads, with and without oneDNN; the fastest combination is the reference. Writers alternate.

The bandwidth bound is the time to copy an array as large as the weights that one character reads.
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn

from charrnn.generation.generator import MAX_PARALLEL, Generator, sample_rng
from charrnn.generation.params import SamplingParams, StopCriteria
from charrnn.memory.index import build_index
from charrnn.memory.memory import Memory
from charrnn.model.cells.spec import Array
from charrnn.model.config import ModelConfig, parameter_shapes
from charrnn.model.predictor import Predictor
from charrnn.text.vocabulary import Ids, Vocabulary

CHARACTERS = "".join(map(chr, range(32, 97)))  # 65, like tinyshakespeare
TEMPERATURE = 0.8

LSTM = {"cell": "lstm", "hidden_size": 256, "embedding_size": 256, "num_layers": 2}
BIGRAMS = {"cell": "mingru", "block": "residual", "ngrams": 2}
TWO = {"cell": "lstm", "hidden_size": 256, "embedding_size": 128, "num_layers": 1, "ngrams": 3}
MINGRU = {**BIGRAMS, "hidden_size": 128, "embedding_size": 128, "num_layers": 4}

Write = Callable[[], None]


def make_weights(config: ModelConfig) -> dict[str, Array]:
    """Return random weights in the range of torch's initial weights."""
    rng = np.random.default_rng(1)
    bound = config.hidden_size**-0.5
    shapes = parameter_shapes(config)
    return {n: rng.uniform(-bound, bound, s).astype(np.float32) for n, s in shapes.items()}


def make_text(num_words: int) -> Ids:
    """Return a random text with repeated words, of about five characters each."""
    rng = np.random.default_rng(1)
    words = [rng.integers(0, len(CHARACTERS), length) for length in rng.integers(2, 9, 5000)]
    text = np.concatenate([words[number % len(words)] for number in rng.zipf(1.2, num_words)])
    return text.astype(np.uint8)


def our_writer(
    config: ModelConfig, num_samples: int, num_chars: int, prompt: Ids, memory: Memory | None
) -> Write:
    """Return a function that draws samples of a given length."""
    generator = Generator(
        Predictor(config, make_weights(config)),
        Vocabulary(CHARACTERS),
        prompt,
        params=SamplingParams(temperature=TEMPERATURE),
        criteria=StopCriteria(length=num_chars),
        memory=memory,
    )

    def write() -> None:
        for _ in generator.write(lambda index: sample_rng(1, index), num_samples):
            pass

    return write


def torch_writer(config: ModelConfig, num_chars: int, num_threads: int, with_onednn: bool) -> Write:
    """Return a function that draws one sample of a given length with torch's layers."""
    weights = {name: torch.from_numpy(array) for name, array in make_weights(config).items()}
    embedding = nn.Embedding(config.vocab_size, config.embedding_size)
    layers = nn.LSTM(config.embedding_size, config.hidden_size, config.num_layers)
    output = nn.Linear(config.hidden_size, config.vocab_size)
    with torch.no_grad():
        embedding.weight.copy_(weights["embedding.weight"])
        for layer, name in itertools.product(range(config.num_layers), ["weight", "bias"]):
            for part in ("ih", "hh"):
                values = weights[f"layers.{layer}.{name}_{part}"]
                getattr(layers, f"{name}_{part}_l{layer}").copy_(values)
        output.weight.copy_(weights["output.weight"])
        output.bias.copy_(weights["output.bias"])

    def write() -> None:
        torch.set_num_threads(num_threads)
        ids, state, text = torch.zeros(1, dtype=torch.int64), None, []
        with torch.inference_mode(), torch.backends.mkldnn.flags(enabled=with_onednn):
            for _ in range(num_chars):
                hidden, state = layers(embedding(ids)[None], state)
                probs = torch.softmax(output(hidden[0]) / TEMPERATURE, dim=-1)
                ids = torch.multinomial(probs, 1)[0]
                text.append(CHARACTERS[int(ids)])

    return write


def weight_bytes(config: ModelConfig) -> int:
    """Return the bytes of the weights that an lstm reads per character.

    The first layer reads one row of a precomputed table instead of its input weights.
    """
    shapes = parameter_shapes(config)
    unread = {"embedding.weight", "layers.0.weight_ih", "layers.0.bias_ih"}
    row = shapes["layers.0.bias_ih"][0]
    return 4 * (row + sum(int(np.prod(s)) for name, s in shapes.items() if name not in unread))


def copy_rate(num_bytes: int) -> float:
    """Return the bytes per second at which an array is copied, best of 200."""
    source = np.ones(num_bytes // 4, np.float32)
    target = np.empty_like(source)
    times = []
    for _ in range(200):
        begin = time.perf_counter()
        np.copyto(target, source)
        times.append(time.perf_counter() - begin)
    return num_bytes / min(times)


def chars_per_second(writers: Mapping[str, tuple[Write, int]], chars: int, rounds: int):
    """Run the writers alternately; return the median characters per second of each.

    Args:
        writers: By name, a writer and its number of samples per batch.
        chars: Characters per sample.
        rounds: Rounds after one warm-up round.
    """
    rates: dict[str, list[float]] = {name: [] for name in writers}
    for number in range(rounds + 1):
        for name, (write, num_samples) in writers.items():
            begin = time.perf_counter()
            write()
            if number:
                rates[name].append(num_samples * chars / (time.perf_counter() - begin))
    return {name: statistics.median(values) for name, values in rates.items()}


def main() -> None:
    """Print a row per writer, then the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chars", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    lstm, two, mingru = (
        ModelConfig(vocab_size=len(CHARACTERS), **sizes)
        for sizes in (LSTM, {**TWO, "num_networks": 2}, MINGRU)
    )
    text = make_text(200_000)
    begin, prompt = Vocabulary(CHARACTERS).encode("A"), text[:2000]
    memory = Memory(Vocabulary(CHARACTERS), build_index(text, len(CHARACTERS)))
    writers = {}
    cases = {
        "lstm 2 x 256": (lstm, begin, None),
        "two networks": (two, begin, None),
        "with memory": (two, begin, memory),
        "after a prompt": (two, prompt, memory),
        "mingru 4 x 128": (mingru, begin, None),
    }
    for name, (config, read, remembered) in cases.items():
        for num_samples in (1, MAX_PARALLEL):
            write = our_writer(config, num_samples, arguments.chars, read, remembered)
            writers[f"{name}, {num_samples}"] = write, num_samples
    for threads, onednn in itertools.product([1, 2], [True, False]):
        name = f"torch, {threads} threads, oneDNN {'on' if onednn else 'off'}"
        writers[name] = torch_writer(lstm, arguments.chars, threads, onednn), 1
    rates = chars_per_second(writers, arguments.chars, arguments.rounds)
    best = max(rate for name, rate in rates.items() if name.startswith("torch"))
    one = rates["lstm 2 x 256, 1"]
    rate = copy_rate(weight_bytes(lstm))
    ratios = {
        "lstm, one sample / torch": one / best,
        "lstm, one sample / memory bandwidth": one * weight_bytes(lstm) / rate,
        "memory, one sample / without": rates["with memory, 1"] / rates["two networks, 1"],
        "memory, 64 samples / without": rates[f"with memory, {MAX_PARALLEL}"]
        / rates[f"two networks, {MAX_PARALLEL}"],
        "after a prompt, one sample / without": rates["after a prompt, 1"]
        / rates["two networks, 1"],
        "lstm, 64 samples / one": rates[f"lstm 2 x 256, {MAX_PARALLEL}"] / one,
        "mingru, 64 samples / one": rates[f"mingru 4 x 128, {MAX_PARALLEL}"]
        / rates["mingru 4 x 128, 1"],
    }
    if arguments.json:
        print(json.dumps({"chars_per_second": rates, "copy_rate": rate, "ratios": ratios}))
        return
    for name, value in rates.items():
        print(f"{name:36}{value:12,.0f} chars/s")
    print(f"{'copy':36}{rate / 1e9:12.1f} GB/s")
    for name, value in ratios.items():
        print(f"{name:36}{value:12.2f}")


if __name__ == "__main__":
    main()
