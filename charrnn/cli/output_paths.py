"""Paths that a user names for output."""

import stat
from pathlib import Path

from charrnn.errors import ConfigError

STDOUT = Path("-")
"""The path that means standard output."""


def check_output_path(parameter: str, path: Path | None) -> None:
    """Refuse a path that cannot be written, before any work; ``-`` and None are good.

    Raises:
        ConfigError: If the folder does not exist, or the path exists and is not a file.
    """
    if path is None or path == STDOUT:
        return
    if not path.parent.is_dir():
        raise ConfigError(f"`{parameter}`: no folder {str(path.parent)!r}; create it first")
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise ConfigError(f"`{parameter}`: {str(path)!r} is not a file; give the name of one")
