"""Features of a text, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from charrnn.errors import ConfigError
from charrnn.insight.features import find_features


def values_of(text, name, patterns=()):
    """Return the values of a feature."""
    (feature,) = [each for each in find_features(text, patterns) if each.name == name]
    assert len(feature.values) == len(text)
    return feature.values


def marks(text, name, patterns=()):
    """Return the characters for which a yes-or-no feature holds; dots for the others."""
    values = values_of(text, name, patterns)
    assert set(values.tolist()) <= {0.0, 1.0}
    return "".join(c if v else "." for c, v in zip(text, values, strict=True))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("inside quotes", 'a "bc d" e', "...bc d..."),
        ("inside quotes", "\u201cab\u201d c", ".ab..."),
        ("inside quotes", '"ab\n\nc"d"', "......." + "d."),
        ("inside round brackets", "f(a, (b))", ".....(b).".replace("(b)", ".b.")),
        ("inside square brackets", "x[1] [2", ".. 1....".replace(" ", "")),
        ("inside curly brackets", "{a b}", ".a b."),
        ("inside a comment", "x = 1  # why\ny", "........ why" + ".."),
        ("inside a comment", "a /* b */ c", ".... b ...."),
        ("inside a comment", "http://x.y", ".........."),
        ("inside a name in capitals before a colon", "JOHN:\nJo JO:", "JOHN........"),
        ("inside a word in capitals", "NO No N", "NO....."),
        ("inside a capitalised word", "No NO no", "No......"),
        ("inside a number", "x 1,200.5 y7", "..1,200.5..7"),
        ("inside a word", "Stra\u00dfe 7b", "Stra\u00dfe..b"),
        ("inside indentation", "a\n  b\n \nc", "..  ......"[:9]),
    ],
)
def test_what_is_inside(name, text, expected):
    """Quotes and brackets, comments, names, words."""
    assert marks(text, name) == expected


def test_what_is_counted():
    """Columns, indentation, places in words and sentences, brackets."""
    text = "ab c.\n\n  d (e"
    assert values_of(text, "the column").tolist() == [*range(6), 0, *range(6)]
    indentation = values_of(text, "the indentation of the line")
    assert indentation.tolist() == [0] * 7 + [2] * 6
    assert values_of(text, "the place in the word").tolist() == [1, 2, 0, 1, *[0] * 5, 1, 0, 0, 1]
    sentence = values_of(text, "the place in the sentence").tolist()
    assert sentence[:5] == [0, 1, 2, 3, 4]
    assert sentence[7:] == [*range(6)]
    assert values_of(text, "the depth of brackets").tolist() == [0] * 11 + [1, 1]


def test_patterns_of_the_user():
    """Groups mark where it holds; without one, the whole match does."""
    assert marks("a<b>c", "inside <(.)>", ("<(.)>",)) == "..b.."
    assert marks("a<b>c", "inside <.>", ("<.>",)) == ".<b>."
    with pytest.raises(ConfigError, match="`feature`: '\\('"):
        find_features("a", ("(",))


def test_an_empty_text_has_empty_features():
    """Nothing fails."""
    assert all(len(each.values) == 0 for each in find_features(""))
    assert all(np.isfinite(each.values).all() for each in find_features("\n\n"))
