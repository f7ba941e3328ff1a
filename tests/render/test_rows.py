"""Rows of lines, characters and files add up to the score of their text."""

from __future__ import annotations

import math

import numpy as np
import pytest

from charrnn.corpus.documents import cut_documents
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.score import score
from charrnn.evaluation.surprise import measure_text
from charrnn.model.predictor import Predictor
from charrnn.render.rows import CharCutter, FileCutter, LineCutter
from charrnn.render.views import RowView

TEXT = "abc\n\nde\rab\n" * 400 + "no end"


def rows_of(checkpoint, cutter_class, *blocks, num_best=0):
    """Return the rows of a text that arrives in blocks."""
    vocabulary = checkpoint.vocabulary
    cutter = cutter_class("file", vocabulary)
    reader = Reader(Predictor(checkpoint.config, checkpoint.arrays))
    rows = []
    for passage in measure_text(reader, vocabulary, cut_documents(blocks, ""), num_best):
        rows.extend(cutter.rows(passage))
    return [*rows, *cutter.rest()]


@pytest.fixture
def checkpoint(make_checkpoint):
    """A model of the characters of the text."""
    return make_checkpoint(characters="".join(sorted(set(TEXT))), scale=2.0, dtype=np.float64)


def test_lines_add_up_to_the_text(checkpoint):
    """The lines are in order and add up to the score of the text."""
    rows = rows_of(checkpoint, LineCutter, TEXT)
    assert [row.data.decode() for row in rows] == TEXT.split("\n")
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    predictor = Predictor(checkpoint.config, checkpoint.arrays)
    whole = score(predictor, checkpoint.vocabulary.encode(TEXT))
    assert sum(row.score.nats for row in rows) == pytest.approx(whole.nats, rel=1e-10)
    assert sum(row.score.chars for row in rows) == whole.chars
    assert sum(row.score.correct for row in rows) == whole.correct


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_lines_do_not_depend_on_the_blocks(checkpoint, size):
    """A line that arrives in pieces gives the same row."""
    text = TEXT[:500]
    blocks = [text[i : i + size] for i in range(0, len(text), size)]
    rows, expected = (rows_of(checkpoint, LineCutter, *b) for b in (blocks, [text]))
    assert [row.data for row in rows] == [row.data for row in expected]
    found, wanted = ([row.score.nats for row in some] for some in (rows, expected))
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_characters_add_up_to_the_text(checkpoint):
    """Each character has a row, and the bits add up."""
    rows = rows_of(checkpoint, CharCutter, TEXT[:300], num_best=2)
    assert "".join(row.text for row in rows) == TEXT[:300]
    assert math.isnan(rows[0].bits)
    assert rows[0].best == ()
    (whole,) = rows_of(checkpoint, FileCutter, TEXT[:300])
    bits = sum(row.bits for row in rows[1:])
    assert bits * math.log(2) == pytest.approx(whole.score.nats, rel=1e-10)
    for row in rows[1:]:
        is_best = row.best[0][0] == row.text
        assert is_best == (row.bits == pytest.approx(-math.log2(row.best[0][1]), rel=1e-5))


def test_a_line_without_a_prediction_has_no_bits(checkpoint):
    """An empty first line has no prediction, because the first character is given."""
    (row, *_) = rows_of(checkpoint, LineCutter, "\nab\n")
    assert row.head() == "0.0000\t-\t0"
    assert row.to_json()["bits_per_char"] is None
    assert row.surprise < 0  # it is sorted last


def test_unprintable_characters_are_escaped(checkpoint):
    """A row stays one line, whatever the character."""
    rows = rows_of(checkpoint, CharCutter, "a\n\r")
    assert [row.tail() for row in rows] == [b"a", b"\\n", b"\\r"]
    assert [row.to_json()["text"] for row in rows] == ["a", "\n", "\r"]


def test_lines_of_bytes_are_exact(make_checkpoint):
    """A line of bytes is printed exactly; in JSON it is decoded."""
    checkpoint = make_checkpoint(characters="".join(map(chr, range(256))), is_bytes=True)
    data = b"\xc3\xa9\xff\nb\n"
    (first, second) = rows_of(checkpoint, LineCutter, data.decode("latin-1"))
    assert first.tail() == b"\xc3\xa9\xff"
    assert first.to_json()["text"] == "\u00e9\ufffd"
    assert second.tail() == b"b"
    rows = rows_of(checkpoint, CharCutter, "\xff")
    assert rows[0].to_json()["text"] == "\\xff"


class Lines:
    """A sink that keeps what is written."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += data

    def flush(self):
        pass


@pytest.mark.parametrize("top", [None, 7])
def test_sorted_rows_are_bounded(checkpoint, monkeypatch, top):
    """Without ``top``, a fixed number of rows is kept, and a notice says so."""
    monkeypatch.setattr("charrnn.render.views.MAX_SORTED", 5)
    sink, notices, vocabulary = Lines(), [], checkpoint.vocabulary
    view = RowView(sink, vocabulary, "line", sort=True, top=top, notice=notices.append)
    view.begin("file")
    reader = Reader(Predictor(checkpoint.config, checkpoint.arrays))
    for passage in measure_text(reader, vocabulary, cut_documents(["ab\nc\n" * 10], "")):
        view.take(passage)
    view.end_text()
    view.end(None)
    rows = [float(line.split(b"\t")[1]) for line in sink.data.splitlines()]
    assert rows == sorted(rows, reverse=True)
    assert len(rows) == (top or 5)
    assert len(notices) == (top is None)
    assert all("5 most surprising of 20 rows" in notice for notice in notices)
