"""The directory of a run: making it, finding it, and keeping it to one training at a time."""

import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from charrnn.corpus.find import STDIN, find_files
from charrnn.corpus.store import ABOUT_NAME, IDS_NAME, open_corpus
from charrnn.errors import CharRNNError, RunError
from charrnn.model.checkpoint import MODEL_NAME
from charrnn.model.find import RUNS
from charrnn.storage.atomic import remove_abandoned
from charrnn.storage.lock import lock_file
from charrnn.training.run.metrics import METRICS_NAME
from charrnn.training.run.state import STATE_NAME, read_standing

LOCK_NAME = ".lock"
TEMPORARY_FOLDER = rf"\.{re.escape(IDS_NAME)}\.[a-z0-9_]{{8}}"  # as tempfile names them
RUN_NAMES = (MODEL_NAME, STATE_NAME, METRICS_NAME, IDS_NAME, ABOUT_NAME)


def make_directory(out: Path | None, first_name: str) -> tuple[Path, bool]:
    """Make the run directory, and tell whether it is new.

    Args:
        out: What the user named, or None.
        first_name: The first text, after which a new directory is named.
    """
    if out is not None:
        is_new = not out.exists()
        out.mkdir(parents=True, exist_ok=True)
        return out, is_new
    stem = "stdin" if first_name == STDIN else Path(first_name).resolve().name.split(".")[0]
    stem = stem or "text"
    for number in itertools.count(1):
        directory = RUNS / (stem if number == 1 else f"{stem}-{number}")
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            continue
        return directory, True
    raise AssertionError("counting ended")


def refuse_run(directory: Path) -> None:
    """Refuse a directory that holds a run, or a file of its own that a run would replace.

    The files of a run that was killed before its first model are replaced.

    Raises:
        RunError: If it does.
    """
    if (directory / MODEL_NAME).exists() or (directory / STATE_NAME).exists():
        raise RunError(
            f"{str(directory)!r}: holds a run already; resume it with --resume, give another -o "
            "directory, or remove this one"
        )
    if (directory / ABOUT_NAME).exists():
        try:
            open_corpus(directory)
        except CharRNNError:
            raise RunError(
                f"{str(directory / ABOUT_NAME)!r}: not of a run; give -o another directory"
            ) from None


def find_run(corpora: Sequence[str]) -> Path:
    """Return the run below ``./runs`` that was trained on texts, the one that was saved last.

    Args:
        corpora: Files, folders, or ``-``.

    Raises:
        RunError: If there is none.
    """
    saved_at = {}
    for path in sorted(RUNS.glob(f"*/{STATE_NAME}")):
        found = read_standing(path)
        if found is not None:
            with contextlib.suppress(CharRNNError):
                files = find_files(corpora, found["options"].glob)
                names = tuple(
                    name if name == STDIN else str(Path(name).resolve()) for name in files
                )
                if open_corpus(path.parent).sources[: len(names)] == names:
                    saved_at[path.parent] = found["saved_at"]
    if not saved_at:
        raise RunError(
            f"no run below ./runs was trained on {', '.join(map(repr, corpora))}; give its "
            "directory with -o, or start one without --resume"
        )
    return max(saved_at, key=lambda directory: saved_at[directory])


def remove_vain_run(directory: Path) -> None:
    """Remove the files of a run that failed before it had a model or a state after some steps."""
    standing = read_standing(directory / STATE_NAME)
    if (directory / MODEL_NAME).exists() or (standing is not None and standing["step"]):
        return
    for name in RUN_NAMES:
        (directory / name).unlink(missing_ok=True)


@contextlib.contextmanager
def locked(
    directory: Path, *, is_new: bool = False, notice: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Lock a run directory for this process.

    The operating system releases the lock when the process ends, however it ends. The content of
    the lock file is for people; the file goes after the block. Temporary files that a killed
    process left behind go before it.

    Args:
        directory: An existing folder.
        is_new: Whether the caller created it for this block; if the block leaves it empty, it is
            removed too.
        notice: Called with one line if the file system has no locks.

    Raises:
        RunError: If another process holds the lock.
    """
    path = directory / LOCK_NAME
    descriptor = _lock(path, notice)
    try:
        _remove_litter(directory)
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(holder).encode())
        yield
    finally:
        # While the lock is held, so that what is removed is never the lock of another process.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)
        if is_new:
            with contextlib.suppress(OSError):  # a folder stays if anything is in it
                directory.rmdir()
                if directory.parent == RUNS:
                    RUNS.rmdir()


def _lock(path: Path, notice: Callable[[str], None]) -> int:
    """Lock a run; return the descriptor of its lock file."""
    try:
        return lock_file(path, notice=notice)
    except BlockingIOError:
        content = b""
        with contextlib.suppress(OSError):  # the holder may have just removed it
            content = path.read_bytes()[:4096]
        raise RunError(
            f"{str(path.parent)!r}: {_describe_holder(content)}; wait for it, stop it, or choose "
            "another directory with `out`"
        ) from None


def _describe_holder(said: bytes) -> str:
    """Return who holds a lock, as its file says."""
    try:
        holder = json.loads(said)
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(holder["since"])))
        who = f"process {int(holder['pid'])} on {str(holder['host'])!r}"
        return f"{who} is training here since {since}"
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return "another process is training here"


def _remove_litter(directory: Path) -> None:
    """Remove the temporary files and folders that killed runs left behind."""
    for name in RUN_NAMES:
        remove_abandoned(directory / name)
    for path in directory.glob(f".{IDS_NAME}.*"):  # see check_texts
        if re.fullmatch(TEMPORARY_FOLDER, path.name) and not path.is_symlink() and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
