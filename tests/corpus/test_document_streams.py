"""Documents are read side by side so that each is predicted once, from its own start."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charrnn.corpus.document_streams import (
    MAX_MEASURED_CHARS,
    MIN_BATCHES,
    DocumentStreams,
    measuring_windows,
    training_windows,
)
from charrnn.corpus.streams import IGNORED, WARM_UP_CHARS

law = settings(derandomize=True, deadline=None, max_examples=150)

END = 0
LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=30)


def text_of(lengths: list[int]) -> np.ndarray:
    """Return a text of documents of the given lengths; no two characters are equal."""
    numbers = itertools.count(1)
    ids = [END]
    for length in lengths:
        ids += [next(numbers) for _ in range(length)] + [END]
    return np.array(ids, dtype=np.uint32)


def read(streams: DocumentStreams, epoch: int = 0) -> list[tuple[list[int], list[int]]]:
    """Return what each stream reads from each start on: inputs, and targets beside them."""
    runs: list[tuple[list[int], list[int]]] = []
    rows: list[tuple[list[int], list[int]]] = [([], []) for _ in range(streams.num_streams)]
    for index in range(epoch * streams.num_windows, (epoch + 1) * streams.num_windows):
        window = streams.window(index)
        for row in range(streams.num_streams):
            if window.is_start[row]:
                rows[row] = ([], [])
                runs.append(rows[row])
            rows[row][0].extend(window.inputs[row].tolist())
            rows[row][1].extend(window.targets[row].tolist())
    return runs


def documents_of(runs: list[tuple[list[int], list[int]]]) -> list[list[int]]:
    """Return what each stream predicts from each start on, the empty places at its end left out."""
    found = []
    for inputs, targets in runs:
        length = next((n for n in range(len(targets), 0, -1) if targets[n - 1] != IGNORED), 0)
        assert IGNORED not in targets[:length]
        if length:
            assert inputs[:length] == [END, *targets[: length - 1]]  # from the document's start
            found.append(targets[:length])
    return sorted(found)


def expected_of(lengths: list[int]) -> list[list[int]]:
    """Return what is to be predicted of each document: its characters, and its end."""
    ids = text_of(lengths).tolist()[1:]
    ends = np.cumsum(np.array(lengths) + 1).tolist()
    return sorted(ids[begin:end] for begin, end in zip([0, *ends], ends, strict=False))


@law
@given(LENGTHS, st.integers(1, 9), st.integers(1, 50), st.integers(0, 3))
@example([0], 1, 1, 0)
def test_each_document_is_measured_once_from_its_start(
    lengths: list[int], batch_size: int, seq_length: int, epoch: int
) -> None:
    """Each stream begins with the end symbol and predicts one document to its end."""
    streams = measuring_windows(text_of(lengths), END, seq_length, batch_size)
    assert streams.num_streams == min(batch_size, len(lengths))
    assert documents_of(read(streams, epoch)) == expected_of(lengths)


@law
@given(LENGTHS, st.integers(1, 9), st.integers(1, 50), st.integers(0, 2), st.integers(0, 3))
def test_each_id_is_learned_once_an_epoch(
    lengths: list[int], batch_size: int, seq_length: int, seed: int, epoch: int
) -> None:
    """In every epoch every id but the first is predicted once, after the one before it."""
    ids = text_of(lengths)
    runs = read(training_windows(ids, END, batch_size, seq_length, seed), epoch)
    found = [
        pair
        for inputs, targets in runs
        for pair in zip(inputs, targets, strict=True)
        if pair[1] != IGNORED
    ]
    assert sorted(found) == sorted(zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True))


@law
@given(LENGTHS, st.integers(1, 9), st.integers(1, 9))
def test_only_what_would_go_on_alone_is_cut(
    lengths: list[int], batch_size: int, seq_length: int
) -> None:
    """Documents up to a quarter of a stream, or a window, are learned in one go."""
    ids = text_of(lengths)
    longest = max(seq_length, -(-len(ids) // (MIN_BATCHES * batch_size)))
    runs = read(training_windows(ids, END, batch_size, seq_length, 1))
    predicted = [[t for t in targets if t != IGNORED] for _, targets in runs]
    assert max(map(len, predicted)) <= longest
    for document in expected_of(lengths):
        if len(document) <= longest:
            assert document in predicted


@law
@given(LENGTHS, st.integers(1, 9), st.integers(1, 20))
def test_windows_say_what_they_hold(lengths: list[int], batch_size: int, seq_length: int) -> None:
    """Windows are B by at most T, count their predictions, and are never without one."""
    ids = text_of(lengths)
    streams = training_windows(ids, END, batch_size, seq_length, 1)
    windows = list(streams)
    assert len(windows) == streams.num_windows
    assert sum(window.num_chars for window in windows) == len(ids) - 1
    assert streams.usual_chars == pytest.approx((len(ids) - 1) / len(windows))
    for window in windows:
        assert window.inputs.shape == window.targets.shape
        assert window.inputs.shape[0] == streams.num_streams == len(window.is_start)
        assert 1 <= window.inputs.shape[1] <= seq_length
        assert window.num_chars == np.count_nonzero(window.targets != IGNORED) > 0
        assert window.inputs.dtype == window.targets.dtype == np.int64
        assert np.isin(window.inputs, ids).all()


def test_hardly_a_place_is_empty() -> None:
    """Of documents like names or like messages at least nine places in ten are predictions."""
    rng = np.random.default_rng(0)
    for mean, spread, seq_length, batch_size in [(8, 3, 64, 113), (120, 60, 64, 16)]:
        lengths = np.maximum(rng.normal(mean, spread, 3000).astype(int), 1).tolist()
        windows = list(training_windows(text_of(lengths), END, batch_size, seq_length, 1))
        places = sum(window.targets.size for window in windows)
        assert sum(window.num_chars for window in windows) > 0.9 * places


def test_epochs_differ_and_seeds_differ() -> None:
    """The order follows from seed and epoch, and from nothing else."""
    ids = text_of([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8] * 3)
    orders = {}
    for seed, epoch in itertools.product((1, 2), (0, 1)):
        streams = training_windows(ids, END, 3, 8, seed)
        again = training_windows(ids, END, 3, 8, seed)
        again.window(5 * again.num_windows)  # having been elsewhere makes no difference
        orders[seed, epoch] = read(streams, epoch)
        assert read(again, epoch) == orders[seed, epoch]
    assert len({str(order) for order in orders.values()}) == 4


def test_windows_that_are_spelled_out() -> None:
    """Three documents in two streams, the longest first: these windows."""
    ids = np.array([0, 1, 0, 2, 3, 4, 0, 5, 6, 0])
    first, second, third = measuring_windows(ids, END, 3, 2)
    assert first.inputs.tolist() == [[0, 2], [0, 5]]  # four steps are two windows of two
    assert first.targets.tolist() == [[2, 3], [5, 6]]
    assert first.is_start.tolist() == [True, True]
    assert second.targets.tolist() == [[4, 0], [0, IGNORED]]
    assert second.is_start.tolist() == [False, False]
    assert third.targets.tolist() == [[1, 0], [IGNORED, IGNORED]]
    assert third.is_start.tolist() == [True, True]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_long_document_is_measured_in_warmed_up_parts(batch_size: int) -> None:
    """Each part but the first has read the characters before it, and each id is predicted once."""
    lengths = [3 * MAX_MEASURED_CHARS, 5, MAX_MEASURED_CHARS - 1]
    ids = text_of(lengths)
    runs = read(measuring_windows(ids, END, 64, batch_size))
    found: list[int] = []
    num_warm = 0
    for inputs, targets in runs:
        warm = next((n for n, t in enumerate(targets) if t != IGNORED), len(targets))
        if warm < len(targets):
            num_warm += warm > 0
            assert warm == (0 if inputs[0] == END else WARM_UP_CHARS)
            assert inputs[1 : warm + 1] == list(range(inputs[1], inputs[1] + warm))
        found += [t for t in targets if t != IGNORED]
    assert num_warm == 3  # of one document; the others are measured in one go
    assert sorted(found) == sorted(ids[1:].tolist())


def test_a_document_cut_short_is_measured_as_far_as_it_goes() -> None:
    """A text that ends within a document, as the beginning of a longer one may, has no last end."""
    ids = text_of([3, 4])[:-2]
    runs = read(measuring_windows(ids, END, 10, 2))
    assert documents_of(runs) == [[1, 2, 3, END], [4, 5, 6]]
