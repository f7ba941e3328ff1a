"""Every odd text gives a model that can write, or one helpful line."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from charrnn.corpus.store import open_corpus
from charrnn.library import load

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
TRAINABLE = {
    "one-character-repeated": "a" * 500,
    "one-line-end-repeated": "\n" * 500,
    "nul": "\x00" * 300,
    "nul-within": "ab\x00cd" * 60,
    "all-controls": "".join(map(chr, range(0xA0))) * 5,
    "mixed-line-ends": "one\r\ntwo\nthree\rfour\n\r" * 20,
    "no-line-end": "never a line end " * 30,
    "emoji-with-joiners": f"{FAMILY} \U0001f1e9\U0001f1ea \u2764\ufe0f " * 20,
    "combining-marks": "a\u0301e\u0300\u0323o\u0308 Z\u0351\u036b\u0343\u036a\u0302 " * 20,
    "right-to-left": "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u202eabc\u202c "
    * 20,
    "noncharacters": "\ufffe\uffff\U0010ffff\ufdd0 \ufffd" * 40,
    "bom-within": "a\ufeffb " * 80,
    "private-use": "\ue000\uf8ff\U000f0000 " * 60,
    "escape-sequences": "\x1b[31mred\x1b]0;title\x07\x9b5m" * 30,
    "line-separators": "a\u2028b\u2029c\x85d\x0be\x0cf" * 30,
    "shortest": "abcdefghij" * 3,
}


@pytest.fixture
def run(invoke: Callable, tiny: list[str], tmp_path: Path) -> Callable:
    """Train for two steps and check the outcome: a working model, or a one-line error."""

    def train(*names: str, **options: str) -> object:
        more = [word for key, value in options.items() for word in (f"--{key}", value) if word]
        more = [word.replace("_", "-") if word.startswith("--") else word for word in more]
        finished = invoke("train", "-q", *names, "-o", "run", "--steps", "2", *tiny, *more)
        assert finished.stdout == b""
        if finished.code == 0:
            assert finished.stderr == ""
            assert len(list(load(tmp_path / "run").stream(length=30))) == 30
        else:
            (line,) = finished.error_lines
            assert line.startswith("charrnn: error: ")
            assert line.isprintable()
            assert not (tmp_path / "run").exists()
        return finished

    return train


def error_of(finished: object) -> str:
    assert finished.code == 1, finished
    return finished.stderr


@pytest.mark.parametrize("name", TRAINABLE)
def test_an_odd_text_is_learned(name: str, run: Callable, tmp_path: Path) -> None:
    """Text of any characters trains, and its ids decode to the text."""
    text = TRAINABLE[name]
    (tmp_path / "text").write_bytes(text.encode())
    assert run("text").code == 0
    corpus = open_corpus(tmp_path / "run")
    assert corpus.vocabulary.decode(corpus.ids) == text.removeprefix("\ufeff").replace("\r\n", "\n")


@pytest.mark.parametrize("name", ["nul-within", "all-controls", "mixed-line-ends", "bom-within"])
def test_an_odd_text_is_learned_as_bytes(name: str, run: Callable, tmp_path: Path) -> None:
    """The same text trains as bytes."""
    data = TRAINABLE[name].encode()
    (tmp_path / "text").write_bytes(data)
    assert run("text", bytes="").code == 0
    corpus = open_corpus(tmp_path / "run")
    assert corpus.vocabulary.to_bytes(corpus.vocabulary.decode(corpus.ids)) == data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the text is empty"),
        (codecs.BOM_UTF8, "the text is empty"),
        (b"x", "give 20 or more"),
        (b"\xff\xfe", "utf-16, or --bytes"),
        (b"\xff\xfe\x00\x00" + "ab".encode("utf-32-le") * 50, "utf-32, or --bytes"),
        (b"\x00\x00\xfe\xff" + "ab".encode("utf-32-be") * 50, "utf-32, or --bytes"),
        ("\ufeffabc".encode("utf-16-le") * 50, "utf-16, or --bytes"),
        ("\ufeffabc".encode("utf-16-be") * 50, "utf-16, or --bytes"),
        ("caf\xe9 ".encode("latin-1") * 50, "at byte offset 3 (e9 20 63 61)"),
        (os.urandom(1 << 16), "or --bytes to model bytes"),
        (b"\xed\xa0\x80" * 50, "at byte offset 0 (ed a0 80 ed)"),
        (b"ab\xc0\x80" * 50, "at byte offset 2 (c0 80 61 62)"),
    ],
    ids=[
        *["empty", "only-a-mark", "one-character", "utf-16-mark-alone", "utf-32-le", "utf-32-be"],
        *["utf-16-le", "utf-16-be", "latin-1", "random", "surrogates", "overlong"],
    ],
)
def test_input_that_is_not_text(data: bytes, words: str, run: Callable, tmp_path: Path) -> None:
    """One line says what is wrong and what to do."""
    (tmp_path / "text").write_bytes(data)
    assert words in error_of(run("text"))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_compressed_files_that_are_truncated_or_huge(
    suffix: str, run: Callable, tmp_path: Path
) -> None:
    """A truncated file is refused; ``--max-bytes`` takes the beginning of one of 50 MB."""
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[suffix]
    packed = pack(b"a text to be cut short " * 1000)
    (tmp_path / f"cut{suffix}").write_bytes(packed[:-9])
    assert "is damaged or cut short" in error_of(run(f"cut{suffix}"))
    (tmp_path / f"large{suffix}").write_bytes(pack(b"ab\n" * 17_000_000))
    assert run(f"large{suffix}", max_bytes="20k").code == 0
    assert len(open_corpus(tmp_path / "run").ids) == 20_000


@pytest.mark.parametrize("value", ["0", "-1", "x", "1e3", "5q", "", "nan", "5 i"])
def test_invalid_size_is_wrong_usage(value: str, invoke: Callable, tmp_path: Path) -> None:
    """``--max-bytes`` takes a number of bytes with an optional unit."""
    (tmp_path / "text").write_text("abc " * 50)
    finished = invoke("train", "text", "--max-bytes", value)
    assert finished.code == 2
    assert "--max-bytes" in finished.stderr


@pytest.mark.parametrize(
    ("value", "size"),
    [("100", 100), ("0.1k", 100), ("1K", 1000), ("1kB", 1000), ("1KiB", 1024), ("1 M", 10**6)],
)
def test_sizes_with_units(value: str, size: int) -> None:
    from charrnn.cli.values import parse_size

    assert parse_size("max_bytes", value) == size


def test_a_folder_without_texts(run: Callable, tmp_path: Path) -> None:
    """If no file of a folder matches, the error names the option for the pattern."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.md").write_text("abc")
    assert "--glob" in error_of(run("folder"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_unreadable_file(run: Callable, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("abc" * 50)
    (tmp_path / "text").chmod(0)
    assert "Permission denied" in error_of(run("text"))


@pytest.mark.parametrize("name", ["/proc/self/mem", "/dev/null", "/proc/self/environ/x"])
def test_system_files(name: str, run: Callable) -> None:
    """An existing path that is not a text is refused by name."""
    assert repr(name) in error_of(run(name))


def test_endless_device(run: Callable, tmp_path: Path) -> None:
    """With ``--max-bytes`` a device is a text like any other."""
    assert run("/dev/zero", max_bytes="5k").code == 0
    assert len(open_corpus(tmp_path / "run").ids) == 5000


def test_named_pipe(run: Callable, tmp_path: Path) -> None:
    """A pipe is read to its end."""
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(
        target=(tmp_path / "pipe").write_bytes, args=(b"a text in a pipe " * 50,), daemon=True
    )
    writer.start()
    assert run("pipe").code == 0
    writer.join(5)


def test_all_code_points_are_refused(run: Callable, tmp_path: Path) -> None:
    """The error gives the number of characters and a remedy."""
    points = [*range(0xD800), *range(0xE000, 0x110000)]
    (tmp_path / "text").write_bytes("".join(map(chr, points)).encode())
    line = error_of(run("text"))
    assert f"{len(points):,} distinct characters are too many" in line
    assert "--bytes" in line


@pytest.mark.slow
def test_too_many_distinct_characters(run: Callable, tmp_path: Path) -> None:
    """The error names likely causes and a ``--min-count`` that helps."""
    rng = np.random.default_rng(0)
    points = rng.permutation(np.r_[0x21:0xD800, 0xE000:0x110000])[:70_000]
    often = points[:1000].tolist() * 3
    text = "".join(map(chr, [*points.tolist(), *often]))
    (tmp_path / "text").write_bytes(text.encode())
    line = error_of(run("text"))
    assert "70,000 distinct characters are too many" in line
    for words in ("binary", "--encoding", "--bytes", "--min-count 2"):
        assert words in line
    assert run("text", min_count="2").code == 0
    assert load(tmp_path / "run").vocabulary.size == 1001


@pytest.mark.slow
def test_one_line_of_100_megabytes(run: Callable, tmp_path: Path) -> None:
    """A line may be as long as the text."""
    (tmp_path / "text").write_bytes(b"never a line end " * 6_000_000)
    assert run("text").code == 0
    assert len(open_corpus(tmp_path / "run").ids) == 102_000_000
