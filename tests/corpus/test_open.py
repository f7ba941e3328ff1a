"""The limit on what is read, files that change meanwhile, and what a file was when it was read."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import threading
from pathlib import Path

import pytest

from charrnn.corpus import decode
from charrnn.corpus.decode import Decoding, read_blocks
from charrnn.corpus.open import Limit, Source
from charrnn.errors import TextError

PACKERS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
TEXT = "a\u00e9\u20ac\U0001f600b\n" * 50


def read(
    *names: Path, max_bytes: int | None = None, block_bytes: int = 1 << 20
) -> tuple[str, list[str], list[Source]]:
    """Return the text, what is said of it, and what the files were."""
    notices: list[str] = []
    sources: list[Source] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "BLOCK_BYTES", block_bytes)
        blocks = read_blocks(
            [str(name) for name in names],
            Decoding(),
            notices.append,
            Limit(max_bytes),
            sources.append,
        )
        return "".join(blocks), notices, sources


@pytest.mark.parametrize("block_bytes", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize("suffix", PACKERS, ids=["plain", "gz", "bz2", "xz"])
def test_the_limit_counts_unpacked_bytes(tmp_path: Path, suffix: str, block_bytes: int) -> None:
    """So many bytes are read, a character that the limit cuts is left out, and it is said."""
    path = tmp_path / f"text{suffix}"
    data = TEXT.encode()
    path.write_bytes(PACKERS[suffix](data))
    for max_bytes in [*range(1, 14), len(data) - 1]:
        text, notices, sources = read(path, max_bytes=max_bytes, block_bytes=block_bytes)
        assert text == data[:max_bytes].decode("utf-8", "ignore")
        assert len(notices) == 1
        assert "limit" in notices[0]
        assert sources == []
    for max_bytes in (len(data), len(data) + 1, None):
        assert read(path, max_bytes=max_bytes, block_bytes=block_bytes)[:2] == (TEXT, [])


def test_the_limit_is_that_of_all_files(tmp_path: Path) -> None:
    """Files after the limit are not read at all."""
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(f"<{name}>")
    names = [tmp_path / name for name in ("one", "two", "three")]
    assert read(*names, max_bytes=7)[0] == "<one><t"
    assert read(*names, max_bytes=5)[0] == "<one>"
    assert read(*names, max_bytes=17)[:2] == ("<one><two><three>", [])


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_a_compressed_file_of_endless_zeros(tmp_path: Path, suffix: str) -> None:
    """Of a small file that unpacks to 200 MB only what the limit allows is unpacked."""
    packer = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}[suffix]
    with packer(tmp_path / f"bomb{suffix}", "wb") as file:
        for _ in range(20):
            file.write(bytes(10_000_000))
    assert (tmp_path / f"bomb{suffix}").stat().st_size < 300_000
    text, notices, _ = read(tmp_path / f"bomb{suffix}", max_bytes=1_500_000)
    assert len(text) == 1_500_000
    assert len(notices) == 1


def test_a_pipe_without_end(tmp_path: Path) -> None:
    """Of a pipe that is written to for ever the first bytes are read; then it is closed."""
    os.mkfifo(tmp_path / "pipe")
    broken = threading.Event()

    def write() -> None:
        try:
            with (tmp_path / "pipe").open("wb", buffering=0) as pipe:
                while True:
                    pipe.write(b"y\n" * 1000)
        except BrokenPipeError:
            broken.set()

    threading.Thread(target=write, daemon=True).start()
    assert read(tmp_path / "pipe", max_bytes=9_999)[0] == "y\n" * 4999 + "y"
    assert broken.wait(5)


@pytest.mark.parametrize("suffix", PACKERS, ids=["plain", "gz", "bz2", "xz"])
@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_a_file_is_known_by_its_bytes(tmp_path: Path, suffix: str, block_bytes: int) -> None:
    """A file that was read to its end has the size and the checksum of what lies on the disk."""
    path = tmp_path / f"text{suffix}"
    packed = PACKERS[suffix](TEXT.encode())
    path.write_bytes(packed)
    (source,) = read(path, block_bytes=block_bytes)[2]
    sha256 = hashlib.sha256(packed).hexdigest()
    assert source == Source(str(path), len(packed), sha256, suffix)


@pytest.mark.parametrize("change", ["appended", "cut", "rewritten"])
def test_a_file_that_changes_while_it_is_read_is_said(tmp_path: Path, change: str) -> None:
    """What was read counts, and one line says that it may be a mixture."""
    path = tmp_path / "text"
    path.write_text("abcd" * 10)
    notices: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "BLOCK_BYTES", 4)
        blocks = read_blocks([str(path)], Decoding(), notices.append)
        text = next(iter(blocks))
        match change:
            case "appended":
                with path.open("a") as file:
                    file.write("more")
            case "cut":
                os.truncate(path, 8)
            case _:
                path.write_text("ABCD" * 10)
                os.utime(path, ns=(0, 0))
        text += "".join(blocks)
    assert text.startswith("abcd")
    (notice,) = notices
    assert notice.startswith(f"{str(path)!r}: was changed while it was read")


def test_a_file_that_does_not_change_is_not_said_to(tmp_path: Path) -> None:
    """Reading a file, or replacing its name, does not count as a change."""
    path = tmp_path / "text"
    path.write_text("abcd" * 10)
    notices: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "BLOCK_BYTES", 4)
        blocks = read_blocks([str(path)], Decoding(), notices.append)
        text = next(iter(blocks))
        (tmp_path / "new").write_text("another")
        (tmp_path / "new").replace(path)
        text += "".join(blocks)
    assert (text, notices) == ("abcd" * 10, [])


@pytest.mark.parametrize(
    ("encoding", "guess"),
    [
        ("utf-16", "utf-16"),
        ("utf-32", "utf-32"),
    ],
)
@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("block_bytes", [4, 7, 1 << 20])
def test_the_mark_of_another_encoding_names_it(
    tmp_path: Path, encoding: str, guess: str, order: str, block_bytes: int
) -> None:
    """A file with a byte order mark of UTF-16 or UTF-32 is reported with that encoding."""
    path = tmp_path / "text"
    path.write_bytes(("\ufeff" + TEXT).encode(f"{encoding}-{order}"))
    with pytest.raises(TextError, match=f"`encoding`, for example {guess}, or `as_bytes`"):
        read(path, block_bytes=block_bytes)
    text = "".join(read_blocks([str(path)], Decoding(guess)))
    assert text == TEXT
