"""The page of ``look`` in a real browser: what it shows, its keys, and that it asks for nothing."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charrnn.evaluation.reader import Reader
from charrnn.evaluation.surprise import measure
from charrnn.insight.look import Look
from charrnn.insight.text import make_text, text_of_ids
from charrnn.model.predictor import Predictor
from charrnn.render.look.page import make_page
from charrnn.text.vocabulary import Vocabulary

HOSTILE = "</script><script>alert(1)</script><!--\u2028\"'&\x1b[31m\u202e\U0001f600\n\tabc"
TEXT = HOSTILE + "abc cab\n" * 20


@pytest.fixture
def look(make_checkpoint):
    """A look at a text that would like to be obeyed."""
    characters = "".join(sorted(set(TEXT)))
    checkpoint = make_checkpoint("lstm", num_networks=2, characters=characters, scale=3.0)
    predictor = Predictor(checkpoint.config, checkpoint.arrays)
    return Look(checkpoint, predictor, None, make_text(checkpoint.vocabulary, TEXT))


@pytest.fixture
def page(look, tmp_path) -> Path:
    """Its page."""
    path = tmp_path / "look.html"
    path.write_text(make_page(look, None, []), encoding="utf-8")
    return path


def data_of(page: Path):
    """Return the data in a page."""
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', text, re.DOTALL)[1])


def numbers(text: str):
    """Return bytes in base64 as numbers."""
    return np.frombuffer(base64.b64decode(text), np.uint8).astype(np.float64)


def test_the_page_holds_what_was_measured(look, page):
    """Surprise to a sixteenth of a bit, units to a 255th of their range."""
    data = data_of(page)
    text = look.text
    assert len(data["text"]) == len(text.ids)
    nats = measure(Reader(Predictor(look.checkpoint.config, look.checkpoint.arrays)), text.ids).nats
    bits = numbers(data["bits"])
    assert bits[0] == 255
    expected = np.minimum(nats[1:] / np.log(2), 254 / 16)
    np.testing.assert_allclose(bits[1:] / 16, expected, atol=1 / 31)
    (first, second) = look.read_units(text).units
    units = np.concatenate([first, second], axis=1).astype(np.float64)
    low, high = np.array(data["units"]["low"]), np.array(data["units"]["high"])
    values = numbers(data["units"]["values"]).reshape(units.shape[::-1]).T / 255
    np.testing.assert_allclose(low + values * (high - low), units, atol=1e-2)
    assert data["units"]["names"][-1] == "1:4"
    for place, moves in data["moved"].items():
        np.testing.assert_allclose(moves, look.prediction(int(place)).moved, atol=1e-4)


def test_the_page_is_small(look):
    """Beside the script, at most 30 bytes a character and unit."""
    before, script = make_page(look, None, []).split("<script>")
    del script
    assert len(before.encode()) / len(look.text.ids) / 10 < 30


def test_a_hostile_text_is_shown_and_not_obeyed(open_page, page):
    """No request, no dialog, no message; every character stands in its place."""
    window = open_page(page)
    window.on("dialog", lambda dialog: pytest.fail(dialog.message))
    shown = window.inner_text("#text")
    assert shown.startswith("</script><script>alert(1)</script><!--")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert window.locator("#text b").count() == len(TEXT)
    assert window.evaluate("document.scripts.length") == 2


def test_keys_alone_are_enough(open_page, page):
    """Tab, arrows, n, Enter, Escape and brackets do what they say."""
    window = open_page(page)
    for _ in range(4):
        window.keyboard.press("Tab")
        if window.evaluate("document.activeElement.id") == "text":
            break
    assert window.evaluate("document.activeElement.id") == "text"
    assert "Character 1:" in window.inner_text("#details")
    window.keyboard.press("ArrowRight")
    window.keyboard.press("ArrowRight")
    assert "Character 3:" in window.inner_text("#details")
    assert "Expected:" in window.inner_text("#details")
    window.keyboard.press("End")
    assert f"Character {len(TEXT)}:" in window.inner_text("#details")
    window.keyboard.press("Home")
    window.keyboard.press("ArrowDown")
    below = window.inner_text("#details")
    assert "Character 1:" not in below
    window.keyboard.press("ArrowUp")
    assert "Character 1:" in window.inner_text("#details")
    window.keyboard.press("n")
    assert "Show what moved it" in window.inner_text("#details")
    window.keyboard.press("Enter")
    assert "Hide what moved it" in window.inner_text("#details")
    assert "made" in window.inner_text("#legend")
    window.keyboard.press("Escape")
    assert "surprising" in window.inner_text("#legend")
    window.keyboard.press("]")
    assert "Unit 0:0" in window.inner_text("#legend")
    assert window.locator("#unit").is_visible()
    window.keyboard.press("[")
    assert "surprising" in window.inner_text("#legend")


def test_a_unit_is_chosen_by_name(open_page, page):
    """Its values colour the text."""
    window = open_page(page)
    before = window.locator("#text b[class^=h], #text b[class^=c]").count()
    window.select_option("#colour", "unit")
    window.fill("#unit", "1:3")
    assert "Unit 1:3" in window.inner_text("#legend")
    assert window.locator("#text b[class^=c]").count() > 0
    assert before > 0
    window.hover("#text b >> nth=30")
    assert "Unit 1:3 is" in window.inner_text("#details")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(open_page, page, scheme):
    """320 pixels wide, nothing is cut off; in the dark the page is dark."""
    window = open_page(page, 320, color_scheme=scheme)
    assert window.evaluate("document.documentElement.scrollWidth") <= 320
    # What the page paints on: the canvas of the scheme.
    probe = "getComputedStyle(document.getElementById('details')).backgroundColor"
    shade = int(re.search(r"\d+", window.evaluate(probe))[0])
    assert (shade < 100) == (scheme == "dark")


def test_documents_and_bytes_have_pages(make_checkpoint, tmp_path, open_page):
    """Ends are newlines; bytes beyond ASCII are shown as signs."""
    lines, data = Vocabulary("abcd", separator="\n"), Vocabulary("ab\xe9\xff", is_bytes=True)
    texts = make_text(lines, "abc\nd\nab\n"), text_of_ids(data, np.array([0, 2, 1, 3, 0]))
    for vocabulary, text in zip((lines, data), texts, strict=True):
        checkpoint = make_checkpoint(characters="abcde"[: vocabulary.size])
        checkpoint = replace(checkpoint, vocabulary=vocabulary)
        predictor = Predictor(checkpoint.config, checkpoint.arrays)
        path = tmp_path / "page.html"
        look = Look(checkpoint, predictor, None, text)
        path.write_text(make_page(look, None, []), encoding="utf-8")
        assert open_page(path).locator("#text b").count() == text.num_chars
