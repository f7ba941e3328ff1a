"""Names become files: folders, named pipes, standard input, and what cannot be read."""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charrnn.corpus.decode import Decoding, read_blocks
from charrnn.corpus.find import find_files
from charrnn.errors import ConfigError, TextError

MIXED = "a\u00e9\u20ac\U0001f600b\n"  # one character of each length in UTF-8, from 1 to 4 bytes


# Folders


def test_a_folder_is_its_texts_in_order(read: Callable[..., Any], tmp_path: Path) -> None:
    """A folder stands for the files below it at any depth that fit the pattern, by name."""
    names = ["b.txt", "a.txt", "c/z.txt", "c/d/y.txt", "B.txt", "e.md", "txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"<{name}>")
    assert read(tmp_path) == "<B.txt><a.txt><b.txt><c/d/y.txt><c/z.txt>"
    assert read(tmp_path, glob=("*.md",)) == "<e.md>"
    assert read(tmp_path, glob=("[ab].*",)) == "<a.txt><b.txt>"


@pytest.mark.parametrize("name", [".a.txt", ".git/a.txt", "b/.c/d/a.txt"])
def test_hidden_files_are_left_out(read: Callable[..., Any], tmp_path: Path, name: str) -> None:
    """Neither a hidden file nor one in a hidden folder belongs to a folder."""
    (tmp_path / "seen.txt").write_text("seen")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("hidden")
    assert read(tmp_path) == "seen"
    assert read(tmp_path / name) == "hidden"


def test_a_hidden_folder_can_be_named(read: Callable[..., Any], tmp_path: Path) -> None:
    """What a user names is read, be it hidden."""
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.txt").write_text("named")
    assert read(tmp_path / ".hidden") == "named"


def test_a_folder_that_fits_the_pattern_is_no_file(
    read: Callable[..., Any], tmp_path: Path
) -> None:
    """Only files are read of a folder."""
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "folder.txt" / "a.txt").write_text("inside")
    assert read(tmp_path) == "inside"


