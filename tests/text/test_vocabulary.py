"""Characters become ids and come back."""

import dataclasses
import json
import os
import string
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charrnn.errors import UnknownCharacterError
from charrnn.text.vocabulary import UNKNOWN, Vocabulary, code_points, smallest_dtype

law = settings(derandomize=True, deadline=None, max_examples=100)

CHARACTERS = st.characters(exclude_categories=["Cs"])
BYTES = Vocabulary("".join(map(chr, range(256))), is_bytes=True)


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    """Draw a vocabulary of characters, with or without the unknown symbol."""
    characters = draw(st.sets(CHARACTERS, min_size=1, max_size=40))
    return Vocabulary("".join(sorted(characters)), has_unknown=draw(st.booleans()))


@st.composite
def vocabularies_with_text(draw: st.DrawFn) -> tuple[Vocabulary, str]:
    """Draw a vocabulary and a text over it."""
    vocabulary = draw(vocabularies())
    return vocabulary, draw(st.text(st.sampled_from(vocabulary.characters)))


@st.composite
def vocabularies_with_any_text(draw: st.DrawFn) -> tuple[Vocabulary, str]:
    """Draw a vocabulary and a text of which some characters are not in it."""
    vocabulary = draw(vocabularies())
    return vocabulary, draw(st.text(st.sampled_from(vocabulary.characters) | CHARACTERS))


@law
@given(vocabularies_with_text())
def test_every_text_over_the_vocabulary_comes_back(case: tuple[Vocabulary, str]) -> None:
    """Decoding what was encoded gives the text, whatever the rule for unknown characters."""
    vocabulary, text = case
    for rule in ("error", "skip", "replace"):
        assert vocabulary.decode(vocabulary.encode(text, rule)) == text


@law
@given(vocabularies(), st.data())
def test_every_sequence_of_ids_comes_back(vocabulary: Vocabulary, data: st.DataObject) -> None:
    """Encoding what was decoded gives the ids."""
    ids = data.draw(st.lists(st.integers(0, len(vocabulary.characters) - 1)))
    assert vocabulary.encode(vocabulary.decode(np.array(ids, dtype=np.int64))).tolist() == ids


@law
@given(vocabularies())
def test_ids_follow_the_code_points(vocabulary: Vocabulary) -> None:
    """The characters in the order of their code points have the ids 0, 1, 2 and so on."""
    ordered = sorted(vocabulary.characters, key=ord)
    assert vocabulary.encode("".join(ordered)).tolist() == list(range(len(ordered)))


@law
@given(vocabularies_with_any_text())
def test_look_up_is_a_search(case: tuple[Vocabulary, str]) -> None:
    """The id of a character is its place among the characters, or -1."""
    vocabulary, text = case
    assert vocabulary.look_up(text).tolist() == [vocabulary.characters.find(c) for c in text]


@law
@given(st.text(st.characters(exclude_categories=[])))
def test_code_points_are_those_of_ord(text: str) -> None:
    """The code point of every character, halves of surrogate pairs included, is its ``ord``."""
    assert code_points(text).tolist() == [ord(c) for c in text]


@law
@given(vocabularies_with_any_text())
def test_skip_leaves_out_what_is_unknown(case: tuple[Vocabulary, str]) -> None:
    """Skipping gives the text without its unknown characters."""
    vocabulary, text = case
    known = "".join(c for c in text if c in vocabulary.characters)
    assert vocabulary.decode(vocabulary.encode(text, "skip")) == known


@law
@given(vocabularies_with_any_text())
def test_replace_keeps_the_length(case: tuple[Vocabulary, str]) -> None:
    """Replacing changes the unknown characters alone, all into one same id of the vocabulary."""
    vocabulary, text = case
    if vocabulary.has_unknown:
        substitute = len(vocabulary.characters)
    else:
        substitute = max(vocabulary.characters.find(" "), 0)
    places = [vocabulary.characters.find(c) for c in text]
    expected = [substitute if place < 0 else place for place in places]
    assert vocabulary.encode(text, "replace").tolist() == expected


@law
@given(vocabularies_with_any_text())
def test_error_names_the_first_unknown_character(case: tuple[Vocabulary, str]) -> None:
    """The message shows the first unknown character, its code point and its place from 1."""
    vocabulary, text = case
    unknown = [(i, c) for i, c in enumerate(text, 1) if c not in vocabulary.characters]
    if not unknown:
        assert vocabulary.decode(vocabulary.encode(text)) == text
        return
    place, character = unknown[0]
    with pytest.raises(UnknownCharacterError) as caught:
        vocabulary.encode(text)
    message = str(caught.value)
    assert f"{character!r} (U+{ord(character):04X}), character {place} of" in message
    assert "`on_unknown`" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("z", "'z' (U+007A)"),
        ("\u20ac", "'\u20ac' (U+20AC)"),
        ("\U0001f600", "'\U0001f600' (U+1F600)"),
        ("\n", "'\\n' (U+000A)"),
        ("\x1b", "'\\x1b' (U+001B)"),
        ("\u202e", "'\\u202e' (U+202E)"),
        ("\udcff", "'\\udcff' (U+DCFF)"),
    ],
    ids=ascii,
)
def test_an_unknown_character_cannot_control_the_terminal(character: str, shown: str) -> None:
    """The message shows a character as itself only where it can be printed."""
    with pytest.raises(UnknownCharacterError) as caught:
        Vocabulary("ab").encode("ab" + character)
    assert shown in str(caught.value)


