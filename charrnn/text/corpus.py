"""A corpus: the ids of a training and a validation text, on disk behind a memory map.

The text is read once. While its characters are counted it is copied as UTF-8 into a spool file, so
that standard input serves as well as a file and a file may change meanwhile; then the vocabulary is
known and the spool becomes ids. Two files in the run directory hold the result::

    corpus.npy     ids in the smallest unsigned type: the training text, then the validation text;
                   ``documents`` says how end symbols stand in a text of documents
    corpus.json    the vocabulary, where the text came from, and how many ids train

Sizes: N ids, V ids in the vocabulary.
"""

from __future__ import annotations

import codecs
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from charrnn.errors import ConfigError, TextError
from charrnn.files import open_whole, write_whole
from charrnn.text.documents import Piece, Places, insert_ends, read_pieces
from charrnn.text.layout import Layout, Part, check_length, lay_out
from charrnn.text.reading import BLOCK_BYTES, STDIN, Decoding, Notice, find_files
from charrnn.text.vocabulary import Ids, Vocabulary, code_points, smallest_dtype

IDS_NAME = "corpus.npy"
ABOUT_NAME = "corpus.json"
MAX_VOCAB_SIZE = 65_536


@dataclass(frozen=True)
class CorpusOptions:
    """What a user says of a text.

    Attributes:
        pattern: Which files of a folder are read.
        decoding: How bytes become characters.
        min_count: Characters seen less often than this become the unknown symbol.
        val: The share of the text, from its end, that validates; or the path of another text.
        separator: What stands between documents, as a user types it; None for a text in one piece.
    """

    pattern: str = "*.txt"
    decoding: Decoding = field(default_factory=Decoding)
    min_count: int = 1
    val: str = "0.1"
    separator: str | None = None

    def __post_init__(self) -> None:
        """Check the count and the separator.

        Raises:
            ConfigError: If the count is less than one, or the separator is nothing.
        """
        if self.min_count < 1:
            raise ConfigError(f"--min-count: {self.min_count} is not a count; give 1 or more")
        if self.separator == "":
            raise ConfigError("--doc-sep: it is empty; give the text that stands between documents")

    @property
    def separator_read(self) -> str:
        """The separator as it is read, in characters of the corpus; empty where there is none."""
        separator = self.separator or ""
        if self.decoding.is_bytes:
            return separator.encode("utf-8", "surrogateescape").decode("latin-1")
        return separator.replace("\r\n", "\n")

    @property
    def val_fraction(self) -> Fraction | None:
        """The share of the text that validates, or None where another file does.

        Raises:
            ConfigError: If ``val`` is a number out of range.
        """
        try:
            share = float(self.val)
        except ValueError:
            return None
        if not 0 <= share < 1:
            raise ConfigError(
                f"--val: {self.val} is not a share of the text; give 0 to 0.9, or a file"
            )
        return Fraction(self.val)  # exact: 0.8 of 1000 characters are 800


@dataclass(frozen=True)
class Corpus:
    """A text that is ready for training.

    Attributes:
        ids: The training text, then the validation text, shape (N,); a read-only memory map.
        num_train: How many of the ids train; the rest validates.
        vocabulary: What the ids mean.
        val_bytes: Bytes of the validation text in UTF-8, its first character left out.
        sources: The files that were read, as absolute paths, or ``-``.
    """

    ids: Ids
    num_train: int
    vocabulary: Vocabulary
    val_bytes: int
    sources: tuple[str, ...]

    @property
    def train(self) -> Ids:
        """The ids that train, shape (num_train,)."""
        return self.ids[: self.num_train]

    @property
    def val(self) -> Ids:
        """The ids that validate, shape (N - num_train,)."""
        return self.ids[self.num_train :]

    @cached_property
    def num_documents(self) -> int:
        """How many documents the training text has; 0 where it is in one piece."""
        end = self.vocabulary.end_id
        return 0 if end is None else int(np.count_nonzero(self.train == end)) - 1


def build_corpus(
    directory: Path, names: Sequence[str], options: CorpusOptions, notice: Notice = lambda _: None
) -> Corpus:
    """Read texts, count their characters, and write their ids into a run directory.

    Args:
        directory: An existing folder; the two files of the corpus are written there.
        names: Files, folders or ``-``.
        options: How to read them.
        notice: Called with one line on what a user should know of the text.

    Returns:
        The corpus, open for reading.

    Raises:
        TextError: If a text cannot be read or is too short.
        ConfigError: If options are out of range.
    """
    fraction = options.val_fraction
    files = find_files(names, options.pattern)
    val_files = [] if fraction is not None else find_files([options.val], options.pattern)
    if STDIN in files and STDIN in val_files:
        raise ConfigError("'-': standard input can be read only once")
    encoding = "latin-1" if options.decoding.is_bytes else "utf-8"
    with tempfile.TemporaryFile(dir=directory) as spool:
        counts = np.zeros(0x110000, dtype=np.int64)
        separator = options.separator_read
        parts = [
            _count_and_spool(
                read_pieces(part, options.decoding, separator, notice), counts, spool, encoding
            )
            for part in (files, val_files)
        ]
        layout = lay_out(parts, fraction, documents=bool(separator))
        check_length(names, layout, may_be_none=fraction is not None)
        vocabulary = _build_vocabulary(counts, options, notice)
        spool.seek(0)
        ids_path = directory / IDS_NAME
        blocks = _respool(spool, encoding)
        val_bytes = _write_ids(ids_path, blocks, layout, vocabulary, encoding)
    sources = [name if name == STDIN else str(Path(name).resolve()) for name in files + val_files]
    about = {
        "vocabulary": vocabulary.to_json(),
        "num_train": layout.num_train,
        "val_bytes": val_bytes,
        "sources": sources,
    }
    write_whole(directory / ABOUT_NAME, json.dumps(about, indent=1).encode())
    return open_corpus(directory)


