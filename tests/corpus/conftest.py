"""Fixtures for texts: what is read of files, and what is said of those that cannot be."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from charrnn.corpus import decode
from charrnn.corpus.decode import Decoding, read_blocks
from charrnn.corpus.find import find_files
from charrnn.errors import TextError


@pytest.fixture(scope="session")
def blocks_of() -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """Return a context manager that sets the block size of reading."""
    return _blocks_of


@contextlib.contextmanager
def _blocks_of(num_bytes: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "BLOCK_BYTES", num_bytes)
        yield


@pytest.fixture(scope="session")
def read() -> Callable[..., str]:
    """Return what reads the text that names stand for."""
    return _read


def _read(
    *names: Path | str,
    encoding: str = "utf-8",
    is_bytes: bool = False,
    glob: tuple[str, ...] = ("*.txt",),
) -> str:
    files = find_files([str(name) for name in names], glob)
    return "".join(read_blocks(files, Decoding(encoding, is_bytes)))


@pytest.fixture(scope="session")
def notices_of() -> Callable[..., list[str]]:
    """Return a function that reads files and collects the notices."""
    return _notices_of


def _notices_of(*names: Path | str, is_bytes: bool = False) -> list[str]:
    notices: list[str] = []
    for _ in read_blocks(
        [str(name) for name in names], Decoding(is_bytes=is_bytes), notices.append
    ):
        pass
    return notices


@pytest.fixture(scope="session")
def error_of() -> Callable[..., str]:
    """Return what reads names and returns the one line that says why they cannot be used."""
    return _error_of


def _error_of(*names: Path | str, encoding: str = "utf-8", is_bytes: bool = False) -> str:
    with pytest.raises(TextError) as caught:
        _read(*names, encoding=encoding, is_bytes=is_bytes)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that each example of a law writes anew."""
    return tmp_path_factory.mktemp("text") / "text.txt"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """An empty run directory."""
    (tmp_path / "run").mkdir()
    return tmp_path / "run"
