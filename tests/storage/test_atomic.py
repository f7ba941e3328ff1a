"""Atomic writes: a file holds its old or its new content, and no litter stays in the folder."""

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest

from charrnn.storage.atomic import link_whole, open_whole, remove_abandoned, write_whole

OLD = b"the old content"
NEW = b"the new content, which is longer"
ABANDONED = ".file.0123456789ab.tmp"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "data", [b"", b"x", bytes(range(256)), b"ab" * 500_000], ids=["empty", "one", "all", "large"]
)
def test_content_round_trips(tmp_path: Path, data: bytes) -> None:
    """The file holds the bytes written, and it is the only file."""
    write_whole(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == data
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize(
    "name", ["plain", ".hidden", "a b", "new\nline", "\u20ac", "-", "caf\udce9", "[a]*"], ids=ascii
)
def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    """Names with spaces, controls, patterns or bytes that are not UTF-8 are only names."""
    write_whole(tmp_path / name, OLD)
    write_whole(tmp_path / name, NEW)
    assert names_in(tmp_path) == [name]


def test_bare_name_is_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name without a folder is written to the current folder."""
    monkeypatch.chdir(tmp_path)
    write_whole(Path("file"), NEW)
    assert (tmp_path / "file").read_bytes() == NEW


@pytest.mark.parametrize("has_old", [False, True], ids=["new", "replaced"])
def test_new_content_appears_when_the_block_ends(tmp_path: Path, has_old: bool) -> None:
    """Until then the name means the old file, or none, and readers of the old file keep it."""
    path = tmp_path / "file"
    if has_old:
        path.write_bytes(OLD)
    with open_whole(path) as file:
        file.write(NEW)
        file.flush()
        assert (path.read_bytes() == OLD) if has_old else not path.exists()
    with path.open("rb") as reader:
        first = reader.read(3)
        write_whole(path, OLD)
        assert first + reader.read() == NEW
    assert path.read_bytes() == OLD


@pytest.mark.parametrize("has_old", [False, True], ids=["new", "replaced"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
def test_raising_block_changes_nothing(
    tmp_path: Path, error: type[BaseException], has_old: bool
) -> None:
    """If the block raises, the folder is unchanged and the exception passes through."""
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
def test_failing_disk_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """If the disk is full, the error is raised and the old file stays."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    path = tmp_path / "file"
    path.write_bytes(OLD)
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="full"):
        write_whole(path, NEW)
    assert path.read_bytes() == OLD
    assert names_in(tmp_path) == ["file"]


def test_folder_that_cannot_be_synced_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the file is in place, the save has succeeded: some disks sync no folders."""
    folders = []

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            folders.append(descriptor)
            raise OSError(errno.EINVAL, "not a file")

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(tmp_path / "file", NEW)
    assert (tmp_path / "file").read_bytes() == NEW
    assert folders


@pytest.mark.parametrize("works", [True, False], ids=["works", "refused"])
def test_full_sync_where_the_system_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    """On macOS the drive itself must sync; a drive that refuses is ignored."""
    calls = []

    def control(_: int, command: int) -> None:
        calls.append(command)
        if not works:
            raise OSError(errno.ENOTSUP, "not here")

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", control)
    write_whole(tmp_path / "file", NEW)
    assert calls == [51]
    assert (tmp_path / "file").read_bytes() == NEW


def test_folder_is_not_replaced(tmp_path: Path) -> None:
    """A folder of that name stays, and no temporary file is left beside it."""
    (tmp_path / "name").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "name", NEW)
    assert names_in(tmp_path) == ["name"]


def test_folder_must_exist(tmp_path: Path) -> None:
    """No folder is created for a file."""
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "missing" / "file", NEW)
    assert names_in(tmp_path) == []


def test_order_of_syncs_and_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is synced, then renamed, then its folder is synced."""
    events = []
    replace = os.replace

    def recording_fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        events.append("folder" if stat.S_ISDIR(status.st_mode) else f"{status.st_size} bytes")

    def recording_replace(source: str, target: str) -> None:
        events.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(os, "replace", recording_replace)
    write_whole(tmp_path / "file", NEW)
    assert events == [f"{len(NEW)} bytes", "rename", "folder"]