def test_names_keep_their_order(tmp_path: Path) -> None:
    """Files and folders are read in the order in which they are named, as often as named."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("a")
    (tmp_path / "z.md").write_text("z")
    names = [str(tmp_path / "z.md"), str(tmp_path / "folder"), str(tmp_path / "z.md")]
    expected = [names[0], str(tmp_path / "folder" / "a.txt"), names[2]]
    assert find_files(names) == expected


def test_the_pattern_is_for_folders_only(read: Callable[..., Any], tmp_path: Path) -> None:
    """A file that a user names is read whatever its name."""
    (tmp_path / "notes").write_text("notes")
    assert read(tmp_path / "notes") == "notes"


def test_a_folder_without_a_text_is_an_error(error_of: Callable[..., Any], tmp_path: Path) -> None:
    """The message names the folder, the pattern and the option that changes it."""
    (tmp_path / "a.md").write_text("a")
    message = error_of(tmp_path)
    assert message.startswith(f"{str(tmp_path)!r}: ")
    assert "'*.txt'" in message
    assert "`glob`" in message


# What cannot be read


@pytest.mark.parametrize(
    "name", ["missing.txt", "missing/a.txt", "x" * 300], ids=["file", "folder", "long"]
)
def test_a_name_that_is_not_there_is_an_error(
    error_of: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    """The message names what does not exist."""
    assert error_of(tmp_path / name).startswith(f"{str(tmp_path / name)!r}: ")


def test_a_file_that_went_away_is_an_error(tmp_path: Path) -> None:
    """A file that is gone when its turn comes is named."""
    path = tmp_path / "gone.txt"
    path.write_text("a")
    files = find_files([str(path)])
    path.unlink()
    with pytest.raises(TextError, match=r"gone.txt': No such file"):
        list(read_blocks(files, Decoding()))


def test_a_disk_that_fails_is_an_error(
    error_of: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot be read to its end is named with the reason."""

    class FailingDisk(io.FileIO):
        def read1(self, _: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    path = tmp_path / "a.txt"
    path.write_text("a")
    monkeypatch.setattr(Path, "open", lambda *_: FailingDisk(path))
    assert error_of(path) == f"{str(path)!r}: Input/output error"


@pytest.mark.parametrize("name", ["new\nline", "\x1b[31mred", "\u202eright", "quote'"], ids=ascii)
@pytest.mark.parametrize("kind", ["missing", "folder", "not-text", "damaged"])
def test_names_in_messages_are_quoted(
    error_of: Callable[..., Any], tmp_path: Path, kind: str, name: str
) -> None:
    """No file name can break a line of a message or control the terminal."""
    path = tmp_path / (name + ".gz" if kind == "damaged" else name)
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(b"\xff")
    message = error_of(path)
    assert message.startswith(f"{str(path)!r}: ")
    assert message.isprintable()


def test_names_in_notices_are_quoted(notices_of: Callable[..., Any], tmp_path: Path) -> None:
    """A notice is one printable line as well."""
    path = tmp_path / "new\nline\x1b"
    path.write_bytes(b"\r\n")
    (notice,) = notices_of(path)
    assert notice.startswith(f"{str(path)!r}: ")
    assert notice.isprintable()


def test_files_are_closed(
    blocks_of: Callable[..., Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that stops early keeps no file open."""
    path.write_text("a text of several blocks")
    with path.open("rb") as file, blocks_of(4):
        monkeypatch.setattr(Path, "open", lambda *_: file)
        blocks = read_blocks([str(path)], Decoding())
        assert next(blocks) == "a te"
        assert not file.closed
        blocks.close()  # type: ignore[attr-defined]
        assert file.closed


# Pipes


def write_from_a_thread(pipe: Path, data: bytes) -> threading.Thread:
    """Write to a named pipe as soon as it is opened for reading."""
    thread = threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True)
    thread.start()
    return thread


def test_a_named_pipe_is_read(read: Callable[..., Any], tmp_path: Path) -> None:
    """A pipe with a name gives its text, once."""
    os.mkfifo(tmp_path / "pipe")
    thread = write_from_a_thread(tmp_path / "pipe", MIXED.encode())
    assert read(tmp_path / "pipe") == MIXED
    thread.join(timeout=5)


def test_a_named_pipe_is_not_part_of_a_folder(read: Callable[..., Any], tmp_path: Path) -> None:
    """A folder is read without waiting for a pipe that lies in it."""
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "a.txt").write_text("a")
    assert read(tmp_path) == "a"


@pytest.mark.parametrize("block_bytes", range(1, 9))
def test_standard_input_is_read(
    read: Callable[..., Any],
    blocks_of: Callable[..., Any],
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    block_bytes: int,
) -> None:
    """The name ``-`` gives standard input, cleaned like a file, and leaves it open."""
    path.write_bytes(("\ufeffone\r\n" + MIXED).encode())
    with path.open() as stdin, blocks_of(block_bytes):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert read("-") == "one\n" + MIXED
        os.fstat(stdin.fileno())
        assert not stdin.closed


def test_standard_input_in_the_middle(
    read: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard input takes its place among files."""
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(f"<{name}>")
    with (tmp_path / "two").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert read(tmp_path / "one", "-", tmp_path / "three") == "<one><two><three>"


def test_standard_input_that_is_not_text(
    error_of: Callable[..., Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message calls standard input what the user called it."""
    path.write_bytes(b"ab\xff")
    with path.open("rb") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert error_of("-").startswith("'-': not utf-8 at byte offset 2 (ff)")


def test_standard_input_that_is_closed(
    error_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process without standard input says so."""
    monkeypatch.setattr(sys, "stdin", None)
    assert error_of("-") == "'-': standard input is closed"


def test_standard_input_is_read_once() -> None:
    """Standard input cannot be named twice."""
    with pytest.raises(ConfigError, match="only once"):
        find_files(["-", "-"])


def test_a_file_called_minus_can_be_read(
    read: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of that name is reached by a path."""
    monkeypatch.chdir(tmp_path)
    Path("-").write_text("a file")
    assert read("./-") == "a file"


def test_standard_input_of_a_process() -> None:
    """Bytes in a real pipe, more than one pipe holds at once, come through as text."""
    program = (
        "import sys\n"
        "from charrnn.corpus.decode import Decoding, read_blocks\n"
        "from charrnn.corpus.find import find_files\n"
        "text = ''.join(read_blocks(find_files(['-']), Decoding()))\n"
        "sys.stdout.buffer.write(text.encode())\n"
    )
    text = MIXED * 20_000
    result = subprocess.run(
        [sys.executable, "-c", program],
        input=text.encode(),
        capture_output=True,
        timeout=60,
        check=True,
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    assert result.stdout.decode() == text
    assert result.stderr == b""
