"""Learns the gate of the memory on the validation texts of some runs, and tries it on others.

    python benchmarks/gate.py --learn RUN... [--try RUN...] [--out PATH] [--chars 100000]

The gate is learned on the validation text of each run, which its networks and its index have not
seen, as in use. Learn on texts of many kinds and try it on others; ``docs/memory.md`` lists the
texts behind the gate of the program. For each tried run, the script prints the loss in nats per
character: of the networks alone, with the gate as learned, and with the gate that keeps learning.

``--out charrnn/memory/gate.safetensors`` makes it the gate of the program.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

import charrnn
from charrnn.corpus.store import open_corpus
from charrnn.evaluation.reader import Reader
from charrnn.memory.expected import Expected, expect
from charrnn.memory.gate import FORMAT, NAMES, Gate
from charrnn.memory.memory import Memory
from charrnn.memory.text_memory import LEARN_EVERY, TextMemory
from charrnn.storage.tensorfile import write_tensor_file

HIDDEN = 64
EPOCHS = 10
BATCH = 256
RATE = 3e-3

Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def evidence_of(run: Path, max_chars: int) -> Data:
    """Return features, which parts exist, what each gives the target, and the last characters."""
    model, corpus = charrnn.load(run), open_corpus(run)
    ids = corpus.val[:max_chars].astype(np.int64)
    numbers = np.zeros((3, len(ids)), np.float32)  # of the networks: chosen, peak, entropy

    def take(places: np.ndarray, logits: np.ndarray) -> None:
        probs, peak, entropy = expect(logits)
        chosen = probs[np.arange(len(places)), ids[places]]
        numbers[:, places] = chosen, peak, entropy

    Reader(model.network, end_id=model.vocabulary.end_id).read(ids, take)
    parts, begin = [], 1
    for evidence in TextMemory(Memory(model.vocabulary, model.checkpoint.index)).read(ids):
        end = begin + evidence.num
        chosen, peak, entropy = numbers[:, begin:end]
        features = evidence.features(Expected(chosen[:, None], peak, entropy))
        parts.append((features, evidence.is_there, evidence.given(ids[begin:end], chosen)))
        begin = end
    features, is_there, given = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return features, is_there, given, ids[:-1]


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
        for number, each in ((1, gate), (2, learning)):
            weights = each.weigh(features[rows], is_there[rows], last[rows])
            nats[number] -= np.log((weights * given[rows]).sum(axis=1)).sum()
        learning.learn(features[rows], is_there[rows], last[rows], given[rows])
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
    arrays = learn([evidence_of(run, arguments.chars) for run in arguments.learn])
    for run in arguments.tried:
        networks, fixed, learned = losses(Gate(arrays), evidence_of(run, arguments.chars))
        print(f"{run.name:16} networks {networks:.4f}  gate {fixed:.4f}  learning {learned:.4f}")
    if arguments.out is not None:
        write_tensor_file(arguments.out, FORMAT, {}, arrays)


if __name__ == "__main__":
    main()
