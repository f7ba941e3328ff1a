"""Values as people type them: durations, sizes, separators."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from charrnn.errors import ConfigError
from charrnn.model.cells.registry import CELLS

# Typed choices, so that Tab completes them; a test holds them against the library's.
if TYPE_CHECKING:
    Cell = str
else:
    Cell = Literal[CELLS]
Block = Literal["plain", "residual"]
Nonlinearity = Literal["tanh", "relu"]
Optimizer = Literal["muon", "adamw", "adam", "rmsprop", "sgd"]
Parallel = Literal["auto", "ensemble", "data"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16"]

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PREFIXES = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\"}


def parse_duration(parameter: str, text: str, *, may_be_zero: bool = False) -> float:
    """Return a duration in seconds.

    The text has numbers with the units d, h, m and s, the largest first, as in ``1h30m`` or
    ``1h 20m``. A number alone is seconds.

    Raises:
        ConfigError: If the text is not a duration, or is 0 and may not be.
    """
    number = r"(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*"
    if match := re.fullmatch(number, text.strip()):
        seconds = float(match[1])
    else:
        units = "".join(rf"(?:{number}{unit}\s*)?" for unit in "dhms")
        match = re.fullmatch(units, text.strip()) if text.strip() else None
        parts = zip(match.groups(), "dhms", strict=True) if match else []
        seconds = sum(float(part or 0) * _SECONDS[unit] for part, unit in parts) if match else -1.0
    if seconds < 0 or (seconds == 0 and not may_be_zero):
        raise ConfigError(f"`{parameter}`: invalid duration {text!r}; give 90s, 5m, 2h or 1h30m")
    return seconds


def format_duration(seconds: float) -> str:
    """Return a duration in the two largest units that it needs: ``1h 20m``, ``3m 05s``, ``42s``."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, last = divmod(rest, 60)
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {last:02d}s" if minutes else f"{last}s"


def parse_size(parameter: str, text: str, *, may_be_zero: bool = False) -> int:
    """Return a number of bytes or characters.

    The text is a number with k, M, G or T (powers of 1,000) or Ki, Mi, Gi or Ti (powers of 1,024);
    a B may follow.

    Raises:
        ConfigError: If the text is not a size, or is 0 and may not be.
    """
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{0,9})?)\s*([kmgt]?)(i?)b?", text.strip().lower())
    size = -1
    if match and (match[2] or not match[3]):
        size = int(float(match[1]) * (1024 if match[3] else 1000) ** _PREFIXES[match[2]])
    if size < (0 if may_be_zero else 1):
        raise ConfigError(f"`{parameter}`: invalid size {text!r}; give 500k, 20M or 1G")
    return size


def parse_separator(lines: bool, doc_sep: str | None) -> str | None:
    """Return the separator of documents, unescaped; None if the text is one document.

    Raises:
        ConfigError: If both options are given, or an escape is unknown.
    """
    if doc_sep is None:
        return "\n" if lines else None
    if lines:
        raise ConfigError("`lines` and `doc_sep` exclude each other; give one of the two")
    return re.sub(r"\\(.?)", _unescape, doc_sep, flags=re.DOTALL)


def _unescape(found: re.Match[str]) -> str:
    """Return the character that an escape stands for."""
    try:
        return _ESCAPED[found[1]]
    except KeyError:
        raise ConfigError(
            rf"`doc_sep`: unknown escape {found[0]!r}; \n, \t, \r, \0 and \\ are allowed"
        ) from None
