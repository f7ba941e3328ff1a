"""Texts to look at: places by number, documents, what the model does not know."""

from __future__ import annotations

import pytest

from charrnn.errors import ConfigError, TextError
from charrnn.insight.text import MAX_CHARS, make_text
from charrnn.text.vocabulary import Vocabulary

LETTERS = Vocabulary("abc")
LINES = Vocabulary("abc", separator="\n")


def test_places_count_from_one_and_backwards():
    """The first character is given in a text, and predicted in a document."""
    text = make_text(LETTERS, "abcab")
    assert [text.place(at) for at in (2, 5, -1, -4)] == [1, 4, 4, 1]
    assert [text.number(text.place(at)) for at in (2, 5, -1)] == [2, 5, 5]
    lines = make_text(LINES, "ab\nc\n")
    assert lines.shown == "\nab\nc\n"
    assert [lines.shown[lines.place(at)] for at in (1, 2, 3, 4, 5, -1)] == [*"ab\nc\n", "\n"]


@pytest.mark.parametrize("at", [0, 6, -6, 1, -5])
def test_other_places_are_refused(at):
    """The message says which there are."""
    with pytest.raises(ConfigError, match="`at`: "):
        make_text(LETTERS, "abcab").place(at)


def test_a_document_starts_at_its_end_symbol():
    """What a place is predicted from begins with the end of the document before."""
    text = make_text(LINES, "ab\nca\n")
    assert [text.start(place) for place in range(1, 7)] == [0, 0, 0, 3, 3, 3]
    assert make_text(LETTERS, "abcab").start(4) == 0


def test_unknown_characters_are_told():
    """They are left out, or read as the unknown symbol."""
    notices: list[str] = []
    assert make_text(LETTERS, "a?b!c", notices.append).shown == "abc"
    unknown = make_text(Vocabulary("abc", has_unknown=True), "a?b", notices.append)
    assert unknown.ids.tolist() == [0, 3, 1]
    assert [notice.split(" characters")[0] for notice in notices] == ["2", "1"]


def test_a_long_text_is_cut():
    """With a notice."""
    notices: list[str] = []
    assert make_text(LETTERS, "abc" * MAX_CHARS, notices.append).num_chars == MAX_CHARS
    assert len(notices) == 1


@pytest.mark.parametrize("text", ["", "a", "?!"])
def test_a_text_without_two_characters_is_refused(text):
    """There is nothing to look at."""
    with pytest.raises(TextError, match="nothing to look at"):
        make_text(LETTERS, text)
