"""The page to write with, in a real browser: keys, buttons, the self-test, and no network."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charrnn.library import Model
from charrnn.memory.index import build_index
from charrnn.render.write.pack import pack
from charrnn.render.write.page import make_writing_page
from charrnn.text.vocabulary import Vocabulary

HOSTILE = "</script><script>alert(1)</script><!--\u2028\"'&\x1b\u202e\U0001f600\n abc"
READY = "#suggest:not([disabled])"


def made(checkpoint, **options) -> str:
    """Return the page of a model."""
    sample = Model(checkpoint).sample(seed=0, length=120)
    return make_writing_page(checkpoint, "a <model>", sample, **options).text


@pytest.fixture
def checkpoint(make_checkpoint):
    """A model of hostile characters, which remembers a text."""
    characters = "".join(sorted(set(HOSTILE)))
    checkpoint = make_checkpoint("lstm", num_networks=2, characters=characters, scale=3.0)
    ids = checkpoint.vocabulary.encode(HOSTILE * 9)
    return replace(checkpoint, index=build_index(ids, checkpoint.vocabulary.size))


@pytest.fixture
def page(checkpoint, tmp_path) -> Path:
    """Its page."""
    path = tmp_path / "write.html"
    path.write_text(made(checkpoint), encoding="utf-8")
    return path


@pytest.fixture
def window(open_page, page):
    """The page, opened and ready."""
    window = open_page(page)
    window.wait_for_selector(READY)
    return window


def wait_for(window, selector: str, words: str) -> None:
    """Wait until an element says something."""
    window.wait_for_selector(f"{selector}:has-text('{words}')")


def test_the_self_test_passes_and_nothing_is_obeyed(window):
    """It says so as text."""
    wait_for(window, "#test", "self-test passed")
    assert window.evaluate("document.scripts.length") == 4
    assert window.inner_text("h1") == "Write with a <model>"


def test_the_self_test_can_fail(checkpoint, open_page, tmp_path):
    """With one other number it says by how much."""
    page = made(checkpoint)
    number = re.search(r'"nats":\[([\d.]+)', page)[1]
    path = tmp_path / "wrong.html"
    path.write_text(page.replace(number, f"{float(number) + 0.5}", 1), encoding="utf-8")
    wait_for(open_page(path), "#test", "self-test failed: off by 5.0e-1 nats")


def test_suggestions_by_keys(window):
    """Tab shows them, arrows choose, Enter takes, Escape drops, undo takes back."""
    window.fill("#text", "abc")
    window.focus("#text")
    window.focus("#text")
    window.keyboard.press("End")
    window.keyboard.press("Tab")
    window.wait_for_selector("#suggestions li")
    shown = window.locator("#suggestions li").all_inner_texts()
    assert 1 <= len(shown) <= 3
    if len(shown) > 1:
        window.keyboard.press("ArrowDown")
        assert window.get_attribute("#suggestions li >> nth=1", "aria-selected") == "true"
        window.keyboard.press("ArrowUp")
    window.keyboard.press("Enter")
    taken = window.input_value("#text")
    assert taken.startswith("abc")
    assert len(taken) > 3
    assert window.locator("#suggestions li").count() == 0
    window.keyboard.press("Tab")
    window.wait_for_selector("#suggestions li")
    window.keyboard.press("Escape")
    assert window.locator("#suggestions li").count() == 0
    assert window.input_value("#text") == taken
    window.click("#undo")
    assert window.input_value("#text") == "abc"


def test_it_writes_on_and_stops(window):
    """By keys, long before the end; a screen reader waits meanwhile."""
    window.fill("#text", "abc")
    press = "key => text.dispatchEvent(new KeyboardEvent('keydown', {key, ctrlKey: true}))"
    status, is_busy = window.evaluate(  # in one turn, so that it cannot end in between
        f"""() => {{
            const press = {press};
            press("Enter");
            const said = [$("status").textContent, text.getAttribute("aria-busy")];
            press("Escape");
            return said;
        }}"""
    )
    assert (status, is_busy) == ("Writing.", "true")
    wait_for(window, "#status", "Stopped")
    written = window.input_value("#text")
    assert written.startswith("abc")
    assert len("abc") < len(written) < len("abc") + 2000
    assert window.get_attribute("#text", "aria-busy") is None


def test_the_same_seed_writes_what_sample_writes(checkpoint, window):
    """With a stop text."""
    window.fill("#text", "abc")
    window.click("summary")
    window.fill("#seed", "5")
    window.fill("#stop", "b")
    window.click("#write")
    wait_for(window, "#status", "Stopped")
    rounded = Model(pack(checkpoint, "int8", 1_000_000).rounded)
    expected = rounded.sample("abc", seed=5, length=2000, stop="b")
    shown = window.input_value("#text").removeprefix("abc")
    assert shown.replace("\r\n", "\n") == expected.replace("\r", "\n")


def test_colours_and_alternatives(window):
    """Every character has its surprise; another one can be chosen, and the model goes on."""
    window.fill("#text", "abc</script>abc")
    window.check("#colours")
    window.wait_for_selector("#look b")
    assert window.locator("#look b").count() == 15
    window.click("#look b >> nth=5")
    assert window.locator("#details button").count() == 5
    window.keyboard.press("ArrowRight")
    window.click("#details button >> nth=0")
    wait_for(window, "#status", "Stopped")
    assert window.input_value("#text").startswith("abc</")


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1440, "light")])
def test_it_fits_phones_and_desktops(open_page, page, width, scheme):
    """Nothing is cut off."""
    window = open_page(page, width, color_scheme=scheme)
    window.wait_for_selector(READY)
    assert window.evaluate("document.documentElement.scrollWidth") <= width


def test_a_model_of_documents_writes_another(make_checkpoint, open_page, tmp_path):
    """A button writes one more document; without the memory no piece of a text is in the page."""
    vocabulary = Vocabulary("abcdef", separator="\n")
    checkpoint = replace(make_checkpoint(characters="abcdefg", scale=3.0), vocabulary=vocabulary)
    index = build_index(np.random.default_rng(0).integers(0, 7, 300), 7)
    page = made(replace(checkpoint, index=index), max_memory=0)
    assert '"name":"index"' not in page
    path = tmp_path / "names.html"
    path.write_text(page, encoding="utf-8")
    window = open_page(path)
    window.wait_for_selector(READY)
    for _ in range(3):
        window.click("#another")
        wait_for(window, "#status", "Stopped")
        window.evaluate("document.getElementById('status').textContent = ''")
    written = window.input_value("#text")
    assert re.fullmatch("[a-f]+\n[a-f]+\n[a-f]+", written)
    assert len(set(written.split("\n"))) == 3
    window.check("#colours")
    window.wait_for_selector("#look b")
    window.click(f"#look b >> nth={written.index(chr(10)) + 1}")  # the first of a document
    assert "bits" in window.inner_text("#details")


def test_names_of_the_training_text_are_left_out(make_checkpoint, open_page, tmp_path):
    """A model that knows only two names has nothing new to write."""
    vocabulary = Vocabulary("ab", separator="\n")
    checkpoint = replace(make_checkpoint(characters="abc", scale=0.0), vocabulary=vocabulary)
    # All documents of up to four letters stand in its training text.
    names = ["".join(p) for n in range(1, 5) for p in itertools.product("ab", repeat=n)]
    ids = [2, *itertools.chain.from_iterable([*vocabulary.encode(name), 2] for name in names)]
    checkpoint = replace(checkpoint, index=build_index(np.array(ids), 3))
    path = tmp_path / "names.html"
    path.write_text(made(checkpoint), encoding="utf-8")
    window = open_page(path)
    window.wait_for_selector(READY)
    window.click("#another")
    wait_for(window, "#status", "Stopped")
    assert re.fullmatch("[ab]{5,}", window.input_value("#text"))
