"""What a user types for the text that stands between documents."""

from __future__ import annotations

import re

from charrnn.errors import ConfigError

_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\"}


def parse_separator(lines: bool, doc_sep: str | None) -> str | None:
    """Return what stands between documents, None where the text is in one piece.

    Args:
        lines: Whether ``--lines`` was given.
        doc_sep: What was given as ``--doc-sep``, with backslashes for what is hard to type.

    Raises:
        ConfigError: If both are given, or a backslash stands before anything else.
    """
    if doc_sep is None:
        return "\n" if lines else None
    if lines:
        raise ConfigError("--lines, --doc-sep: each says where documents end; give one of them")
    return re.sub(r"\\(.?)", _unescape, doc_sep, flags=re.DOTALL)


def _unescape(found: re.Match[str]) -> str:
    """Return the character that a backslash and what follows it stand for."""
    try:
        return _ESCAPED[found[1]]
    except KeyError:
        raise ConfigError(
            f"--doc-sep: {found[0]!r} means nothing; only \\n, \\t, \\r, \\0 and \\\\ do"
        ) from None
