"""Heat maps on a terminal, as HTML and as SVG: complete and safe."""

from __future__ import annotations

import html
import io
import math
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from charrnn.corpus.documents import cut_documents
from charrnn.evaluation.evaluate import EvaluationRun
from charrnn.evaluation.surprise import Passage, Surprise, measure_text
from charrnn.model.predictor import Predictor
from charrnn.render.heat import HOTTEST, LINE_END, heat_levels
from charrnn.render.heat_html import Page
from charrnn.render.heat_svg import Picture
from charrnn.render.heat_terminal import ColorHeat, DigitHeat
from charrnn.render.svg_text import CELL_WIDTH, COLUMNS
from charrnn.text.vocabulary import Vocabulary

NASTY = "<b>&amp;\"'</b><script>alert(1)</script>\x1b[31m\x1b]0;x\x07\x9b2J\u202e[/red]\\\t\x00\n"
SVG = "{http://www.w3.org/2000/svg}"


def passage_of(text, bits):
    """Return a passage whose characters have these bits."""
    nats = np.array(bits, dtype=float) * math.log(2)
    none = np.zeros((len(text), 0))
    best = none.astype(np.int32), none
    facts = np.zeros((len(text), 0, 4), np.int32)
    surprise = Surprise(nats, nats, np.zeros(len(text), bool), *best, none, facts)
    return Passage(text, np.zeros(len(text), bool), surprise, len(text.encode()))


def test_heats_are_whole_bits():
    """The level is the whole number of bits, up to the hottest; 0 if not predicted."""
    surprise = passage_of("abcdef", [np.nan, 0, 0.99, 1, 7.99, 800]).surprise
    assert heat_levels(surprise).tolist() == [0, 0, 0, 1, 7, HOTTEST]


def test_colours_can_be_taken_off_again():
    """Stripped of colours, the text is unchanged; no colour spans a line end."""
    text = "one two\n\nthree\tfour\n" * 3 + "end"
    bits = np.random.default_rng(1).uniform(0, 12, len(text))
    found = ColorHeat(Vocabulary("ab")).text(passage_of(text, bits))
    assert re.sub(r"\x1b\[[0-9;]*m", "", found).replace(LINE_END, "") == text
    for line in found.split("\n"):
        assert re.findall(r"\x1b\[([0-9;]*)m", line)[-1:] in ([], ["0"])


@pytest.mark.parametrize("bits", [0, 5])
def test_a_text_cannot_control_the_terminal(bits):
    """The only control bytes are those of our colours."""
    passage = passage_of(NASTY, [bits] * len(NASTY))
    for heat in (ColorHeat(Vocabulary("ab")), DigitHeat(Vocabulary("ab"), 100)):
        shown = re.sub(r"\x1b\[(0|48;5;[0-9]+;38;5;[0-9]+)m", "", heat.text(passage) + heat.rest())
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)
        assert "\\x1b" in shown


def test_digits_are_below_their_characters():
    """Digits align with narrow and wide characters; long lines wrap."""
    heat = DigitHeat(Vocabulary("ab"), 6)
    text = "ab\u6f22c\ndefghij\n"
    bits = [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 12, 7]
    assert heat.text(passage_of(text, bits)) == (
        f"ab\u6f22c\n 12 3\ndefghi\n123456\nj{LINE_END}\n97\n"
    )
    assert heat.rest() == ""


def test_digits_do_not_depend_on_the_blocks():
    """A line that arrives in pieces looks the same."""
    text, bits = "ab cd\nef", [1, 2, 3, 4, 5, 0, 7, 8]
    whole, pieces = (DigitHeat(Vocabulary("ab"), 80) for _ in range(2))
    expected = whole.text(passage_of(text, bits)) + whole.rest()
    found = "".join(pieces.text(passage_of(c, [b])) for c, b in zip(text, bits, strict=True))
    assert found + pieces.rest() == expected