def open_corpus(directory: Path) -> Corpus:
    """Open the corpus that lies in a run directory.

    Raises:
        TextError: If there is none, or its files are damaged.
    """
    try:
        about = json.loads((directory / ABOUT_NAME).read_bytes())
        ids = np.lib.format.open_memmap(directory / IDS_NAME, mode="r")
        corpus = Corpus(
            ids=ids,
            num_train=int(about["num_train"]),
            vocabulary=Vocabulary.from_json(about["vocabulary"]),
            val_bytes=int(about["val_bytes"]),
            sources=tuple(str(source) for source in about["sources"]),
        )
    except FileNotFoundError:
        raise TextError(
            f"{str(directory)!r}: the text that the model was trained on is not there; "
            "give a file to evaluate"
        ) from None
    except Exception as error:  # JSON and NumPy raise many kinds for damage, none of them a bug
        reason = str(error).partition("\n")[0]
        raise TextError(f"{str(directory)!r}: the corpus files are damaged: {reason}") from None
    dtype = smallest_dtype(corpus.vocabulary.size)
    if ids.ndim != 1 or ids.dtype != dtype or not 0 < corpus.num_train <= len(ids):
        raise TextError(f"{str(directory)!r}: the corpus files are damaged")
    end = corpus.vocabulary.end_id
    outer = [part[[0, -1]] for part in (corpus.train, corpus.val) if len(part)]
    if end is not None and not (np.concatenate(outer) == end).all():
        raise TextError(f"{str(directory)!r}: the corpus files are damaged")
    return corpus


def _count_and_spool(
    pieces: Iterator[Piece], counts: npt.NDArray[np.int64], spool: IO[bytes], encoding: str
) -> Part:
    """Add the characters of a text to ``counts``, shape (0x110000,), and copy them to the spool.

    Returns:
        How many characters there were, and where among them documents end.
    """
    num_chars = 0
    ends: list[Places] = []
    for block, block_ends in pieces:
        ends.append(block_ends + num_chars)
        try:
            data = block.encode(encoding)
        except UnicodeEncodeError:
            raise TextError(
                "the text holds halves of surrogate pairs, which are no characters; "
                "give its --encoding, or --bytes"
            ) from None
        one_each = len(data) == len(block)  # then bytes are code points, four times as compact
        points = np.frombuffer(data, np.uint8) if one_each else code_points(block)
        found = np.bincount(points)
        counts[: len(found)] += found
        num_chars += len(block)
        spool.write(data)
    return Part(num_chars, np.concatenate([np.zeros(0, np.int64), *ends]))


def _build_vocabulary(
    counts: npt.NDArray[np.int64], options: CorpusOptions, notice: Notice
) -> Vocabulary:
    """Return the characters that occur often enough, and the unknown symbol for others."""
    seen = np.flatnonzero(counts)
    kept = np.flatnonzero(counts >= options.min_count)
    if len(kept) == 0:
        raise ConfigError(f"--min-count: no character occurs {options.min_count} times")
    if len(kept) > MAX_VOCAB_SIZE:
        raise TextError(
            f"{len(kept)} distinct characters are too many for a model; is the text really in "
            f"{options.decoding.encoding}? give its --encoding, or --bytes, or --min-count"
        )
    if len(kept) < len(seen):
        rare = int(counts.sum() - counts[kept].sum())
        notice(
            f"{len(seen) - len(kept)} rare characters ({rare} in the text) are the unknown symbol"
        )
    characters = "".join(map(chr, kept.tolist()))
    has_unknown, is_bytes = len(kept) < len(seen), options.decoding.is_bytes
    return Vocabulary(characters, has_unknown, is_bytes, options.separator_read)


def _respool(spool: IO[bytes], encoding: str) -> Iterator[str]:
    """Yield the characters of the spool in blocks."""
    return codecs.iterdecode(iter(lambda: spool.read(BLOCK_BYTES), b""), encoding)


def _write_ids(
    path: Path, blocks: Iterator[str], layout: Layout, vocabulary: Vocabulary, encoding: str
) -> int:
    """Write the ids of a text as a NumPy file.

    Returns:
        The bytes of the validation text, as far as it is predicted. An end symbol counts those of
        the separator that it stands for.
    """
    dtype = smallest_dtype(vocabulary.size)
    unknown, end = vocabulary.unknown_id, vocabulary.end_id
    done = 0
    val_bytes = layout.val_ends * len(vocabulary.separator.encode(encoding))
    with open_whole(path) as file:
        header = {"descr": dtype.str, "fortran_order": False, "shape": (layout.num_ids,)}
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            ids: Ids = vocabulary.look_up(block)
            if unknown is not None:
                ids[ids < 0] = unknown
            first, last = np.searchsorted(layout.ends, [done, done + len(block)])
            ids = insert_ends(ids, layout.ends[first:last] - done, end)
            file.write(ids.astype(dtype).tobytes())
            predicted = block[max(layout.val_from - done, 0) :]
            val_bytes += len(predicted.encode(encoding))
            done += len(block)
        if end is not None:
            last_ends = np.count_nonzero(layout.ends == done)
            file.write(np.full(last_ends, end, dtype).tobytes())
    return val_bytes
