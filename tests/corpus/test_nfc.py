"""A text is normalised to NFC however its blocks lie, and the vocabulary remembers it."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charrnn.corpus.decode import Decoding, compose, may_join
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import build_corpus, open_corpus
from charrnn.errors import ConfigError
from charrnn.text.vocabulary import Vocabulary

law = settings(derandomize=True, deadline=None, max_examples=100)
# Letters, marks of several classes, Hangul letters, and vowel signs without a class.
HARD = st.text("ae \n\u0301\u0323\u0344\u1100\u1161\u11a8\uac00\u09c7\u09be\u212b\u00e9")
DECOMPOSED = "cafe\u0301 au lait\n"


@law
@given(st.lists(HARD, max_size=6))
def test_blocks_do_not_show(blocks: list[str]) -> None:
    """The text is that of the whole, normalised, wherever its blocks are divided."""
    assert "".join(compose(blocks)) == unicodedata.normalize("NFC", "".join(blocks))


def test_no_other_character_joins_the_one_before() -> None:
    """Of all of Unicode, only what may join is second in a composition or has a class."""
    for character in map(chr, range(0x110000)):
        if unicodedata.combining(character):
            assert may_join(character)
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            assert may_join(chr(int(parts[1], 16)))


def test_a_corpus_is_normalised(tmp_path: Path) -> None:
    """The ids are those of the normalised text, and prompts are normalised like it."""
    (tmp_path / "text").write_text(DECOMPOSED * 5)
    options = CorpusOptions(nfc=True, separator="e\u0301")
    corpus = build_corpus(tmp_path, [str(tmp_path / "text")], options)
    assert "\u0301" not in corpus.vocabulary.characters
    assert corpus.vocabulary.separator == "\u00e9"
    assert open_corpus(tmp_path).vocabulary.nfc
    assert corpus.vocabulary.from_user("e\u0301") == "\u00e9"
    assert Decoding().nfc is False


def test_older_files_are_not_normalised() -> None:
    """The option is stored only if it is set, so that files without it stay as they were."""
    assert "nfc" not in Vocabulary("ab").to_json()
    assert "nfc" not in json.dumps(CorpusOptions().to_json())
    assert not Vocabulary.from_json(Vocabulary("ab").to_json()).nfc
    value = Vocabulary("ab", nfc=True).to_json()
    assert Vocabulary.from_json(json.loads(json.dumps(value))).nfc
    with pytest.raises(ValueError, match="normalisation"):
        Vocabulary.from_json(value | {"nfc": 1})


@pytest.mark.parametrize(
    "options",
    [CorpusOptions(), CorpusOptions(glob=("*.md", "*.txt"), nfc=True, separator="\n", val="0.2")],
)
def test_options_go_through_json(options: CorpusOptions) -> None:
    """Options that were stored are equal to what they were."""
    assert CorpusOptions.from_json(json.loads(json.dumps(options.to_json()))) == options


def test_older_options_have_one_pattern() -> None:
    """A state file with one pattern for folders is read."""
    value = CorpusOptions().to_json()
    del value["glob"]
    assert CorpusOptions.from_json(value | {"pattern": "*.md"}).glob == ("*.md",)


def test_bytes_are_not_normalised() -> None:
    """The option contradicts a model of bytes."""
    with pytest.raises(ConfigError, match="`nfc`"):
        CorpusOptions(nfc=True, decoding=Decoding(is_bytes=True))
