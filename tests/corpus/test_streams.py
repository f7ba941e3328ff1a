"""A text is cut into streams and windows so that every character is predicted exactly once."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charrnn.corpus.streams import (
    IGNORED,
    MAX_MEASURING_STREAMS,
    WARM_UP_CHARS,
    Streams,
    measuring_streams,
)

law = settings(derandomize=True, deadline=None, max_examples=100)


def places(num_ids: int) -> np.ndarray:
    """Return a text in which each character is its own place, so that windows show where it is."""
    return np.arange(num_ids, dtype=np.uint16)


def starts(streams: Streams) -> list[int]:
    """Return the place where each stream of a text of places begins."""
    return streams.window(0).inputs[:, 0].tolist()


def lengths(streams: Streams) -> list[int]:
    """Return how many predictions each stream of a text of places has."""
    return np.diff([*starts(streams), len(streams.ids) - 1]).tolist()


SIZES = {
    "num_ids": st.integers(2, 120),
    "batch_size": st.integers(1, 20),
    "seq_length": st.integers(1, 20),
}
sizes = given(**SIZES)
sizes_with_warm_up = given(**SIZES, warm_up=st.integers(0, 5))


@law
@sizes
@example(num_ids=2, batch_size=20, seq_length=20)
def test_every_character_but_the_first_is_predicted_once(
    num_ids: int, batch_size: int, seq_length: int
) -> None:
    """In an epoch each place from 1 to N - 1 is a target exactly once, after the one before it."""
    windows = list(Streams(places(num_ids), batch_size, seq_length))
    targets = np.concatenate([window.targets.ravel() for window in windows])
    inputs = np.concatenate([window.inputs.ravel() for window in windows])
    is_counted = targets != IGNORED
    assert sorted(targets[is_counted].tolist()) == list(range(1, num_ids))
    assert (inputs[is_counted] == targets[is_counted] - 1).all()


@law
@sizes
def test_streams_run_on_from_window_to_window(
    num_ids: int, batch_size: int, seq_length: int
) -> None:
    """Each stream reads a piece of the text without a gap, and the pieces in order are the text."""
    windows = list(Streams(places(num_ids), batch_size, seq_length))
    text: list[int] = []
    for inputs, targets in zip(
        np.concatenate([window.inputs for window in windows], axis=1),
        np.concatenate([window.targets for window in windows], axis=1),
        strict=True,
    ):
        num_chars = int((targets != IGNORED).sum())
        assert (targets[num_chars:] == IGNORED).all()
        text += inputs[:num_chars].tolist()
    assert text == list(range(num_ids - 1))


@law
@sizes
def test_streams_are_equally_long(num_ids: int, batch_size: int, seq_length: int) -> None:
    """As many streams as asked for, or as there are predictions, differ in length by at most 1."""
    streams = Streams(places(num_ids), batch_size, seq_length)
    assert streams.num_streams == len(starts(streams)) == min(batch_size, num_ids - 1)
    assert max(lengths(streams)) - min(lengths(streams)) <= 1
    assert streams.stream_length == max(lengths(streams))


@law
@sizes
def test_windows_have_one_shape(num_ids: int, batch_size: int, seq_length: int) -> None:
    """All windows are B by T but the last, which is as long as what is left."""
    streams = Streams(places(num_ids), batch_size, seq_length)
    windows = list(streams)
    widths = [window.inputs.shape[1] for window in windows]
    assert widths[:-1] == [seq_length] * (len(widths) - 1)
    assert 0 < widths[-1] <= seq_length
    assert sum(widths) == max(lengths(streams))
    assert len(windows) == streams.num_windows
    for window in windows:
        assert window.inputs.shape == window.targets.shape
        assert len(window.inputs) == streams.num_streams
        assert window.inputs.dtype == window.targets.dtype == np.int64


@law
@sizes
def test_predictions_are_counted(num_ids: int, batch_size: int, seq_length: int) -> None:
    """Each window says how many targets it has, and together they are N - 1."""
    windows = list(Streams(places(num_ids), batch_size, seq_length, warm_up=2))
    assert sum(window.num_chars for window in windows) == num_ids - 1
    for window in windows:
        assert window.num_chars == np.count_nonzero(window.targets != IGNORED)


@law
@sizes
@example(num_ids=30, batch_size=1, seq_length=3)
def test_every_input_is_in_the_text(num_ids: int, batch_size: int, seq_length: int) -> None:
    """Where there is nothing to predict a window still holds ids of the text."""
    ids = np.full(num_ids, 7, dtype=np.uint8)
    for window in Streams(ids, batch_size, seq_length, warm_up=3):
        assert (window.inputs == 7).all()
        assert np.isin(window.targets, [7, IGNORED]).all()


@law
@sizes_with_warm_up
def test_warming_up_reads_the_text_before_each_stream(
    num_ids: int, batch_size: int, seq_length: int, warm_up: int
) -> None:
    """The windows before the first hold, up to its start, what comes before each stream."""
    streams = Streams(places(num_ids), batch_size, seq_length, warm_up=warm_up)
    windows = list(streams)[:warm_up]
    assert all((window.targets == IGNORED).all() for window in windows)
    assert all(window.inputs.shape == (streams.num_streams, seq_length) for window in windows)
    for stream, start in enumerate(starts(streams)):
        read = [place for window in windows for place in window.inputs[stream].tolist()]
        num_there = min(start, warm_up * seq_length)
        assert read[len(read) - num_there :] == list(range(start - num_there, start))


@law
@sizes_with_warm_up
def test_warming_up_does_not_change_what_is_predicted(
    num_ids: int, batch_size: int, seq_length: int, warm_up: int
) -> None:
    """After the warming up come the same windows as without it."""
    ids = places(num_ids)
    warmed = list(Streams(ids, batch_size, seq_length, warm_up=warm_up))
    cold = list(Streams(ids, batch_size, seq_length))
    assert len(warmed) == warm_up + len(cold)
    for one, other in zip(warmed[warm_up:], cold, strict=True):
        assert np.array_equal(one.inputs, other.inputs)
        assert np.array_equal(one.targets, other.targets)


@pytest.mark.parametrize("warm_up", [0, 1, 4])
def test_each_stream_begins_once(warm_up: int) -> None:
    """All begin in the first window; but one that was warmed up began before it."""
    windows = list(Streams(places(100), 3, 5, warm_up=warm_up))
    for index, window in enumerate(windows):
        others = index == 0 and warm_up == 0
        assert window.is_start.tolist() == [index == warm_up, others, others]


def test_windows_can_be_asked_for_in_any_order() -> None:
    """A window depends on its index alone, so that an epoch can be taken up anywhere."""
    streams = Streams(places(100), 3, 5, warm_up=2)
    for index, window in reversed(list(enumerate(streams, start=-2))):
        again = streams.window(index)
        assert np.array_equal(again.inputs, window.inputs)
        assert np.array_equal(again.targets, window.targets)
        assert again.num_chars == window.num_chars
        assert again.is_start.tolist() == window.is_start.tolist()


def test_after_an_epoch_the_text_begins_anew() -> None:
    """The window after the last one is the first one."""
    streams = Streams(places(100), 3, 5)
    for index in (0, 3, streams.num_windows - 1):
        window, again = streams.window(index), streams.window(index + 2 * streams.num_windows)
        assert np.array_equal(again.inputs, window.inputs)
        assert np.array_equal(again.targets, window.targets)
        assert again.is_start.tolist() == window.is_start.tolist() == [index == 0] * 3


def test_a_window_of_a_text_that_is_spelled_out() -> None:
    """Ten ids in two streams of three steps are these windows."""
    first, second = Streams(places(10), 2, 3)
    assert first.inputs.tolist() == [[0, 1, 2], [4, 5, 6]]
    assert first.targets.tolist() == [[1, 2, 3], [5, 6, 7]]
    assert second.targets.tolist() == [[4, IGNORED], [8, 9]]
    assert (first.num_chars, second.num_chars) == (6, 3)


def test_the_text_is_only_read() -> None:
    """A text that cannot be written to serves, and what is done to a window leaves it alone."""
    ids = places(50)
    ids.flags.writeable = False
    for window in Streams(ids, 4, 5, warm_up=1):
        window.inputs[:] = 0
        window.targets[:] = 0
    assert ids.tolist() == list(range(50))


# Streams for measuring

measuring = given(
    num_ids=st.integers(2, 20_000),
    seq_length=st.integers(1, 700),
    num_streams=st.none() | st.integers(1, 2 * MAX_MEASURING_STREAMS),
)


@law
@measuring
@example(num_ids=2 * WARM_UP_CHARS, seq_length=64, num_streams=None)
@example(num_ids=2 * WARM_UP_CHARS + 1, seq_length=64, num_streams=None)
@example(num_ids=8 * WARM_UP_CHARS, seq_length=1, num_streams=8)
def test_no_measured_stream_is_shorter_than_its_warming_up(
    num_ids: int, seq_length: int, num_streams: int | None
) -> None:
    """Of several streams each predicts at least as many characters as warm it up."""
    streams = measuring_streams(places(num_ids), seq_length, num_streams)
    if streams.num_streams > 1:
        assert min(lengths(streams)) >= WARM_UP_CHARS
        assert streams.warm_up * seq_length >= WARM_UP_CHARS


@law
@measuring
@example(num_ids=2 * WARM_UP_CHARS + 1, seq_length=WARM_UP_CHARS, num_streams=None)
@example(num_ids=2 * WARM_UP_CHARS + 1, seq_length=100, num_streams=None)
@example(num_ids=5 * WARM_UP_CHARS, seq_length=700, num_streams=5)
def test_a_measured_stream_has_read_what_is_before_it(
    num_ids: int, seq_length: int, num_streams: int | None
) -> None:
    """Each stream but the first is warmed up by text that is before it, and by nothing else."""
    streams = measuring_streams(places(num_ids), seq_length, num_streams)
    windows = [streams.window(index) for index in range(-streams.warm_up, 0)]
    if windows:
        read = np.concatenate([window.inputs for window in windows], axis=1)
        for start, row in list(zip(starts(streams), read, strict=True))[1:]:
            assert row.tolist() == list(range(start - len(row), start))


@law
@measuring
def test_no_more_streams_are_made_than_asked_for(
    num_ids: int, seq_length: int, num_streams: int | None
) -> None:
    """The number of streams is bounded, and one stream is not warmed up."""
    streams = measuring_streams(places(num_ids), seq_length, num_streams)
    assert 1 <= streams.num_streams <= (num_streams or MAX_MEASURING_STREAMS)
    assert streams.seq_length == seq_length
    assert (streams.num_streams == 1) == (streams.warm_up == 0)


@pytest.mark.parametrize("num_ids", [2, 3, WARM_UP_CHARS, 2 * WARM_UP_CHARS - 1])
def test_a_short_text_is_measured_in_one_stream(num_ids: int) -> None:
    """A text that is not worth two streams is read from its start to its end, exactly."""
    (window,) = measuring_streams(places(num_ids), seq_length=2 * WARM_UP_CHARS)
    assert window.is_start.tolist() == [True]
    assert window.inputs.tolist() == [list(range(num_ids - 1))]
    assert window.targets.tolist() == [list(range(1, num_ids))]


def test_a_long_text_is_measured_in_many_streams() -> None:
    """A text of many times the warming up gets as many streams as there may be."""
    ids = np.zeros(2 * MAX_MEASURING_STREAMS * WARM_UP_CHARS, dtype=np.uint8)
    assert measuring_streams(ids, 64).num_streams == MAX_MEASURING_STREAMS


@pytest.mark.parametrize("num_streams", [None, 1, 2, 5])
def test_measuring_predicts_every_character_once(num_streams: int | None) -> None:
    """Whatever the number of streams, all characters but the first are measured once."""
    windows = list(measuring_streams(places(5000), 64, num_streams))
    targets = np.concatenate([window.targets.ravel() for window in windows])
    assert sorted(targets[targets != IGNORED].tolist()) == list(range(1, 5000))
