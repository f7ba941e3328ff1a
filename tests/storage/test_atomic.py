"""Files are written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from charrnn.storage.atomic import open_whole, write_whole

OLD = b"the old content"
NEW = b"the new content, which is longer"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "data", [b"", b"x", bytes(range(256)), b"ab" * 500_000], ids=["empty", "one", "all", "large"]
)
def test_bytes_come_back(tmp_path: Path, data: bytes) -> None:
    """The bytes that were written are the bytes of the file, and no other file appears."""
    write_whole(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == data
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize(
    "name", ["plain", ".hidden", "with space", "new\nline", "\u20ac", "-"], ids=ascii
)
def test_any_file_name_serves(tmp_path: Path, name: str) -> None:
    """The name of a file is never more than a name."""
    write_whole(tmp_path / name, NEW)
    assert names_in(tmp_path) == [name]


def test_a_name_without_a_folder_is_in_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare file name is written to the current folder."""
    monkeypatch.chdir(tmp_path)
    write_whole(Path("file"), NEW)
    assert (tmp_path / "file").read_bytes() == NEW


def test_the_old_file_is_there_until_the_block_ends(tmp_path: Path) -> None:
    """While the new file is being written its name still means the old one."""
    path = tmp_path / "file"
    path.write_bytes(OLD)
    with open_whole(path) as file:
        file.write(NEW)
        file.flush()
        assert path.read_bytes() == OLD
    assert path.read_bytes() == NEW


def test_a_new_name_appears_when_the_block_ends(tmp_path: Path) -> None:
    """A half-written file is never seen under its final name."""
    path = tmp_path / "file"
    with open_whole(path) as file:
        file.write(NEW)
        assert not path.exists()
    assert path.exists()


def test_a_reader_keeps_the_file_it_opened(tmp_path: Path) -> None:
    """Whoever opened the old file reads all of it, whatever replaces it meanwhile."""
    path = tmp_path / "file"
    path.write_bytes(OLD)
    with path.open("rb") as reader:
        first = reader.read(3)
        write_whole(path, NEW)
        assert first + reader.read() == OLD
    assert path.read_bytes() == NEW


@pytest.mark.parametrize("has_old", [False, True], ids=["new", "replaced"])
@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit])
def test_a_raising_block_changes_nothing(
    tmp_path: Path, error: type[BaseException], has_old: bool
) -> None:
    """If the block raises, the folder is as it was and the exception passes through."""
    path = tmp_path / "file"
    if has_old:
        path.write_bytes(OLD)

    def fail() -> None:
        with open_whole(path) as file:
            file.write(NEW)
            raise error

    with pytest.raises(error):
        fail()
    assert names_in(tmp_path) == ["file"] * has_old
    assert not has_old or path.read_bytes() == OLD


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_disk_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """If the disk refuses, the error is raised, the old file stays and no other is left."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_bytes(OLD)
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, NEW)
    assert path.read_bytes() == OLD
    assert names_in(tmp_path) == ["file"]


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    """A folder of that name stays, and no temporary file is left beside it."""
    (tmp_path / "name").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "name", NEW)
    assert names_in(tmp_path) == ["name"]
    assert (tmp_path / "name").is_dir()


def test_the_folder_must_exist(tmp_path: Path) -> None:
    """No folder is made for a file."""
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "missing" / "file", NEW)
    assert names_in(tmp_path) == []


def test_bytes_reach_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is synced, then renamed, then its folder is synced."""
    events = []
    fsync, replace = os.fsync, os.replace

    def recording_fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        events.append("folder" if stat.S_ISDIR(status.st_mode) else f"{status.st_size} bytes")
        fsync(descriptor)

    def recording_replace(source: str, target: str) -> None:
        events.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(os, "replace", recording_replace)
    write_whole(tmp_path / "file", NEW)
    assert events == [f"{len(NEW)} bytes", "rename", "folder"]


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o027, 0o077], ids=oct)
@pytest.mark.parametrize("has_old", [False, True], ids=["new", "replaced"])
def test_permissions_follow_the_umask(tmp_path: Path, mask: int, has_old: bool) -> None:
    """A file gets the permissions that ``open`` would give it, and the umask is left as it was."""
    path = tmp_path / "file"
    if has_old:
        path.write_bytes(OLD)
        path.chmod(0o640)
    before = os.umask(mask)
    try:
        write_whole(path, NEW)
        (tmp_path / "ordinary").write_bytes(NEW)
    finally:
        after = os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    assert path.stat().st_mode == (tmp_path / "ordinary").stat().st_mode
    assert after == mask


def test_a_symbolic_link_is_replaced_not_followed(tmp_path: Path) -> None:
    """Replacing a link leaves the file that it points to alone."""
    (tmp_path / "target").write_bytes(OLD)
    (tmp_path / "link").symlink_to("target")
    write_whole(tmp_path / "link", NEW)
    assert (tmp_path / "target").read_bytes() == OLD
    assert (tmp_path / "link").read_bytes() == NEW