@pytest.mark.parametrize("mask", [0o000, 0o027, 0o077], ids=oct)
@pytest.mark.parametrize("has_old", [False, True], ids=["new", "replaced"])
def test_permissions_follow_the_umask(tmp_path: Path, mask: int, has_old: bool) -> None:
    """A file has the permissions that ``open`` would give it, and the umask does not change."""
    path = tmp_path / "file"
    if has_old:
        path.write_bytes(OLD)
        path.chmod(0o640)
    before = os.umask(mask)
    try:
        write_whole(path, NEW)
    finally:
        after = os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    assert after == mask


def test_symbolic_link_is_replaced(tmp_path: Path) -> None:
    """Replacing a link leaves the file that it points to alone."""
    (tmp_path / "target").write_bytes(OLD)
    (tmp_path / "link").symlink_to("target")
    write_whole(tmp_path / "link", NEW)
    assert (tmp_path / "target").read_bytes() == OLD
    assert (tmp_path / "link").read_bytes() == NEW


@pytest.mark.parametrize("can_link", [True, False])
def test_second_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_link: bool) -> None:
    """A second name is a hard link, or a copy where the disk has no links."""
    if not can_link:

        def fail(*_: object) -> None:
            raise OSError(errno.EPERM, "no links")

        monkeypatch.setattr(os, "link", fail)
    (tmp_path / "file").write_bytes(NEW)
    link_whole(tmp_path / "file", tmp_path / "other")
    assert (tmp_path / "other").read_bytes() == NEW
    assert (tmp_path / "other").samefile(tmp_path / "file") == can_link


def test_two_writers_do_not_remove_each_others_files(tmp_path: Path) -> None:
    """A temporary file that its writer locks is not litter; the last writer to finish wins."""
    with open_whole(tmp_path / "file") as first:
        first.write(b"first")
        with open_whole(tmp_path / "file") as second:
            second.write(b"second")
        assert (tmp_path / "file").read_bytes() == b"second"
    assert (tmp_path / "file").read_bytes() == b"first"
    assert names_in(tmp_path) == ["file"]


def test_abandoned_temporary_files_are_removed(tmp_path: Path) -> None:
    """An unlocked temporary file goes with the next write of that name; a locked one stays."""
    (tmp_path / ABANDONED).write_bytes(OLD)
    with open_whole(tmp_path / "file"):
        assert ABANDONED not in names_in(tmp_path)
    (tmp_path / ABANDONED).write_bytes(OLD)
    with (tmp_path / ABANDONED).open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        remove_abandoned(tmp_path / "file")
        assert names_in(tmp_path) == [ABANDONED, "file"]
    remove_abandoned(tmp_path / "file")
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize(
    "name",
    [
        ".file.notes.tmp",
        ".file.settings.tmp",
        ".file.0123456789ab.tmp.bak",
        ".file.0123456789abcd.tmp",
        ".other.0123456789ab.tmp",
        "file.0123456789ab.tmp",
    ],
)
def test_files_of_the_user_are_not_litter(tmp_path: Path, name: str) -> None:
    """Only names that the program itself makes are litter, not all that look similar."""
    (tmp_path / name).write_bytes(OLD)
    write_whole(tmp_path / "file", NEW)
    assert (tmp_path / name).read_bytes() == OLD


@pytest.mark.parametrize("kind", ["fifo", "folder", "link"])
def test_only_regular_files_are_litter(tmp_path: Path, kind: str) -> None:
    """A pipe, folder or link with the name of a temporary file stays, and nothing waits for it."""
    path = tmp_path / ABANDONED
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        (tmp_path / "target").write_bytes(OLD)
        path.symlink_to("target")
    write_whole(tmp_path / "file", NEW)
    assert os.path.lexists(path)
    assert (tmp_path / "file").read_bytes() == NEW
