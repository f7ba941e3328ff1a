"""A share of the text, or another text, validates."""

from pathlib import Path

import pytest

from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import Corpus, build_corpus
from charrnn.errors import ConfigError, TextError

PANGRAM = "the quick brown fox jumps over the lazy dog. " * 4


def build(run: Path, text: str | bytes, val: str) -> Corpus:
    """Build a corpus of one text next to the run directory."""
    source = run.parent / f"{run.name}.txt"
    source.write_bytes(text.encode() if isinstance(text, str) else text)
    return build_corpus(run, [str(source)], CorpusOptions(val=val))


@pytest.mark.parametrize(
    ("val", "num_train"),
    [
        ("0", 1000),
        ("0.0", 1000),
        ("0.002", 998),
        ("0.1", 900),
        (".25", 750),
        ("0.3", 700),
        ("5e-1", 500),
        ("0.8", 200),
        ("0.9", 100),
    ],
)
def test_the_share_that_validates(run: Path, val: str, num_train: int) -> None:
    """The share that a user gives, as a decimal number, is taken from the end of the text."""
    corpus = build(run, "ab" * 500, val=val)
    assert corpus.num_train == num_train
    assert len(corpus.val) == 1000 - num_train
    assert corpus.val_bytes == max(len(corpus.val) - 1, 0)


@pytest.mark.parametrize("val", ["1", "1.5", "-0.1", "-1", "nan", "inf", "-inf", "1e9"])
def test_a_share_out_of_range_is_refused(run: Path, val: str) -> None:
    """A number outside 0 to 1 is refused before any text is read."""
    with pytest.raises(ConfigError, match=f"`val`: {val} "):
        build_corpus(run, ["no such file"], CorpusOptions(val=val))
    assert list(run.iterdir()) == []


def test_a_folder_can_validate(tmp_path: Path, run: Path) -> None:
    """The text that validates is found like the text that trains."""
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "a.txt").write_text("first ")
    (tmp_path / "val" / "b.txt").write_text("second")
    corpus = build(run, PANGRAM, val=str(tmp_path / "val"))
    assert corpus.vocabulary.decode(corpus.val) == "first second"


def test_a_validation_file_that_is_not_there(run: Path) -> None:
    """A name that is neither a share nor a file is said before the text is read."""
    with pytest.raises(TextError, match=r"'missing\.txt': no such file"):
        build(run, b"\xff", val="missing.txt")


def test_standard_input_does_not_train_and_validate(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard input, which can be read only once, is not both texts."""
    (tmp_path / "text").write_text(PANGRAM)
    with (tmp_path / "text").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(ConfigError, match="only once"):
            build_corpus(run, ["-"], CorpusOptions(val="-"))
