"""Expressions to match, against Python's ``re`` on all short texts of a small alphabet."""

from __future__ import annotations

import functools
import itertools
import math
import re
import sys

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from charrnn.errors import ConfigError
from charrnn.generation.regex.pattern import Pattern
from charrnn.text.vocabulary import Vocabulary

ALPHABET = "\nA1ab"
VOCABULARY = Vocabulary(ALPHABET, has_unknown=True)  # its last id is not a character
LONGEST = 4

SPACED = r"""
ab a|b a| | (a|b)* a*b+ (a+)+b a{2,} a{,2} a{1,3}b (a|bb){2,3} a{0}b (ab?){0,2} a{ a{} (a*b*)*1
[ab] [^ab] [a-b]+ []a] [^]a] [\]a] [\d\n] [a1-] \w+ \W \d* \s \S+ .* .+a (?s).* (?s).{3}
(?i)AB (?i)[A]+b (?i:a)A (?-i:a)b (?i)a(?-i:A) (?x)a\nb? (?a)\w (?ix)\x41 (?s:.)a
^a$ ^(a|b)+$ \Aab\Z a^ ^ $ ^$ (^a|b)+ (a$|b)* $a ^^a$$ a$\n a\Z\n $^\n (a|$)*\n (a$){2}
a*?b a??b a{1,2}?b (?:ab|a)b (?P<x>a)b (?#of(a)a a(?#c)*b ((((a)))) ()a (){3}a ((){9})* (^|a){5}
\x61 \u0061b \U00000061 \141 \n+ a\.|b [[a-z]+b [!--]?
((a|b)(A|1)?){2} (a|ab)(b|ba) (aa|aaa)* (a?){3} (|a)(|b) a{0,1000} (a|){3}
"""
EXPRESSIONS = ["", "(?x)a b ?", r"\N{LATIN SMALL LETTER A}", *SPACED.split()]


@functools.cache
def texts(longest: int) -> list[str]:
    """Return all texts of up to a length."""
    each = (itertools.product(ALPHABET, repeat=size) for size in range(longest + 1))
    return ["".join(characters) for characters in itertools.chain.from_iterable(each)]


@functools.cache
def matches(expression: str, longest: int) -> set[str]:
    """Return which texts of up to a length match as a whole, by Python."""
    compiled = re.compile(expression)
    return {text for text in texts(longest) if compiled.fullmatch(text)}


def walk(pattern: Pattern, text: str) -> frozenset[int]:
    """Return the position after a text."""
    states = pattern.start
    for character in text:
        states = pattern.follow(states, ALPHABET.index(character))
    return states


def found_matches(expression: str, longest: int) -> set[str]:
    """Return which texts of up to a length match by the automaton; none where it is refused."""
    try:
        pattern = Pattern(expression, VOCABULARY)
    except ConfigError as error:
        assert "cannot match" in str(error), error  # noqa: PT017
        return set()
    return {text for text in texts(longest) if pattern.is_match(walk(pattern, text))}


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")  # by Python's own compilation
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_matches_are_those_of_python(expression: str) -> None:
    """A text matches if and only if ``re.fullmatch`` says so."""
    assert found_matches(expression, LONGEST) == matches(expression, LONGEST)


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_allowed_characters_are_those_that_lead_to_a_match(expression: str) -> None:
    """A character may come next if and only if a match within the length continues with it."""
    if not matches(expression, LONGEST):
        return
    pattern = Pattern(expression, VOCABULARY)
    for longest in (1, 3, LONGEST):
        expected = matches(expression, longest)
        begins = {text[:size] for text in expected for size in range(len(text) + 1)}
        for begin in begins:
            states = walk(pattern, begin)
            allowed = pattern.allowed(states, longest - len(begin))
            found = {c for c, is_allowed in zip(ALPHABET, allowed, strict=False) if is_allowed}
            assert found == {c for c in ALPHABET if begin + c in begins}, begin
            assert not allowed[VOCABULARY.unknown_id]
            if longest == LONGEST:
                rest = min(len(text) for text in expected if text.startswith(begin)) - len(begin)
                assert pattern.chars_to_match(states) == rest


