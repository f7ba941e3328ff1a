"""Lengths of time as people type and read them."""

import pytest

from charrnn.cli.durations import format_duration, parse_duration
from charrnn.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("0.5s", 0.5),
        (".5", 0.5),
        ("5m", 300),
        ("1.5h", 5400),
        ("2d", 172_800),
        ("7.", 7),
        (" 3 m ", 180),
        ("007", 7),
        ("999999999", 999_999_999),
    ],
)
def test_duration_is_seconds(text: str, seconds: float) -> None:
    """A number with a unit is that many seconds; without a unit it is seconds."""
    assert parse_duration("--time", text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "m",
        ".",
        "-1",
        "+1",
        "abc",
        "1e3",
        "inf",
        "nan",
        "5x",
        "5M",
        "1h30m",
        "1,5h",
        "٣s m",
    ],
)
def test_other_text_is_no_duration(text: str) -> None:
    """What is no length of time is refused in the name of its option."""
    with pytest.raises(ConfigError, match=r"^--time: .*is no length of time; give 90s, 5m or 2h$"):
        parse_duration("--time", text)


@pytest.mark.parametrize("text", ["0", "0s", "0.0h"])
def test_zero_is_a_duration_only_where_allowed(text: str) -> None:
    """Zero is refused unless the option gives it a meaning."""
    assert parse_duration("--preview-every", text, may_be_zero=True) == 0
    with pytest.raises(ConfigError):
        parse_duration("--time", text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.4, "0s"),
        (42, "42s"),
        (59.6, "1m 00s"),
        (60, "1m 00s"),
        (185, "3m 05s"),
        (3599, "59m 59s"),
        (3600, "1h 00m"),
        (4859, "1h 20m"),
        (90_000, "25h 00m"),
    ],
)
def test_duration_is_shown_in_its_largest_units(seconds: float, text: str) -> None:
    """A length of time is shown in whole numbers of its two largest units."""
    assert format_duration(seconds) == text