@pytest.mark.parametrize(
    ("vocabulary", "expected"),
    [
        (Vocabulary(" ab", has_unknown=True), [1, 3, 2]),
        (Vocabulary(" ab"), [1, 0, 2]),
        (Vocabulary("!ab"), [1, 0, 2]),
        (Vocabulary("\t ab"), [2, 1, 3]),
    ],
    ids=["unknown-symbol", "space", "first", "space-is-not-first"],
)
def test_what_replaces_an_unknown_character(vocabulary: Vocabulary, expected: list[int]) -> None:
    """An unknown character becomes the unknown symbol, else a space, else the first character."""
    assert vocabulary.encode("azb", "replace").tolist() == expected


def test_the_replacement_character_is_not_the_unknown_symbol() -> None:
    """U+FFFD in a text has its own id, although the unknown symbol is shown like it."""
    vocabulary = Vocabulary("ab" + UNKNOWN, has_unknown=True)
    assert vocabulary.encode(UNKNOWN).tolist() == [2]
    assert vocabulary.unknown_id == 3
    assert vocabulary.decode(np.array([2, 3])) == UNKNOWN * 2


@pytest.mark.parametrize("rule", ["error", "skip", "replace"])
def test_an_empty_text_has_no_ids(rule: Any) -> None:
    """Nothing becomes nothing."""
    ids = Vocabulary("ab").encode("", rule)
    assert ids.shape == (0,)
    assert Vocabulary("ab").decode(ids) == ""


def test_encoding_leaves_the_vocabulary_alone() -> None:
    """To change the ids of one text does not change those of the next."""
    vocabulary = Vocabulary("abc")
    vocabulary.encode("abc")[:] = 0
    vocabulary.encode("axc", "replace")
    assert vocabulary.encode("abc").tolist() == [0, 1, 2]


@law
@given(vocabularies())
def test_the_size_counts_the_unknown_symbol(vocabulary: Vocabulary) -> None:
    """There are as many ids as characters, and the unknown symbol, if any, is the one after."""
    num_characters = len(set(vocabulary.characters))
    if vocabulary.has_unknown:
        assert (vocabulary.size, vocabulary.unknown_id) == (num_characters + 1, num_characters)
    else:
        assert (vocabulary.size, vocabulary.unknown_id) == (num_characters, None)


@law
@given(vocabularies())
def test_byte_lengths_are_those_of_utf8(vocabulary: Vocabulary) -> None:
    """A character counts its bytes in UTF-8, the unknown symbol none."""
    expected = [len(c.encode("utf-8")) for c in vocabulary.characters]
    assert vocabulary.byte_lengths.tolist() == expected + [0] * vocabulary.has_unknown


@law
@given(st.text(CHARACTERS))
def test_a_prompt_for_characters_is_itself(text: str) -> None:
    """A vocabulary of characters takes a prompt as it is and writes text as UTF-8."""
    vocabulary = Vocabulary("ab")
    assert vocabulary.from_user(text) == text
    assert vocabulary.to_bytes(text) == text.encode("utf-8")


@law
@given(vocabularies())
def test_json_round_trip(vocabulary: Vocabulary) -> None:
    """A vocabulary that went through JSON is equal to what it was and gives the same ids."""
    again = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert again == vocabulary
    text = vocabulary.characters
    assert again.encode(text).tolist() == vocabulary.encode(text).tolist()


@pytest.mark.parametrize(
    ("size", "name"),
    [
        (1, "uint8"),
        (2, "uint8"),
        (256, "uint8"),
        (257, "uint16"),
        (65_536, "uint16"),
        (65_537, "uint32"),
    ],
)
def test_the_smallest_type_that_holds_the_ids(size: int, name: str) -> None:
    """Ids below 256 take one byte, ids below 65536 two, others four."""
    assert smallest_dtype(size) == np.dtype(name)
    assert np.iinfo(smallest_dtype(size)).max >= size - 1


def test_a_prompt_of_the_file_system_names_its_byte() -> None:
    """An undecodable byte on the command line is unknown to a model of characters."""
    with pytest.raises(UnknownCharacterError, match="character 2 of"):
        Vocabulary(string.ascii_lowercase).encode(os.fsdecode(b"a\xff"))


# Documents


@law
@given(vocabularies(), st.sampled_from(["\n", "<|end|>", "·"]))
def test_the_end_symbol_is_the_last_id(vocabulary: Vocabulary, separator: str) -> None:
    """The end symbol has the last id, matches no character, and decodes to the separator."""
    documents = dataclasses.replace(vocabulary, separator=separator)
    assert vocabulary.end_id is None
    assert documents.end_id == vocabulary.size == documents.size - 1
    assert documents.unknown_id == vocabulary.unknown_id
    assert documents.look_up(vocabulary.characters + "\n\x00").max() < documents.end_id
    assert documents.decode(np.array([0, documents.end_id, 0])) == (
        vocabulary.characters[0] + separator + vocabulary.characters[0]
    )
    assert documents.byte_lengths.tolist() == [
        *vocabulary.byte_lengths.tolist(),
        len(separator.encode()),
    ]
    again = Vocabulary.from_json(json.loads(json.dumps(documents.to_json())))
    assert again == documents