class Reading(HTMLParser):
    """Collects the tags, the text of <pre>, and the tooltips of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.tips, self.text, self.is_text = [], [], "", False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.is_text |= tag == "pre"
        self.tips += [value for name, value in attrs if name == "data-t"]

    def handle_endtag(self, tag):
        self.is_text &= tag != "pre"

    def handle_data(self, data):
        self.text += data if self.is_text else ""


class OneText:
    """A text to evaluate."""

    def __init__(self, vocabulary, text, name):
        self._vocabulary, self._text, self.names = vocabulary, text, [name]

    def passages(self, _number, reader, num_best):
        pieces = cut_documents([self._text], "")
        return measure_text(reader, self._vocabulary, pieces, num_best)

    def complete(self, evaluation):
        return evaluation


def drawn(view_class, checkpoint, text, name="a <file> & more", notices=None):
    """Return what a view makes of a text."""
    vocabulary, stream = checkpoint.vocabulary, io.BytesIO()
    notices = [] if notices is None else notices
    network = Predictor(checkpoint.config, checkpoint.arrays)
    run = EvaluationRun(network, vocabulary, OneText(vocabulary, text, name))
    run.run([view_class(stream, vocabulary, notices.append)], notices.append)
    return stream.getvalue().decode()


@pytest.fixture
def checkpoint(make_checkpoint):
    """A model whose vocabulary covers the nasty text."""
    characters = "".join(sorted(set(NASTY + "abc ")))
    return make_checkpoint(characters=characters, scale=3.0)


def test_a_page_holds_the_text_and_nothing_of_it_is_obeyed(checkpoint):
    """The page shows the text and has no tags but our own."""
    text = "abc abc\n" + NASTY + "abc"
    page = drawn(Page, checkpoint, text)
    reading = Reading()
    reading.feed(page)
    ours = {"html", "head", "meta", "title", "style", "body", "main", "h2", "pre", "b"}
    assert set(reading.tags) == ours | {"footer", "h1", "p", "table", "tr", "td"}
    seen = reading.text.removeprefix("\n").replace(LINE_END, "")
    assert "<script>alert(1)</script>\\x1b[31m" in seen
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page)
    assert len(reading.tips) == len(text) - 1
    assert all(re.search(r"\d bits\n(.|\n)*%", tip) for tip in reading.tips)
    assert "a &lt;file&gt; &amp; more" in page
    assert "bits per character" in page
    assert not re.search("https?:", page)  # it needs no other file


def test_tips_have_the_five_best(checkpoint):
    """A tooltip shows the surprise and the likeliest characters with probabilities."""
    page = drawn(Page, checkpoint, "abcabc")
    tips = re.findall(r'data-t="([^"]*)"', page)
    for tip in tips:
        first, *best = html.unescape(tip).split("\n")
        assert re.fullmatch(r"[abc]  \d+\.\d\d bits", first)
        probs = [float(line.rsplit("  ")[-1].rstrip("%")) for line in best]
        assert len(probs) == 5
        assert probs == sorted(probs, reverse=True)


def test_a_picture_is_xml_and_holds_the_text(checkpoint):
    """The picture is valid XML; each character has its own position."""
    text = "abc abc\n" + NASTY + "abc" * 100
    picture = ElementTree.fromstring(drawn(Picture, checkpoint, text))
    assert {element.tag for element in picture.iter()} == {
        SVG + name for name in ("svg", "g", "rect", "text")
    }
    rows = [e for e in picture.iter(SVG + "text") if " " in e.get("x", "")]
    for row in rows:
        assert len(row.get("x").split()) == len(row.text)
        assert all(0 <= float(x) < COLUMNS * 8 for x in row.get("x").split())
    seen = "".join(row.text for row in rows)
    assert "<script>alert(1)</script>\\x1b[31m" in "".join(e.text or "" for e in picture.iter())
    assert seen.count("abc") >= 50


@pytest.mark.parametrize(("symbol", "cells"), [("e\u0301", 1), ("\U0001f44d\U0001f3fd", 2)])
def test_a_symbol_of_two_characters_has_the_cells_of_one(make_checkpoint, symbol, cells):
    """Letters with marks and emoji with skin tones are as wide as on a terminal."""
    checkpoint = make_checkpoint(characters="".join(sorted(set("ab" + symbol))))
    picture = ElementTree.fromstring(drawn(Picture, checkpoint, f"a{symbol}b"))
    rows = [e.get("x").split() for e in picture.iter(SVG + "text") if (e.text or "")[-1:] == "b"]
    assert rows[-1][-1] == str((1 + cells) * CELL_WIDTH)


@pytest.mark.parametrize("view_class", [Page, Picture])
def test_a_model_of_bytes_is_drawn(make_checkpoint, view_class):
    """Bytes beyond ASCII are escaped."""
    checkpoint = make_checkpoint(characters="".join(map(chr, range(256))), is_bytes=True)
    assert "\\xc3" in drawn(view_class, checkpoint, "a\xc3\xa9b").replace("</b>", "")


@pytest.mark.parametrize(
    ("view_class", "limit", "value"),
    [(Page, "heat_html.MAX_CHARS", 500), (Picture, "svg_text.MAX_ROWS", 20)],
)
def test_a_long_text_is_cut_with_a_notice(checkpoint, monkeypatch, view_class, limit, value):
    """The size of the file is bounded, the file and a notice say so, the numbers cover all."""
    monkeypatch.setattr(f"charrnn.render.{limit}", value)
    notices, sizes = [], []
    for repeats in (100, 1000):
        found = drawn(view_class, checkpoint, "abc abc abc\n" * repeats, notices=notices)
        sizes.append(len(found))
        assert "shows the first" in found
        assert f"of {12 * repeats:,} characters" in notices[-1]
        assert f"{12 * repeats - 1:,}" in found
    assert abs(sizes[0] - sizes[1]) < 100
    assert len(notices) == 2
