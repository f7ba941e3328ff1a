"""A description of a vocabulary is read only if it is valid."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charrnn.text.vocabulary import Vocabulary

law = settings(derandomize=True, deadline=None, max_examples=100)

BYTES = Vocabulary("".join(map(chr, range(256))), is_bytes=True)


def described(**changes: object) -> dict[str, object]:
    return {"characters": "abc", "has_unknown": False, "is_bytes": False} | changes


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="list"),
        pytest.param("abc", id="text"),
        pytest.param({}, id="no-keys"),
        pytest.param({"characters": "abc"}, id="some-keys"),
        pytest.param(described(characters=""), id="empty"),
        pytest.param(described(characters="ba"), id="unsorted"),
        pytest.param(described(characters="aab"), id="duplicate"),
        pytest.param(described(characters="a\U0001f600\u20ac"), id="unsorted-beyond-16-bits"),
        pytest.param(described(characters="a\ud800"), id="high-surrogate"),
        pytest.param(described(characters="a\udfff"), id="low-surrogate"),
        pytest.param(described(characters=["a", "b"]), id="list-of-characters"),
        pytest.param(described(characters=None), id="no-characters"),
        pytest.param(described(characters=b"abc"), id="bytes"),
        pytest.param(described(has_unknown=1), id="has-unknown-is-a-number"),
        pytest.param(described(has_unknown="true"), id="has-unknown-is-text"),
        pytest.param(described(is_bytes=0), id="is-bytes-is-a-number"),
        pytest.param(described(is_bytes=None), id="is-bytes-is-null"),
        pytest.param(described(characters="a\u0100", is_bytes=True), id="no-such-byte"),
    ],
)
def test_json_that_is_no_vocabulary_is_refused(value: object) -> None:
    """Whatever is not distinct, sorted and valid characters with two flags is refused."""
    with pytest.raises(ValueError, match="not"):
        Vocabulary.from_json(value)


@law
@given(st.text(st.characters(exclude_categories=[]), max_size=6))
def test_from_json_accepts_exactly_what_is_sorted(text: str) -> None:
    """Characters are accepted if and only if they are sorted, distinct, valid and not none."""
    is_valid = text != "" and list(text) == sorted(set(text))
    is_valid = is_valid and not any("\ud800" <= c <= "\udfff" for c in text)
    try:
        vocabulary = Vocabulary.from_json(described(characters=text))
    except ValueError:
        assert not is_valid
    else:
        assert is_valid
        assert vocabulary.characters == text


def test_older_descriptions_have_no_end_symbol() -> None:
    """A model file that says nothing of documents is one of a text in one piece."""
    assert Vocabulary.from_json(described()) == Vocabulary("abc")
    assert Vocabulary.from_json(described(separator="")) == Vocabulary("abc")


@pytest.mark.parametrize("separator", [None, 1, ["\n"], "\ud800"])
@pytest.mark.parametrize("is_bytes", [True, False])
def test_a_separator_that_is_no_text_is_refused(separator: object, is_bytes: bool) -> None:
    """What stands between documents must be characters that can be written."""
    with pytest.raises(ValueError, match="separator"):
        Vocabulary.from_json(described(separator=separator, is_bytes=is_bytes))


def test_a_separator_of_bytes_is_made_of_bytes() -> None:
    """In a vocabulary of bytes each character of a separator is one."""
    separator = BYTES.from_user("·")
    assert dataclasses.replace(BYTES, separator=separator).byte_lengths[-1] == 2
    with pytest.raises(ValueError, match="separator"):
        Vocabulary.from_json(described(separator="漢", is_bytes=True))
