"""Find the files of a corpus: a file, a folder, or ``-`` for standard input."""

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from charrnn.errors import ConfigError, TextError

STDIN = "-"
DEFAULT_GLOB = ("*.txt",)


def find_files(names: Sequence[str], glob: Sequence[str] = DEFAULT_GLOB) -> list[str]:
    """Return the files of a corpus.

    Args:
        names: Paths of files and folders, or ``-``.
        glob: Which files of a folder to take: those that match any of these patterns, at any
            depth, except hidden ones. ``**`` matches any number of folders, and a leading ``/``
            ties a pattern to the folder itself.

    Returns:
        Paths of files, or ``-``, in the given order. The files of a folder are sorted.

    Raises:
        TextError: If a path does not exist, or no file of a folder matches.
        ConfigError: If a pattern is empty, or ``-`` occurs twice.
    """
    patterns = [_split_pattern(pattern) for pattern in glob]
    files: list[str] = []
    for name in names:
        path = Path(name)
        try:
            is_folder = name != STDIN and path.is_dir()
            exists = name == STDIN or path.exists()
        except OSError as error:  # the name is too long, or a folder is not accessible
            raise TextError(f"{name!r}: {error.strerror}") from None
        if not exists:
            raise TextError(f"{name!r}: no such file or folder")
        if not is_folder:  # a file, or a pipe such as <(command)
            files.append(name)
            continue
        found = sorted(
            path / file
            for file in _visible_files(path)
            if any(_matches(file.parts, pattern) for pattern in patterns)
        )
        if not found:
            quoted = " or ".join(map(repr, glob))
            raise TextError(
                f"{name!r}: no file in this folder matches {quoted}; "
                "give another `glob`, for example '*.md'"
            )
        files.extend(map(str, found))
    if files.count(STDIN) > 1:
        raise ConfigError("'-': standard input can be read only once")
    return files


def _split_pattern(pattern: str) -> list[str]:
    """Return the parts of a pattern, beginning with ``**`` unless it is tied to the folder."""
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if not parts:
        raise ConfigError(f"`glob`: {pattern!r} matches no file; give a pattern such as '*.txt'")
    return parts if pattern.startswith("/") else ["**", *parts]


def _visible_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, relative to it, without hidden files and folders."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if not name.startswith(".") and path.is_file():
                yield path.relative_to(folder)


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return whether a path matches a pattern; both are given as parts."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return _matches(parts, pattern[1:]) or (bool(parts) and _matches(parts[1:], pattern))
    return bool(parts) and fnmatch(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])
