"""Numbers of bytes as people type them: 500000, 500k, 20M, 1.5G, 4KiB."""

from __future__ import annotations

import re

from charrnn.errors import ConfigError

_PREFIXES = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(option: str, text: str) -> int:
    """Return a number of bytes, 1 or more.

    Args:
        option: Where it was typed, for the message.
        text: A number with k, M, G or T, powers of 1,000, or Ki, Mi, Gi or Ti, powers of 1,024; a B
            may follow.

    Raises:
        ConfigError: If the text is no such number.
    """
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{0,9})?)\s*([kmgt]?)(i?)b?", text.strip().lower())
    size = 0
    if match and (match[2] or not match[3]):
        size = int(float(match[1]) * (1024 if match[3] else 1000) ** _PREFIXES[match[2]])
    if size < 1:
        raise ConfigError(f"{option}: {text!r} is no number of bytes; give 500k, 20M or 1G")
    return size
