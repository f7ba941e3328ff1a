"""Lengths of time as people type them: 90, 90s, 5m, 1.5h."""

from __future__ import annotations

import re

from charrnn.errors import ConfigError

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(option: str, text: str, *, may_be_zero: bool = False) -> float:
    """Return a length of time in seconds.

    Args:
        option: Where it was typed, for the message.
        text: A number with s, m, h, d or nothing, which means seconds.
        may_be_zero: Whether 0 is a length.

    Raises:
        ConfigError: If the text is no length of time.
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*([smhd]?)", text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else -1.0
    if seconds < 0 or (seconds == 0 and not may_be_zero):
        raise ConfigError(f"{option}: {text!r} is no length of time; give 90s, 5m or 2h")
    return seconds


def format_duration(seconds: float) -> str:
    """Return a length of time in the two largest units that it needs: 1h 20m, 3m 05s, 42s."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, last = divmod(rest, 60)
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {last:02d}s" if minutes else f"{last}s"
