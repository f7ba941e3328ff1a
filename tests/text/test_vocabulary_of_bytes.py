"""A vocabulary of bytes: the id of a byte is its value."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charrnn.text.vocabulary import Vocabulary

law = settings(derandomize=True, deadline=None, max_examples=100)

CHARACTERS = st.characters(exclude_categories=["Cs"])
BYTES = Vocabulary("".join(map(chr, range(256))), is_bytes=True)


@pytest.mark.parametrize("has_unknown", [False, True], ids=["closed", "open"])
def test_a_byte_is_one_byte_long(has_unknown: bool) -> None:
    """In a vocabulary of bytes each character counts one byte, those above 127 too."""
    vocabulary = Vocabulary(BYTES.characters, has_unknown, is_bytes=True)
    assert vocabulary.byte_lengths.tolist() == [1] * 256 + [0] * has_unknown


@law
@given(st.binary())
def test_bytes_come_back(data: bytes) -> None:
    """In a vocabulary of bytes the id of a byte is its value, and any bytes come back."""
    ids = BYTES.encode(data.decode("latin-1"))
    assert ids.tolist() == list(data)
    assert BYTES.to_bytes(BYTES.decode(ids)) == data


@law
@given(st.text(CHARACTERS))
def test_a_prompt_for_bytes_is_its_utf8(text: str) -> None:
    """What a user types becomes the characters of its UTF-8 bytes, and these become it again."""
    prompt = BYTES.from_user(text)
    assert BYTES.encode(prompt).tolist() == list(text.encode("utf-8"))
    assert BYTES.to_bytes(prompt).decode("utf-8") == text


@law
@given(st.binary())
def test_raw_bytes_of_the_command_line_are_kept(data: bytes) -> None:
    """An argument that is not UTF-8 reaches a vocabulary of bytes unchanged."""
    assert BYTES.to_bytes(BYTES.from_user(data.decode("utf-8", "surrogateescape"))) == data


def test_the_unknown_symbol_can_be_written_as_a_byte() -> None:
    """Even text that shows the unknown symbol has bytes, one for each id."""
    vocabulary = Vocabulary("ab", has_unknown=True, is_bytes=True)
    assert len(vocabulary.to_bytes(vocabulary.decode(np.array([0, 2, 1])))) == 3


def test_json_round_trip_of_bytes() -> None:
    """A vocabulary of bytes stays one."""
    again = Vocabulary.from_json(json.loads(json.dumps(BYTES.to_json())))
    assert again == BYTES
    assert again.is_bytes
