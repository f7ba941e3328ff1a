"""A corpus whose files are missing or damaged is refused in one line."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import build_corpus, open_corpus
from charrnn.errors import TextError
from charrnn.text.vocabulary import smallest_dtype

FILES = ["corpus.json", "corpus.npy"]
PANGRAM = "the quick brown fox jumps over the lazy dog. " * 4


def build(run: Path, text: str) -> None:
    """Build a corpus of one text, which lies beside the run directory."""
    source = run.parent / "text.txt"
    source.write_text(text)
    build_corpus(run, [str(source)], CorpusOptions())


@pytest.fixture
def built(run: Path) -> Path:
    """A run directory with a corpus of ``PANGRAM``."""
    build(run, PANGRAM)
    return run


def damaged(run: Path) -> str:
    """Return the line that says why a corpus cannot be opened."""
    with pytest.raises(TextError) as caught:
        open_corpus(run)
    message = str(caught.value)
    assert message.startswith(f"{str(run)!r}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("missing", [*FILES, "both"])
def test_a_corpus_that_is_not_there(built: Path, missing: str) -> None:
    """Without one of its files, or both, a corpus is said to be missing."""
    for name in FILES if missing == "both" else [missing]:
        (built / name).unlink()
    assert "not there" in damaged(built)


def test_a_run_directory_that_is_not_there(tmp_path: Path) -> None:
    """A directory that does not exist has no corpus."""
    assert "not there" in damaged(tmp_path / "missing")


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b"[]", b"7", b'"text"', b"{}", b"\xff\xfe", b"\x00" * 100, b"[" * 100_000],
    ids=["empty", "cut", "null", "list", "number", "text", "no-keys", "not-utf8", "zeros", "deep"],
)
def test_a_description_that_is_no_description(built: Path, data: bytes) -> None:
    """A file of JSON that does not describe a corpus is damage."""
    (built / "corpus.json").write_bytes(data)
    assert "damaged" in damaged(built)


def test_a_description_cut_short(built: Path) -> None:
    """No beginning of the description passes for the whole."""
    data = (built / "corpus.json").read_bytes()
    for length in range(len(data)):
        (built / "corpus.json").write_bytes(data[:length])
        damaged(built)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, None) for key in ("vocabulary", "num_train", "val_bytes", "sources")),
        ("vocabulary", "abc"),
        ("vocabulary", {"characters": "ba", "has_unknown": False, "is_bytes": False}),
        ("num_train", 0),
        ("num_train", -1),
        ("num_train", len(PANGRAM) + 1),
        ("num_train", 10**30),
        ("num_train", float("inf")),
        ("num_train", float("nan")),
        ("num_train", "many"),
        ("num_train", [1]),
        ("val_bytes", "many"),
        ("val_bytes", float("inf")),
        ("sources", 7),
    ],
)
def test_a_description_with_a_wrong_value(built: Path, key: str, value: object) -> None:
    """A value of the wrong type or out of range is damage."""
    about = json.loads((built / "corpus.json").read_bytes())
    (built / "corpus.json").write_text(json.dumps(about | {key: value}))
    assert "damaged" in damaged(built)


@pytest.mark.parametrize("key", ["vocabulary", "num_train", "val_bytes", "sources"])
def test_a_description_without_a_key(built: Path, key: str) -> None:
    """A description that lacks a key is damage."""
    about = json.loads((built / "corpus.json").read_bytes())
    del about[key]
    (built / "corpus.json").write_text(json.dumps(about))
    assert "damaged" in damaged(built)


def test_ids_cut_short(built: Path) -> None:
    """No beginning of the file of ids passes for the whole."""
    data = (built / "corpus.npy").read_bytes()
    for length in [*range(140), len(data) // 2, len(data) - 1]:
        (built / "corpus.npy").write_bytes(data[:length])
        assert "damaged" in damaged(built)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((18, 10), np.uint8),
        np.zeros((), np.uint8),
        np.zeros(len(PANGRAM), np.float32),
        np.zeros(len(PANGRAM), np.uint16),
        np.zeros(len(PANGRAM), "S1"),
        np.zeros(3, np.uint8),
    ],
    ids=["two-dimensions", "no-dimension", "float", "another-type", "text", "short"],
)
def test_ids_of_another_kind(built: Path, array: np.ndarray) -> None:
    """An array that is not of the ids that the description speaks of is damage."""
    np.save(built / "corpus.npy", array)
    assert "damaged" in damaged(built)


@pytest.mark.parametrize(
    "data",
    [b"PK\x03\x04" + bytes(200), b"PK\x05\x06" + bytes(18), b"\x80\x04N.", b"not an array"],
    ids=["broken-archive", "empty-archive", "pickle", "text"],
)
def test_ids_that_are_no_array(built: Path, data: bytes) -> None:
    """What NumPy takes for another of its formats is damage too."""
    (built / "corpus.npy").write_bytes(data)
    assert "damaged" in damaged(built)


def test_no_pickle_is_opened(built: Path, tmp_path: Path) -> None:
    """A file of ids that holds Python objects is refused without making them."""

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.save(built / "corpus.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    assert "damaged" in damaged(built)
    assert not (tmp_path / "sprung").exists()


def test_a_damaged_header_of_a_long_file_is_one_line(run: Path) -> None:
    """A header that claims to be very long is damage, said in one line."""
    build(run, PANGRAM * 300)
    data = bytearray((run / "corpus.npy").read_bytes())
    data[9] ^= 0x80  # the high byte of the header's length
    (run / "corpus.npy").write_bytes(data)
    assert "damaged" in damaged(run)


@pytest.mark.parametrize("change", [0x01, 0x08, 0x20, 0x80, 0xFF], ids=hex)
def test_a_damaged_header_is_seen(built: Path, change: int) -> None:
    """With any byte of its header changed the file of ids opens as before or is refused."""
    data = (built / "corpus.npy").read_bytes()
    num_refused = 0
    for place in range(len(data) - len(PANGRAM)):
        changed = bytearray(data)
        changed[place] ^= change
        (built / "corpus.npy").write_bytes(changed)
        try:
            corpus = open_corpus(built)
        except TextError as error:
            num_refused += 1
            message = str(error)
            assert "\n" not in message, (place, message)
        else:
            assert corpus.ids.ndim == 1
            assert corpus.ids.dtype == smallest_dtype(corpus.vocabulary.size), place
    assert num_refused > 50
