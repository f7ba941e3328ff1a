"""A text that was read before is not read again, if and only if its content is the same."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from charrnn.corpus import store as corpus_module
from charrnn.corpus.decode import Decoding
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import Corpus, build_corpus

TEXT = "Der Hafen lag still, die M\u00f6wen schliefen.\n" * 5
OPTIONS = CorpusOptions()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def build(
    tmp_path: Path, name: str, *sources: Path, options: CorpusOptions = OPTIONS
) -> tuple[Corpus, bool]:
    """Build a corpus beside all others; tell whether it took the ids of one of them."""
    (tmp_path / name).mkdir()
    others = sorted(path for path in tmp_path.iterdir() if path.is_dir())
    notices: list[str] = []
    names = [str(path) for path in sources]
    corpus = build_corpus(tmp_path / name, names, options, notices.append, others)
    return corpus, any("was read before" in notice for notice in notices)


def test_the_same_text_is_not_read_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second corpus is the first one in all but its place, and takes no room."""
    first, _ = build(tmp_path, "first", source)
    monkeypatch.setattr(corpus_module, "read_chunks", None)  # whoever reads now fails
    second, is_reused = build(tmp_path, "second", source)
    assert is_reused
    assert second.vocabulary.decode(second.ids) == TEXT
    assert (second.fingerprint, second.num_train) == (first.fingerprint, first.num_train)
    files = [tmp_path / name / "corpus.npy" for name in ("first", "second")]
    assert files[0].samefile(files[1])
    assert {path.name for path in (tmp_path / "second").iterdir()} == {"corpus.npy", "corpus.json"}


def test_a_name_and_a_date_do_not_count(source: Path, tmp_path: Path) -> None:
    """A copy of another name and date is the same text, and its own name is what is kept."""
    build(tmp_path, "first", source)
    copy = tmp_path / "copy.txt"
    copy.write_bytes(source.read_bytes())
    os.utime(copy, (0, 0))
    corpus, is_reused = build(tmp_path, "second", copy)
    assert is_reused
    assert corpus.sources == (str(copy),)


def test_content_does_count(source: Path, tmp_path: Path) -> None:
    """Another text of the same name, size and date is read."""
    build(tmp_path, "first", source)
    status = source.stat()
    source.write_text(TEXT.replace("still", "STILL"), encoding="utf-8")
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert source.stat().st_size == status.st_size
    corpus, is_reused = build(tmp_path, "second", source)
    assert not is_reused
    assert corpus.vocabulary.decode(corpus.ids) == TEXT.replace("still", "STILL")


@pytest.mark.parametrize(
    "options",
    [
        replace(OPTIONS, val="0.2"),
        replace(OPTIONS, min_count=6),
        replace(OPTIONS, decoding=Decoding("latin-1")),
        replace(OPTIONS, decoding=Decoding(is_bytes=True)),
        replace(OPTIONS, max_bytes=100),
        replace(OPTIONS, max_bytes=10**9),
        replace(OPTIONS, separator="\n"),
    ],
    ids=["val", "min-count", "encoding", "bytes", "max-bytes", "more-max-bytes", "documents"],
)
def test_options_do_count(source: Path, options: CorpusOptions, tmp_path: Path) -> None:
    """What is read otherwise is read anew; and then again not."""
    build(tmp_path, "first", source)
    assert not build(tmp_path, "second", source, options=options)[1]
    expected = options.max_bytes != 100  # of a text that was cut, nobody knows the rest
    assert build(tmp_path, "third", source, options=options)[1] == expected


def test_the_order_and_number_of_files_count(source: Path, tmp_path: Path) -> None:
    """Two files are another text than one, or than the two in another order."""
    other = tmp_path / "other.txt"
    other.write_text("something else, of another length\n")
    assert not build(tmp_path, "one", source)[1]
    assert not build(tmp_path, "two", source, other)[1]
    assert not build(tmp_path, "turned", other, source)[1]
    assert not build(tmp_path, "val", source, options=replace(OPTIONS, val=str(other)))[1]
    assert build(tmp_path, "again", source, other)[1]
    assert build(tmp_path, "val again", source, options=replace(OPTIONS, val=str(other)))[1]


def test_the_name_of_a_compressed_file_does_not_count(source: Path, tmp_path: Path) -> None:
    """A compressed file under a plain name is the same text."""
    packed = tmp_path / "source.txt.gz"
    packed.write_bytes(gzip.compress(source.read_bytes()))
    plain = tmp_path / "packed"
    plain.write_bytes(packed.read_bytes())
    build(tmp_path, "first", packed)
    corpus, is_reused = build(tmp_path, "second", plain)
    assert is_reused
    assert corpus.vocabulary.decode(corpus.ids) == TEXT


@pytest.mark.parametrize("place", [0, 9, 127, 128, 200, -1])
def test_damaged_ids_are_not_taken(source: Path, place: int, tmp_path: Path) -> None:
    """Ids in which a bit was turned are not taken; the text is read."""
    build(tmp_path, "first", source)
    path = tmp_path / "first" / "corpus.npy"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    corpus, is_reused = build(tmp_path, "second", source)
    assert not is_reused
    assert corpus.vocabulary.decode(corpus.ids) == TEXT


@pytest.mark.parametrize(
    "change",
    [
        {"num_train": 30},
        {"vocabulary": {"characters": "ab", "has_unknown": False, "is_bytes": False}},
        {"vocabulary": None},
        {"files": None},
        {"files": [7]},
        {"files": [[]]},
        {"ids_sha256": ""},
        {"fingerprint": "0"},
    ],
)
def test_a_damaged_description_is_not_taken(
    source: Path, change: dict[str, object], tmp_path: Path
) -> None:
    """A description that does not fit its ids, or says nothing, is passed over."""
    build(tmp_path, "first", source)
    path = tmp_path / "first" / "corpus.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    corpus, is_reused = build(tmp_path, "second", source)
    assert not is_reused
    assert corpus.vocabulary.decode(corpus.ids) == TEXT


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_description_is_passed_over(source: Path, data: bytes, tmp_path: Path) -> None:
    """Other files of that name do no harm."""
    build(tmp_path, "first", source)
    (tmp_path / "first" / "corpus.json").write_bytes(data)
    assert not build(tmp_path, "second", source)[1]


def test_ids_of_another_user_are_not_taken(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that many write to, a corpus of somebody else may be anything."""
    build(tmp_path, "first", source)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert not build(tmp_path, "second", source)[1]


def test_a_pipe_is_read(source: Path, tmp_path: Path) -> None:
    """What can be read only once is not looked at beforehand."""
    build(tmp_path, "first", source)
    os.mkfifo(tmp_path / "pipe")
    pid = os.fork()
    if pid == 0:
        (tmp_path / "pipe").write_bytes(source.read_bytes())
        os._exit(0)
    assert not build(tmp_path, "second", tmp_path / "pipe")[1]
    os.waitpid(pid, 0)


def test_a_disk_without_links_gets_a_copy(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no file can have two names, the ids are copied."""

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    build(tmp_path, "first", source)
    monkeypatch.setattr(os, "link", refuse)
    corpus, is_reused = build(tmp_path, "second", source)
    assert is_reused
    assert corpus.vocabulary.decode(corpus.ids) == TEXT
    first, second = (tmp_path / name / "corpus.npy" for name in ("first", "second"))
    assert not first.samefile(second)
