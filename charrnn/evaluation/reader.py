"""Run a network over a text and predict every character, in parts that are computed together.

A recurrent network reads one character after another, so a single stream cannot use the matrix
units of a processor. The text is therefore cut every ``PART_CHARS`` characters. The first part
starts from a fresh state; each other part first reads the ``WARM_UP_CHARS`` characters before it.
All parts that have arrived are computed together, in several threads.

The cuts do not depend on how the text arrives: a slow pipe, a fast pipe and a file give the same
numbers. Only what the next part needs is kept, so memory is bounded for texts of any length.

Sizes: B streams, T time steps, V vocabulary, N characters.
"""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn.corpus.streams import WARM_UP_CHARS
from charrnn.memory.memory import Memory
from charrnn.memory.text_memory import TextMemory
from charrnn.model.cells.spec import Array
from charrnn.model.predictor import Predictor, State
from charrnn.processors import num_processors
from charrnn.text.vocabulary import Ids

PART_CHARS = 2048
SEQ_LENGTH = 32  # arrays of 32 streams fit in the processor's cache
MAX_WINDOW_LOGITS = 1 << 22  # logits of a window, of all networks: 16 MB
MAX_STREAMS = 64
MIN_STREAMS = 8  # fewer do not pay for a thread

Places = npt.NDArray[np.intp]
Take = Callable[[Places, Array], None]
"""Takes places in a text, shape (n,), and the log-probabilities there, shape (n, V)."""


@dataclass(frozen=True)
class _Part:
    """A stretch of inputs; places count from the start of the text.

    Attributes:
        begin: The first input whose prediction counts.
        end: One past the last input.
        state: The state before ``begin``; None if the part needs a warm-up.
    """

    begin: int
    end: int
    state: State | None

    @property
    def length(self) -> int:
        """The number of predictions."""
        return self.end - self.begin