def test_without_a_limit_every_way_to_a_match_is_allowed() -> None:
    """An endless text may take the longest way."""
    pattern = Pattern("(a{50}|b)1", VOCABULARY)
    for left, expected in ((math.inf, "ab"), (50, "b")):
        allowed = pattern.allowed(pattern.start, left)
        assert [c for c, ok in zip(ALPHABET, allowed, strict=False) if ok] == list(expected)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("(", "invalid regular expression"),
        ("a**", "invalid regular expression"),
        ("[b-a]", "invalid regular expression"),
        ("(?x)(\n", "invalid regular expression"),
        ("a{99999999999}", "invalid regular expression"),
        ("(?L)a", "invalid regular expression"),
        (r"(a)\1", "back-reference"),
        (r"(?i)(a)\1", "back-reference"),
        ("(?P<x>a)(?P=x)", "back-reference"),
        ("(?=a)a", "look-ahead"),
        ("(?!)", "look-ahead"),
        ("(?<!b)a", "look-behind"),
        ("(?>a)b", "atomic"),
        ("(a)(?(1)b)", "conditional"),
        (r"\bab", "word boundary"),
        ("a*+b", "possessive"),
        ("(?m)^a", "flag m"),
        ("z", "cannot match"),
        ("a[^\nA1ab]", "cannot match"),
        ("(a{200}){200}", "too large"),
        ("(a|){4000000000}", "too large"),
        ("((a?){50000}){50000}", "too large"),
        ("(" * 5000 + "a" + ")" * 5000, "too deeply"),
    ],
    ids=lambda value: value[:20],
)
def test_what_cannot_be_followed_is_refused(expression: str, said: str) -> None:
    """An invalid, unsupported, hopeless or oversized expression is one line about `match`."""
    with pytest.raises(ConfigError, match=f"^`match`: .*{said}") as caught:
        Pattern(expression, VOCABULARY)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("expression", ["(){4000000000}a", "((|(){9}){4000000000}){4000000000}a"])
def test_repeating_nothing_costs_nothing(expression: str) -> None:
    """Repeating what matches no character is the same as not repeating it."""
    assert found_matches(expression, 2) == {"a"}


@pytest.mark.parametrize(
    "expression", ["(a?){%d}1", "((a?){10}){%d}1", "(^|a){%d}$\n?", "(a|b){%d}"]
)
def test_size_is_linear_in_repetitions(expression: str) -> None:
    """Counted repetitions cost in proportion; quadratic work would cost 64 times as much."""

    def num_calls(count: int) -> int:
        calls: list[str] = []
        sys.setprofile(lambda *event: calls.append(event[1]))
        try:
            Pattern(expression % count, VOCABULARY)
        finally:
            sys.setprofile(None)
        return len(calls)

    assert num_calls(160) < 9 * num_calls(20)


CHARS = st.sampled_from(
    [*"aab1A.", r"\n", r"\d", r"\w", r"\W", r"\s", "[ab]", "[^a]", "[A-b]", r"[^\w]", "", "^", "$"]
)
QUANTIFIERS = st.sampled_from(["?", "*", "+", "{2}", "{,2}", "{1,2}", "*?", "+?", "??"])
FLAGS = st.sampled_from(["", "", "?:", "?i:", "?s:", "?-i:", "?a:", "?x:"])
TREES = st.recursive(
    CHARS,
    lambda part: st.one_of(
        st.lists(part, max_size=3).map("".join),
        st.tuples(part, part).map("|".join),
        st.tuples(FLAGS, part).map("({0[0]}{0[1]})".format),
        st.tuples(part, QUANTIFIERS).map("(?:{0[0]}){0[1]}".format),
    ),
    max_leaves=6,
)


@given(TREES)
def test_generated_expressions_match_as_in_python(expression: str) -> None:
    """Whatever an expression is made of, it matches what ``re.fullmatch`` matches."""
    assert found_matches(expression, 3) == matches(expression, 3)


@given(st.text(st.sampled_from("ab1()[]{}?*+|^$\\.,-<!=:P#ixsm&~0 \n"), max_size=12))
@example("a(?#c)*b")
@example("[[a-z]+x")
def test_rubbish_works_or_is_one_error(expression: str) -> None:
    """Any text is an expression that matches as in Python, or one error of one line."""
    try:
        Pattern(expression, VOCABULARY)
    except ConfigError as error:
        assert str(error).startswith("`match`: ")  # noqa: PT017
        assert len(str(error).splitlines()) == 1  # noqa: PT017


def test_bytes_are_matched_as_bytes() -> None:
    """Over a vocabulary of bytes an expression is one of bytes, in ASCII."""
    vocabulary = Vocabulary("".join(map(chr, range(256))), is_bytes=True)
    pattern = Pattern(r"\xc3[\x80-\xbf]\w", vocabulary)
    states = pattern.follow(pattern.follow(pattern.start, 0xC3), 0xA9)
    assert pattern.allowed(states, 1).nonzero()[0].tolist() == [
        byte for byte in range(256) if re.fullmatch(rb"\w", bytes([byte]))
    ]
    with pytest.raises(ConfigError, match="not ASCII"):
        Pattern("\u00e9", vocabulary)


def test_a_large_vocabulary_works() -> None:
    """All characters of a large vocabulary are considered."""
    characters = "".join(map(chr, range(0x4E00, 0x9000)))
    pattern = Pattern("[\u4e00-\u4fff]{2,4}", Vocabulary(characters))
    assert pattern.allowed(pattern.start, 4).sum() == 0x200
