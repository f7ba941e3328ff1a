"""Files that a user names to be written."""

from __future__ import annotations

import stat
from pathlib import Path

from charrnn.errors import ConfigError


def check_target(option: str, path: Path | None) -> None:
    """Refuse a path that no file can be written to, before any work is done.

    Raises:
        ConfigError: If its folder is not there, or something else than a file is.
    """
    if path is None:
        return
    if not path.parent.is_dir():
        raise ConfigError(f"{option}: {str(path.parent)!r} is no folder; make it first")
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise ConfigError(f"{option}: {str(path)!r} is no file; give the name of one")
