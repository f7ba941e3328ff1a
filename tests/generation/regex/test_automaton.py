"""Expressions to match, against Python's own on all short texts of a small alphabet."""

from __future__ import annotations

import itertools
import math
import re

import pytest

from charrnn.errors import ConfigError
from charrnn.generation.regex.automaton import Pattern
from charrnn.text.vocabulary import Vocabulary

ALPHABET = "\nA1ab"
LONGEST = 4

EXPRESSIONS = [
    *["", "a", "ab", "a|b", "a|", "|", "(a|b)*", "a*b+", "a?b?a?", "(ab)+", "(a*)*", "(a+)+b"],
    *[
        "a{2}",
        "a{2,}",
        "a{,2}",
        "a{1,3}b",
        "(a|bb){2,3}",
        "a{0}",
        "a{0}b",
        "(ab?){0,2}",
        "a{",
        "a{}",
    ],
    *[
        "[ab]",
        "[^ab]",
        "[a-b]+",
        "[]a]",
        "[^]a]",
        r"[\]a]",
        r"[\d\n]",
        "[a1-]",
        r"\w+",
        r"\W",
        r"\d*",
    ],
    *[r"\s", r"\S+", ".", ".*", ".+a", "(?s).*", "(?s).{3}", "(?i)AB", "(?i)[A]+b"],
    *[
        "^a$",
        "^(a|b)+$",
        r"\Aab\Z",
        "a^",
        "^",
        "$",
        "^$",
        "a$",
        "(^a|b)+",
        "(a$|b)*",
        "$a",
        "^^a$$",
    ],
    *["a*?b", "a+?", "a??b", "a{1,2}?b", "(?:ab|a)b", "(?P<x>a)b", "(?#of a)a", "((((a))))", "()a"],
    *[
        r"\x61",
        r"\u0061b",
        r"\U00000061",
        r"\N{LATIN SMALL LETTER A}",
        r"\141",
        r"\n+",
        r"a\.|b",
        r"\|",
    ],
    *[
        "((a|b)(A|1)?){2}",
        "(a|ab)(b|ba)",
        "(aa|aaa)*",
        "(a?){3}",
        "a|b|1|A",
        "(|a)(|b)",
        "(a*b*)*1",
    ],
]


@pytest.fixture
def vocabulary():
    """A small one, with an id that stands for no character."""
    return Vocabulary(ALPHABET, has_unknown=True)


def texts(length):
    """Return all texts of a length."""
    return ["".join(characters) for characters in itertools.product(ALPHABET, repeat=length)]


def matches(expression, length):
    """Return which texts of up to a length Python says match as a whole."""
    compiled = re.compile(expression)
    each = itertools.chain.from_iterable(texts(n) for n in range(length + 1))
    return {text for text in each if compiled.fullmatch(text)}


def walk(pattern, text):
    """Return the place after a text."""
    place = pattern.start
    for character in text:
        place = pattern.follow(place, ALPHABET.index(character))
    return place


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_matches_are_those_of_python(expression, vocabulary):
    """A text matches if and only if ``re.fullmatch`` says so."""
    expected = matches(expression, LONGEST)
    if not matches(expression, LONGEST + 2):
        with pytest.raises(ConfigError, match="nothing that this model can write"):
            Pattern(expression, vocabulary)
        return
    pattern = Pattern(expression, vocabulary)
    found = {
        text
        for length in range(LONGEST + 1)
        for text in texts(length)
        if pattern.is_match(walk(pattern, text))
    }
    assert found == expected


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("length", [1, 3, LONGEST])
def test_allowed_characters_are_those_that_lead_to_a_match(expression, length, vocabulary):
    """A character may come next if and only if some match of at most that length has it there."""
    expected = matches(expression, length)
    if not matches(expression, LONGEST + 2):
        return
    pattern = Pattern(expression, vocabulary)
    if not expected:
        assert pattern.chars_to_match(pattern.start) > length
        return
    begins = {text[:size] for text in expected for size in range(len(text) + 1)}
    for begin in begins:
        allowed = pattern.allowed(walk(pattern, begin), length - len(begin))
        found = {c for c, is_allowed in zip(ALPHABET, allowed, strict=False) if is_allowed}
        assert found == {c for c in ALPHABET if begin + c in begins}, begin
        assert not allowed[vocabulary.unknown_id]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_missing_characters_are_counted(expression, vocabulary):
    """From each place it is known how many characters the shortest match still needs."""
    expected = matches(expression, LONGEST + 1)
    if not matches(expression, LONGEST + 2):
        return
    pattern = Pattern(expression, vocabulary)
    for begin in {text[:size] for text in expected for size in range(3)}:
        rest = min(len(text) - len(begin) for text in expected if text.startswith(begin))
        assert pattern.chars_to_match(walk(pattern, begin)) == rest


def test_without_a_limit_all_that_leads_to_a_match_is_allowed(vocabulary):
    """An endless text may go the longest way."""
    pattern = Pattern("(a{50}|b)1", vocabulary)
    allowed = pattern.allowed(pattern.start, math.inf)
    assert [c for c, is_allowed in zip(ALPHABET, allowed, strict=False) if is_allowed] == ["a", "b"]
    allowed = pattern.allowed(pattern.start, 50)
    assert [c for c, is_allowed in zip(ALPHABET, allowed, strict=False) if is_allowed] == ["b"]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("(", "no regular expression"),
        ("a**", "no regular expression"),
        ("[b-a]", "no regular expression"),
        (r"(a)\1", "back-reference"),
        ("(?P<x>a)(?P=x)", "a group with"),
        ("(?=a)a", "a group with"),
        ("(?<!b)a", "a group with"),
        ("(?>a)b", "a group with"),
        ("(a)(?(1)b)", "a group with"),
        ("(?i:a)", "a group with"),
        (r"\bab", "word boundary"),
        ("a*+b", "gives nothing back"),
        ("(?x) a", "flag x"),
        ("(?m)^a", "flag m"),
        ("z", "nothing that this model can write"),
        ("a[^\nA1ab]", "nothing that this model can write"),
        ("(a{200}){200}", "too large"),
        ("(" * 5000 + "a" + ")" * 5000, "no regular expression|too deeply"),
    ],
    ids=lambda value: value[:20],
)
def test_what_cannot_be_followed_is_refused(expression, said, vocabulary):
    """An expression that is none, that an automaton cannot follow, or without a match."""
    with pytest.raises(ConfigError, match=said) as caught:
        Pattern(expression, vocabulary)
    assert len(str(caught.value).splitlines()) == 1


def test_bytes_are_matched_as_bytes():
    """Over a vocabulary of bytes an expression is one of bytes, and of ASCII."""
    vocabulary = Vocabulary("".join(map(chr, range(256))), is_bytes=True)
    pattern = Pattern(r"\xc3[\x80-\xbf]\w", vocabulary)
    place = pattern.follow(pattern.follow(pattern.start, 0xC3), 0xA9)
    assert pattern.allowed(place, 1).nonzero()[0].tolist() == [
        byte for byte in range(256) if re.fullmatch(rb"\w", bytes([byte]))
    ]
    with pytest.raises(ConfigError, match="not ASCII"):
        Pattern("\u00e9", vocabulary)


def test_a_large_vocabulary_is_no_hurdle():
    """All characters of a large vocabulary are weighed."""
    characters = "".join(map(chr, range(0x4E00, 0x9000)))
    pattern = Pattern("[\u4e00-\u4fff]{2,4}", Vocabulary(characters))
    assert pattern.allowed(pattern.start, 4).sum() == 0x200
