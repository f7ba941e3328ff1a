"""The processes that ``torchrun`` started for one run, on one machine or several.

Everything goes through torch.distributed: NCCL for tensors on GPUs, Gloo for the rest. Before each
call the leader says in one small sum what comes next, and hears whether a process received a
signal. So no process decides anything by a clock of its own, and all stay in step.

If a process is lost, the others fail, at once or after ``TIMEOUT``. They save nothing on that path:
the files saved before are intact, and the next start resumes from them.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

from charrnn.errors import TrainingError
from charrnn.training.processes.peers import Alone, Arrays

TIMEOUT = 600.0  # seconds that a process may keep the others waiting in training
POLL_SECONDS = 0.05
CALLS = (
    "end", "advance", "take_nats", "validate", "to_arrays", "take_weights", "state_arrays",
    "load_state_arrays",
)  # fmt: skip


class Group(Alone):
    """Several processes."""

    def __init__(self) -> None:
        """Join the others; ``torchrun`` says in the environment where they are."""
        self.rank = int(os.environ["RANK"])
        self.size = int(os.environ["WORLD_SIZE"])
        self.device = int(os.environ["LOCAL_RANK"])
        restarts = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        is_host = self.rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        timeout = timedelta(seconds=TIMEOUT)
        with _one_line_if_lost():
            self._store = TCPStore(
                address, port, is_master=is_host, timeout=timeout, wait_for_workers=False
            )
            self._attempt = PrefixStore(f"charrnn/{restarts}", self._store)
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
                store=self._attempt,
                rank=self.rank,
                world_size=self.size,
                timeout=timeout,
            )
        self.is_restart = restarts != "0"

    def say(self, name: str, value: Any, *, for_restarts: bool = False) -> None:
        """Publish a JSON value for all processes; see ``Alone``."""
        store = self._store if for_restarts else self._attempt
        with _one_line_if_lost():
            store.set(f"charrnn {name}", json.dumps(value))

    def hear(self, name: str) -> Any:
        """Return a published value; wait for it as long as necessary."""
        with _one_line_if_lost():
            while not self._attempt.check([f"charrnn {name}"]):
                time.sleep(POLL_SECONDS)  # in Python, so that a signal is noticed
            return json.loads(self._attempt.get(f"charrnn {name}"))

    def heard_before(self, name: str) -> Any:
        """Return a value that an earlier attempt published for restarts, or None."""
        key = f"charrnn {name}"
        return json.loads(self._store.get(key)) if self._store.check([key]) else None

    def call(self, name: str, value: float = 0.0) -> None:
        """Let the followers make a call; see ``Alone``."""
        if self.rank == 0:
            self._exchange(CALLS.index(name), value, 0)

    def next_call(self, signal: int | None) -> tuple[str, float]:
        """Wait for the leader, tell it of a signal, and return its next call and the value."""
        number, value = self._exchange(0, 0.0, signal or 0)
        return CALLS[int(number)], value

    def _exchange(self, number: int, value: float, signal: int) -> tuple[float, float]:
        """Sum a table with a row from each process; return what the leader put into its row."""
        # In float32 the learning rate of a follower would be another than the leader's.
        table = torch.zeros((self.size, 3), dtype=torch.float64)
        table[self.rank] = torch.tensor([number, value, signal], dtype=torch.float64)
        self.add(table)
        self.signal = int(table[:, 2].max()) or None
        return float(table[0, 0]), float(table[0, 1])

    def add(self, tensor: Tensor) -> None:
        """Sum over all processes; see ``Alone``."""
        with _one_line_if_lost():
            dist.all_reduce(tensor)

    def collect(self, arrays: Arrays) -> list[Arrays]:
        """Return the arrays of all processes; see ``Alone``."""
        with _one_line_if_lost():
            if self.rank:
                for part in _packed(arrays):
                    dist.send(part, 0)
                return []
            others = []
            for rank in range(1, self.size):
                sizes = torch.zeros(2, dtype=torch.int64)
                dist.recv(sizes, rank)
                parts = [torch.empty(int(size), dtype=torch.uint8) for size in sizes]
                for part in parts:
                    dist.recv(part, rank)
                others.append(_unpacked(*parts))
        return [arrays, *others]

    def spread(self, arrays: Arrays) -> Arrays:
        """Return the arrays of the leader; see ``Alone``."""
        with _one_line_if_lost():
            if self.rank == 0:
                for part in _packed(arrays):
                    dist.broadcast(part, 0)
                return arrays
            sizes = torch.zeros(2, dtype=torch.int64)
            dist.broadcast(sizes, 0)
            parts = [torch.empty(int(size), dtype=torch.uint8) for size in sizes]
            for part in parts:
                dist.broadcast(part, 0)
        return _unpacked(*parts)

    @contextlib.contextmanager
    def leading(self) -> Iterator[None]:
        """Lead the others for a block; they end with it, and fail if it raises anything.

        After an error nothing is done together any more: who knows where the others are? They
        notice that this process is gone, and find here that it has said why.
        """
        try:
            yield
        except BaseException:
            with contextlib.suppress(RuntimeError, TrainingError):
                self.say("end", True)
                self._let_go()
            raise
        self.say("end", False)
        if not self._let_go():
            self.call("end")

    def _let_go(self) -> bool:
        """Let go of followers that wait for a run that never began; return whether they did."""
        if self._attempt.check(["charrnn run"]):
            return False
        self.say("run", None)
        return True

    def has_failed(self) -> bool:
        """Return whether the leader has said that it failed."""
        with contextlib.suppress(RuntimeError, TrainingError):
            return self._attempt.check(["charrnn end"]) and bool(self.hear("end"))
        return False

    def leave(self) -> None:
        """Leave the others, after the last operation with them."""
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()


@contextlib.contextmanager
def _one_line_if_lost() -> Iterator[None]:
    """Turn what torch raises if a process is gone into an error that says what to do."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise TrainingError(
            f"another process of this run was lost or does not respond ({reason}); the saved state "
            "is intact; to continue, restart all processes with --resume"
        ) from None


def _packed(arrays: Arrays) -> list[Tensor]:
    """Return arrays as three tensors: the sizes of the others, names and shapes, and bytes."""
    about = [(name, each.dtype.str, each.shape) for name, each in arrays.items()]
    header = np.frombuffer(json.dumps(about).encode(), np.uint8)
    flat = [np.ascontiguousarray(each).reshape(-1).view(np.uint8) for each in arrays.values()]
    body = np.concatenate(flat) if flat else np.zeros(0, np.uint8)
    sizes = torch.tensor([header.size, body.size])
    return [sizes, torch.from_numpy(header.copy()), torch.from_numpy(body)]


def _unpacked(header: Tensor, body: Tensor) -> Arrays:
    """Return the arrays that ``_packed`` was given."""
    arrays, data = {}, body.numpy()
    begin = 0
    for name, dtype, shape in json.loads(header.numpy().tobytes()):
        end = begin + int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        arrays[name] = data[begin:end].copy().view(dtype).reshape(shape)
        begin = end
    return arrays
