"""A text through a network: the prediction of every character, in parts that run side by side.

A recurrent network reads one character after another, so one stream of text cannot use a machine
that multiplies matrices. The text is therefore cut at every ``PART_CHARS`` characters. The first
part begins with a fresh state; every other one first reads the ``WARM_UP_CHARS`` characters before
it. Parts are computed together, and in several threads, as far as the text has arrived.

Where the text is cut does not depend on how it arrives: a slow pipe, a fast one and a file give the
same numbers. Nothing is kept but what the next part needs, so a text may go on without an end.

Sizes: B streams, T time steps, V vocabulary, N characters.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from charrnn.model.cells import Array
from charrnn.model.network import Network, State
from charrnn.text.streams import WARM_UP_CHARS
from charrnn.text.vocabulary import Ids

PART_CHARS = 2048
SEQ_LENGTH = 32  # arrays of 32 streams of it stay in the processor's cache
MAX_WINDOW_LOGITS = 1 << 22  # of a window, 16 MB
MIN_STREAMS = 8  # fewer are not worth a thread of their own

Places = npt.NDArray[np.intp]
Take = Callable[[Places, Array], None]
"""Takes places of a text, shape (n,), and the logits of the characters there, shape (n, V)."""


class Predictor(Protocol):
    """Whatever reads a text and says before each character what it expects."""

    def read(self, ids: Ids, take: Take) -> None:
        """Read on in a text.

        Args:
            ids: What comes next, shape (N,).
            take: Called with each place of it once, in any order and from any thread; the first
                character of the text is given, not predicted.
        """


@dataclass(frozen=True)
class _Part:
    """A stretch of inputs; places count from the start of the text.

    Attributes:
        begin: The first input whose prediction counts.
        end: After the last one.
        state: Before ``begin``; None where the part is to be warmed up.
    """

    begin: int
    end: int
    state: State | None


class Reader:
    """Reads a text with a network; see ``Predictor``.

    The input at place p predicts the character at p + 1, so the last character that was read is an
    input only when the next one has arrived.
    """

    def __init__(self, network: Network, *, part_chars: int | None = PART_CHARS) -> None:
        """Begin a text.

        Args:
            network: The model.
            part_chars: Length of the parts; None reads the text as one stream, which is exact.
        """
        if part_chars is not None and part_chars < WARM_UP_CHARS:
            raise ValueError(f"parts of {part_chars} characters are shorter than their warm-up")
        self._network = network
        self._part_chars = part_chars
        self._state: State | None = network.initial_state(1)
        self._known = np.zeros(0, np.int64)  # the end of what was read
        self._known_from = 0  # the place where that begins

    def read(self, ids: Ids, take: Take) -> None:
        """Read on in a text; see ``Predictor``."""
        place = self._known_from + len(self._known)  # of the first of the new ids
        self._known = np.concatenate([self._known, ids.astype(np.int64)])
        begin, end = max(place - 1, 0), self._known_from + len(self._known) - 1
        if begin < end:
            parts = self._cut(begin, end)
            count = max(1, min(_num_threads(), len(parts) // MIN_STREAMS))
            groups = [
                parts[i * len(parts) // count : (i + 1) * len(parts) // count] for i in range(count)
            ]

            def run(group: list[_Part]) -> State:
                return self._run(group, lambda places, logits: take(places - place, logits))

            if count == 1:
                self._state = run(parts)
            else:
                with ThreadPoolExecutor(count) as threads:
                    self._state = list(threads.map(run, groups))[-1]
        self._known_from = max(self._known_from, end + 1 - (WARM_UP_CHARS + 1))
        self._known = self._known[len(self._known) - (end + 1 - self._known_from) :]

    def _cut(self, begin: int, end: int) -> list[_Part]:
        """Return the parts of new inputs; the first goes on where the text was left."""
        length = self._part_chars
        if length is None:
            return [_Part(begin, end, self._state)]
        borders = [begin, *range((begin // length + 1) * length, end, length), end]
        is_inside = begin % length > 0 or begin == 0
        states = [self._state if is_inside else None] + [None] * (len(borders) - 2)
        return [
            _Part(a, b, state)
            for a, b, state in zip(borders[:-1], borders[1:], states, strict=True)
        ]

    def _run(self, parts: list[_Part], take: Take) -> State:
        """Run parts side by side and return the state after the last of them."""
        begins = np.array([part.begin for part in parts])
        lengths = np.array([part.end for part in parts]) - begins
        state = self._begin(parts)
        seq_length = self._seq_length(len(parts))
        # The last part may be cut short by the end of what has arrived: its state is taken there.
        borders = np.union1d(
            np.arange(0, lengths.max(), seq_length), lengths[[-1, lengths.argmax()]]
        )
        last_state = state
        for start, stop in zip(borders[:-1], borders[1:], strict=True):
            is_running = lengths > start
            if not is_running.all():
                state = _rows(state, is_running)
                begins, lengths = begins[is_running], lengths[is_running]
            steps = np.arange(start, stop)
            places = begins[:, None] + steps  # (B, T)
            is_inside = steps < lengths[:, None]
            logits, state = self._network.forward(self._ids_at(places), state)
            if is_inside.all():
                take(places.ravel() + 1, logits.reshape(-1, logits.shape[-1]))
            else:
                take(places[is_inside] + 1, logits[is_inside])
            if stop == parts[-1].end - parts[-1].begin:
                last_state = _rows(state, np.arange(len(begins)) == len(begins) - 1)
        return last_state

    def _begin(self, parts: list[_Part]) -> State:
        """Return the state before each of the parts, warmed up where it is not known."""
        cold = np.array([part.begin for part in parts if part.state is None], dtype=np.intp)
        states = [part.state for part in parts if part.state is not None]
        if len(cold):
            state = self._network.initial_state(len(cold))
            seq_length = self._seq_length(len(cold))
            for start in range(-WARM_UP_CHARS, 0, seq_length):
                steps = np.arange(start, min(start + seq_length, 0))
                _, state = self._network.forward(self._ids_at(cold[:, None] + steps), state)
            states.append(state)
        return _stack(states)

    def _ids_at(self, places: Places) -> Ids:
        """Return the ids at places; beyond the end of what is known, any."""
        return self._known[np.minimum(places - self._known_from, len(self._known) - 1)]

    def _seq_length(self, num_streams: int) -> int:
        """Return the length of windows, shorter where the vocabulary is large."""
        return max(
            1, min(SEQ_LENGTH, MAX_WINDOW_LOGITS // (self._network.config.vocab_size * num_streams))
        )


def _rows(state: State, wanted: npt.NDArray[np.bool_]) -> State:
    """Return the state of some of the streams."""
    return tuple(tuple(array[wanted] for array in part) for part in state)


def _stack(states: Iterable[State]) -> State:
    """Return the states of several groups of streams as one."""
    return tuple(
        tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        for parts in zip(*states, strict=True)
    )


def _num_threads() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