class Reader:
    """Reads a text with a network and predicts each character.

    The input at place p predicts the character at p + 1, so the last character becomes an input
    only when the next one arrives.

    Attributes:
        network: What reads.
        memory: What is remembered of the text; its predictions are mixed in by ``measure``.
    """

    def __init__(
        self,
        network: Predictor,
        *,
        end_id: int | None = None,
        part_chars: int | None = PART_CHARS,
        memory: Memory | None = None,
    ) -> None:
        """Start a text.

        A text of documents starts with the end symbol, and each document is read from a fresh
        state. With None for the length of the parts, the text, or each document, is one stream:
        exact but slow.
        """
        if part_chars is not None and part_chars < WARM_UP_CHARS:
            raise ValueError(f"parts of {part_chars} characters are shorter than their warm-up")
        self.network = network
        self.memory = None if memory is None else TextMemory(memory)
        self._end_id = end_id
        self._part_chars = part_chars
        self._fresh = network.initial_state(1)
        self._state = self._fresh  # before the last character read
        self._text_from = 0  # start of the text or of the current document
        self._known = np.zeros(0, np.int64)  # the last characters read
        self._known_from = 0  # the place of the first one

    def read(self, ids: Ids, take: Take) -> None:
        """Read the next N characters of the text.

        ``take`` is called with each of their places once, in any order and from any thread. The
        first character of the text is given, not predicted.
        """
        place = self._known_from + len(self._known)  # of the first new character
        self._known = np.concatenate([self._known, ids.astype(np.int64)])
        begin, end = max(place - 1, 0), place + len(ids) - 1
        if begin < end:
            parts = self._cut(begin, end)

            def run(group: list[_Part]) -> State | None:
                return self._run(
                    group, parts[-1], lambda at, log_probs: take(at - place, log_probs)
                )

            groups = _group(parts)
            with ThreadPoolExecutor(num_processors()) as threads:  # it starts none for one group
                states = list(map(run, groups) if len(groups) == 1 else threads.map(run, groups))
            self._state = next(state for state in states if state is not None)
        self._known_from = max(self._known_from, place + len(ids) - (WARM_UP_CHARS + 1))
        self._known = self._known[-(WARM_UP_CHARS + 1) :]

    def _cut(self, begin: int, end: int) -> list[_Part]:
        """Cut new inputs into parts; the first part continues from the current state."""
        inputs = self._known[begin - self._known_from : end - self._known_from]
        is_start = inputs == (-1 if self._end_id is None else self._end_id)
        starts = (begin + np.flatnonzero(is_start)).tolist()
        parts: list[_Part] = []
        for start in [*starts, end]:
            if start > begin:
                parts += self._cut_text(begin, start, self._state if not parts else None)
                begin = start
            self._text_from = begin if start < end else self._text_from
        return parts

    def _cut_text(self, begin: int, end: int, state: State | None) -> list[_Part]:
        """Cut inputs that lie within one document; ``state`` is the one before them, if known."""
        length = self._part_chars or end
        offset = begin - self._text_from
        next_cut = begin + length - offset % length
        borders = [begin, *range(next_cut, end, length), end]
        first = self._fresh if offset == 0 else state if offset % length else None
        states = [first] + [None] * (len(borders) - 2)
        stretches = zip(itertools.pairwise(borders), states, strict=True)
        return [_Part(a, b, state) for (a, b), state in stretches]

    def _run(self, parts: list[_Part], last: _Part, take: Take) -> State | None:
        """Run parts, longest first, together; return the state after ``last`` if it is a part."""
        begins = np.array([part.begin for part in parts])
        lengths = np.array([part.length for part in parts])
        state = self._begin(parts)
        last_state = None
        row = next((row for row, part in enumerate(parts) if part is last), None)
        start = 0
        while start < lengths[0]:
            num_running = int(np.searchsorted(-lengths, -start))  # parts longer than ``start``
            if num_running < len(begins):
                state = _rows(state, slice(num_running))
                begins, lengths = begins[:num_running], lengths[:num_running]
            stop = min(start + self._seq_length(num_running), int(lengths[0]))
            if row is not None and start < last.length:
                stop = min(stop, last.length)  # stop there to save its state
            steps = np.arange(start, stop)
            places = begins[:, None] + steps  # (B, T)
            log_probs, state = self.network.forward(self._ids_at(places), state)
            is_inside = steps < lengths[:, None]
            if is_inside.all():
                take(places.ravel() + 1, log_probs.reshape(-1, log_probs.shape[-1]))
            else:
                take(places[is_inside] + 1, log_probs[is_inside])
            if row is not None and stop == last.length:
                last_state = _rows(state, slice(row, row + 1))
            start = stop
        return last_state

    def _begin(self, parts: list[_Part]) -> State:
        """Return the state before each part; warm up the parts that lack one."""
        cold = [row for row, part in enumerate(parts) if part.state is None]
        known = [row for row, part in enumerate(parts) if part.state is not None]
        states = [part.state for part in parts if part.state is not None]
        if cold:
            begins = np.array([parts[row].begin for row in cold])
            state = self.network.initial_state(len(cold))
            seq_length = self._seq_length(len(cold))
            for start in range(-WARM_UP_CHARS, 0, seq_length):
                steps = np.arange(start, min(start + seq_length, 0))
                _, state = self.network.forward(self._ids_at(begins[:, None] + steps), state)
            states.append(state)
        order = np.argsort(known + cold)
        stacked = zip(*states, strict=True)
        return tuple(
            tuple(np.concatenate(arrays)[order] for arrays in zip(*part, strict=True))
            for part in stacked
        )

    def _ids_at(self, places: Places) -> Ids:
        """Return the ids at places; past the end of the text, the last id."""
        return self._known[np.minimum(places - self._known_from, len(self._known) - 1)]

    def _seq_length(self, num_streams: int) -> int:
        """Return T of a window, which is short for a large vocabulary."""
        config = self.network.config
        logits = config.vocab_size * config.num_networks * num_streams
        return max(1, min(SEQ_LENGTH, MAX_WINDOW_LOGITS // logits))


def _group(parts: list[_Part]) -> list[list[_Part]]:
    """Group parts that run together, each group sorted from longest to shortest."""
    by_length = sorted(parts, key=lambda part: -part.length)
    if len(parts) < 2 * MIN_STREAMS:
        return [by_length]
    size = min(MAX_STREAMS, -(-len(parts) // num_processors()))
    return [by_length[i : i + size] for i in range(0, len(parts), size)]


def _rows(state: State, wanted: slice) -> State:
    """Return the state of a slice of the streams."""
    return tuple(tuple(array[wanted] for array in part) for part in state)
