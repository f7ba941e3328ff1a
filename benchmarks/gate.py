"""Learns the gate of the memory on the validation texts of some runs, and tries it on others.

    python benchmarks/gate.py --learn RUN... [--try RUN...] [--out PATH] [--chars 100000]

The gate is learned on the validation text of each run, which its networks and its index have not
seen, as in use: while all of it is read, and, of runs without documents, as if parts of it were
written after a prompt, when the memory knows the prompt alone. Learn on texts of many kinds and try
it on others; ``docs/memory.md`` lists the texts behind the gate of the program. For each tried run,
the script prints the loss in nats per character: of the networks alone, with the gate as learned,
and with the gate that keeps learning.

``--out charrnn/memory/gate.safetensors`` makes it the gate of the program.
"""

import argparse
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

import charrnn
from charrnn.corpus.store import open_corpus
from charrnn.evaluation.reader import Reader
from charrnn.memory.evidence import Evidence
from charrnn.memory.expected import Expected, expect
from charrnn.memory.gate import FORMAT, NAMES, Gate
from charrnn.memory.memory import Memory
from charrnn.memory.text_memory import CHUNK_CHARS, LEARN_EVERY, TextMemory
from charrnn.storage.tensorfile import write_tensor_file

HIDDEN = 64
EPOCHS = 10
BATCH = 256
RATE = 3e-3

PART = 9000  # characters that are read or written anew; two thirds of them are the prompt

Data = tuple[np.ndarray, ...]
"""Of N predictions: features, which parts there are, what each gives the target, and the character
before."""


class Run:
    """A model, its validation text, and what its networks expect there."""

    def __init__(self, path: Path, max_chars: int) -> None:
        """Read the beginning of the validation text."""
        model, corpus = charrnn.load(path), open_corpus(path)
        self.memory = Memory(model.vocabulary, model.checkpoint.index)
        self.ids = corpus.val[:max_chars].astype(np.int64)
        self.numbers = np.zeros((3, len(self.ids)), np.float32)  # chosen, peak, entropy

        def take(places: np.ndarray, log_probs: np.ndarray) -> None:
            probs, peak, entropy = expect(log_probs)
            chosen = probs[np.arange(len(places)), self.ids[places]]
            self.numbers[:, places] = chosen, peak, entropy

        Reader(model.network, end_id=model.vocabulary.end_id).read(self.ids, take)

    def data(self) -> dict[str, Data]:
        """Return the data of reading and, without documents, of writing."""
        found = {"reading": self._join(self._read())}
        if self.memory.vocabulary.end_id is None:
            found["writing"] = self._join(self._write())
        return found

    def _read(self) -> Iterator[tuple[int, Evidence]]:
        """Read all; yield places and the evidence from there on."""
        begins = itertools.count(1, CHUNK_CHARS)
        yield from zip(begins, TextMemory(self.memory).read(self.ids), strict=False)

    def _write(self) -> Iterator[tuple[int, Evidence]]:
        """Read prompts, and write what follows each; yield places and the evidence there."""
        for begin in range(0, len(self.ids) - 1, PART):
            end = min(begin + PART, len(self.ids))
            middle = begin + 2 * (end - begin) // 3
            text = TextMemory(self.memory)
            deque(text.read(self.ids[begin:middle]), maxlen=0)
            streams = text.fork()
            state = streams.first_state
            for place in range(middle, end):
                evidence, state = streams.read(self.ids[place - 1 : place], state)
                yield place, evidence

    def _join(self, found: Iterable[tuple[int, Evidence]]) -> Data:
        """Return the data of evidence at some places."""
        parts = []
        for begin, evidence in found:
            places = slice(begin, begin + evidence.num)
            chosen, peak, entropy = self.numbers[:, places]
            features = evidence.features(Expected(chosen[:, None], peak, entropy))
            given = evidence.given(self.ids[places], chosen)
            parts.append((features, evidence.is_there, given, evidence.last))
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def learn(data: list[Data]) -> dict[str, np.ndarray]:
    """Return the weights of a gate that was learned on some texts together."""
    torch.manual_seed(0)
    columns = [np.concatenate(arrays) for arrays in zip(*data, strict=True)]
    features, is_there, given = (torch.from_numpy(column) for column in columns[:3])
    hidden, output = nn.Linear(features.shape[1], HIDDEN), nn.Linear(HIDDEN, given.shape[1])
    gate = nn.Sequential(hidden, nn.Tanh(), nn.Dropout(0.1), output)
    with torch.no_grad():  # begin with the networks, which are the first part
        output.weight.mul_(0.1)
        output.bias.fill_(-2.0)
        output.bias[0] = 1.5
    optimizer = torch.optim.AdamW(gate.parameters(), lr=RATE, weight_decay=1e-3)
    steps = EPOCHS * -(-len(features) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - 0.98 * step / steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(features)).split(BATCH):
            weights = gate(features[rows]).masked_fill(~is_there[rows], -torch.inf).softmax(1)
            loss = -((weights * given[rows]).sum(1) + 1e-9).log().mean()
            loss.backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    tensors = hidden.weight.T, hidden.bias, output.weight.T, output.bias
    arrays = [tensor.detach().numpy().copy() for tensor in tensors]
    return dict(zip(NAMES, arrays, strict=True))


def losses(gate: Gate, data: Data) -> tuple[float, float, float]:
    """Return the loss of the networks, of the gate as it is, and of the gate that learns."""
    features, is_there, given, last = data
    learning, nats = gate.learner(int(last.max()) + 1), np.zeros(3)
    for begin in range(0, len(given), LEARN_EVERY):
        rows = slice(begin, begin + LEARN_EVERY)
        nats[0] -= np.log(given[rows, 0]).sum()
        seen = features[rows], is_there[rows], last[rows]
        weights = gate.weigh(*seen), learning.weigh_and_learn(*seen, given[rows])
        for number, each in enumerate(weights, start=1):
            nats[number] -= np.log((each * given[rows]).sum(axis=1)).sum()
    networks, fixed, learned = (nats / len(given)).tolist()
    return networks, fixed, learned


def main() -> None:
    """Learn, print a row for each tried run, and write the gate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learn", nargs="+", type=Path, required=True)
    parser.add_argument("--try", nargs="*", type=Path, default=[], dest="tried")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--chars", type=int, default=100_000)
    arguments = parser.parse_args()
    found = [Run(path, arguments.chars).data() for path in arguments.learn]
    arrays = learn([data for each in found for data in each.values()])
    for path in arguments.tried:
        for name, data in Run(path, arguments.chars).data().items():
            networks, fixed, learned = losses(Gate(arrays), data)
            line = f"networks {networks:.4f}  gate {fixed:.4f}  learning {learned:.4f}"
            print(f"{path.name:16} {name}  {line}", flush=True)
    if arguments.out is not None:
        write_tensor_file(arguments.out, FORMAT, {}, arrays)


if __name__ == "__main__":
    main()
