"""Durations as people type and read them."""

import pytest

from charrnn.cli.values import format_duration, parse_duration
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
        ("1h30m", 5400),
        ("1h 20m", 4800),
        ("3m 05s", 185),
        ("1d 2h 3m 4.5s", 93_784.5),
    ],
)
def test_duration_is_seconds(text: str, seconds: float) -> None:
    """A number with a unit is that many seconds; without a unit it is seconds."""
    assert parse_duration("time", text) == seconds


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
        "30m1h",
        "1h1h",
        "1h30",
        "1,5h",
        "٣s m",
    ],
)
def test_other_text_is_not_a_duration(text: str) -> None:
    """Anything else is refused, and the error names the parameter."""
    with pytest.raises(ConfigError, match=r"^`time`: "):
        parse_duration("time", text)


@pytest.mark.parametrize("text", ["0", "0s", "0.0h"])
def test_zero_is_a_duration_only_where_allowed(text: str) -> None:
    """Zero is refused unless the parameter gives it a meaning."""
    assert parse_duration("preview_every", text, may_be_zero=True) == 0
    with pytest.raises(ConfigError):
        parse_duration("time", text)


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
    """A duration is shown in its two largest units, and what is shown can be typed."""
    assert format_duration(seconds) == text
    shown = parse_duration("time", text, may_be_zero=True)
    assert abs(shown - seconds) <= (60 if seconds >= 3600 else 0.5)
