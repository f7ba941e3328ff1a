"""A corpus: the ids of a training and a validation text, on disk behind a memory map.

Two files in the run directory hold it::

    corpus.npy     ids in the smallest unsigned type: the training text, then the validation text;
                   ``documents`` describes the end symbols in a text of documents
    corpus.json    the vocabulary, the number of training ids, the options, the names, sizes and
                   checksums of the files, and the checksum of the ids

Sizes: N ids, V ids in the vocabulary.
"""

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn.corpus.cache import runs_of_same_text
from charrnn.corpus.decode import BLOCK_BYTES
from charrnn.corpus.documents import read_chunks
from charrnn.corpus.find import STDIN, find_files
from charrnn.corpus.open import Limit, Notice, Source
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.split import check_length, split_parts
from charrnn.corpus.spool import Spool, write_ids
from charrnn.errors import ConfigError, TextError
from charrnn.storage.atomic import link_whole, open_whole, write_whole
from charrnn.text.vocabulary import Ids, Vocabulary, smallest_dtype

IDS_NAME = "corpus.npy"
ABOUT_NAME = "corpus.json"
MAX_VOCAB_SIZE = 65_536


@dataclass(frozen=True)
class Corpus:
    """A text, encoded for training.

    Attributes:
        ids: The training text, then the validation text, shape (N,); a read-only memory map.
        num_train: How many ids train; the others validate.
        vocabulary: The meaning of the ids.
        val_bytes: The size in UTF-8 of the validation text without its first character.
        sources: The files that were read, as absolute paths, or ``-``.
        ids_sha256: The checksum of the ids, in hexadecimal.
    """

    ids: Ids
    num_train: int
    vocabulary: Vocabulary
    val_bytes: int
    sources: tuple[str, ...]
    ids_sha256: str = ""

    @property
    def fingerprint(self) -> str:
        """A checksum, equal for two corpora if and only if training on them is the same."""
        return fingerprint(self.ids_sha256, self.num_train, self.vocabulary)

    @property
    def train(self) -> Ids:
        """The training ids, shape (num_train,)."""
        return self.ids[: self.num_train]

    @property
    def val(self) -> Ids:
        """The validation ids, shape (N - num_train,)."""
        return self.ids[self.num_train :]

    @cached_property
    def num_documents(self) -> int:
        """The number of training documents; 0 in a text without documents."""
        end = self.vocabulary.end_id
        if end is None:
            return 0
        starts = range(0, self.num_train, BLOCK_BYTES)  # block by block, to save memory
        blocks = (self.train[start : start + BLOCK_BYTES] for start in starts)
        return sum(int(np.count_nonzero(block == end)) for block in blocks) - 1


def fingerprint(ids_sha256: str, num_train: int, vocabulary: Vocabulary) -> str:
    """Return the checksum of everything that training depends on, in hexadecimal."""
    seen = [ids_sha256, num_train, vocabulary.to_json()]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def build_corpus(
    directory: Path,
    names: Sequence[str],
    options: CorpusOptions,
    notice: Notice = lambda _: None,
    candidates: Iterable[Path] = (),
) -> Corpus:
    """Read texts, count their characters, and write their ids into an existing run directory.

    A notice is one line about the text that a user should know. The candidates are other run
    directories; their ids are reused if the text is the same.

    Raises:
        TextError: If a text cannot be read or is too short, or its copy fills the disk.
        ConfigError: If options are out of range.
    """
    fraction = options.val_fraction
    files = find_files(names, options.glob)
    val_files = [] if fraction is not None else find_files([options.val], options.glob)
    if STDIN in files and STDIN in val_files:
        raise ConfigError("'-': standard input can be read only once")
    paths = [name if name == STDIN else str(Path(name).resolve()) for name in files + val_files]
    same = {"options": options.identity(), "num_val_files": len(val_files)}
    others = ((folder / IDS_NAME, folder / ABOUT_NAME) for folder in candidates)
    for ids_path, about in runs_of_same_text(files + val_files, same, others):
        with contextlib.suppress(TextError, OSError):  # if that fails, read the text
            link_whole(ids_path, directory / IDS_NAME)
            corpus = _describe(directory, about | {"sources": paths})
            notice(f"the text was read before; its ids come from {str(ids_path.parent)!r}")
            return corpus
    about = _ingest(directory, names, files, val_files, options, notice)
    return _describe(directory, about | same | {"sources": paths})


def _describe(directory: Path, about: Mapping[str, Any]) -> Corpus:
    """Write the description of a corpus next to its ids, and open it."""
    write_whole(directory / ABOUT_NAME, json.dumps(about, indent=1).encode())
    return open_corpus(directory)


def _ingest(
    directory: Path,
    names: Sequence[str],
    files: Sequence[str],
    val_files: Sequence[str],
    options: CorpusOptions,
    notice: Notice,
) -> dict[str, Any]:
    """Read files, write their ids, and return the description of the corpus."""
    read: list[Source] = []
    fraction = options.val_fraction
    with tempfile.TemporaryFile(dir=directory) as file:
        spool = Spool(file)
        separator = options.separator_read
        try:
            parts = [
                spool.add(
                    read_chunks(
                        part,
                        options.decoding_read,
                        separator,
                        notice,
                        Limit(options.max_bytes),
                        read.append,
                    )
                )
                for part in (files, val_files)
            ]
        except OSError as error:  # the texts' own errors are TextErrors
            raise TextError(
                f"{str(directory)!r}: cannot write a copy of the text there: {error.strerror}; "
                "give a folder on a larger disk (`out`), or `max_bytes`"
            ) from None
        split = split_parts(parts, fraction, documents=bool(separator))
        check_length(names, split, may_be_none=fraction is not None)
        vocabulary = _build_vocabulary(spool.counts, options, notice)
        with open_whole(directory / IDS_NAME) as ids_file:
            val_bytes, ids_sha256 = write_ids(ids_file, spool, vocabulary, split)
    is_whole = len(read) == len(files) + len(val_files)
    return {
        "vocabulary": vocabulary.to_json(),
        "num_train": split.num_train,
        "val_bytes": val_bytes,
        "ids_sha256": ids_sha256,
        "fingerprint": fingerprint(ids_sha256, split.num_train, vocabulary),
        "files": [source.to_json() for source in read] if is_whole else [],
    }


def open_corpus(directory: Path) -> Corpus:
    """Open the corpus in a run directory.

    Raises:
        TextError: If it is missing or damaged.
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
            ids_sha256=str(about.get("ids_sha256", "")),
        )
    except FileNotFoundError:
        raise TextError(
            f"{str(directory)!r}: the training text is not there; give a file to evaluate"
        ) from None
    except Exception as error:  # damaged JSON and NumPy files raise many kinds of errors
        reason = str(error).partition("\n")[0]
        raise TextError(f"{str(directory)!r}: the corpus files are damaged: {reason}") from None
    dtype = smallest_dtype(corpus.vocabulary.size)
    is_fit = ids.ndim == 1 and ids.dtype == dtype and 0 < corpus.num_train <= len(ids)
    if not is_fit or about.get("fingerprint", corpus.fingerprint) != corpus.fingerprint:
        raise TextError(f"{str(directory)!r}: the corpus files are damaged")
    end = corpus.vocabulary.end_id
    outer = [part[[0, -1]] for part in (corpus.train, corpus.val) if len(part)]
    if end is not None and not (np.concatenate(outer) == end).all():
        raise TextError(f"{str(directory)!r}: the corpus files are damaged")
    return corpus


def _build_vocabulary(
    counts: npt.NDArray[np.int64], options: CorpusOptions, notice: Notice
) -> Vocabulary:
    """Return the characters that occur often enough, and the unknown symbol for the others."""
    seen = np.flatnonzero(counts)
    kept = np.flatnonzero(counts >= options.min_count)
    if len(kept) == 0:
        raise ConfigError(f"`min_count`: no character occurs {options.min_count} times")
    if len(kept) > MAX_VOCAB_SIZE:
        # The smallest count that leaves few enough characters, if it leaves any.
        least = int(np.partition(counts, -MAX_VOCAB_SIZE - 1)[-MAX_VOCAB_SIZE - 1]) + 1
        remedy = f"`min_count` {least}" if (counts >= least).any() else "a `min_count`"
        raise TextError(
            f"{len(kept):,} distinct characters are too many; a model has at most "
            f"{MAX_VOCAB_SIZE:,}; is it a binary file, or not in {options.decoding.encoding}? give "
            f"its `encoding`, or `as_bytes`, or {remedy}"
        )
    if len(kept) < len(seen):
        rare = int(counts.sum() - counts[kept].sum())
        notice(
            f"{len(seen) - len(kept)} rare characters ({rare} in the text) become the unknown "
            "symbol"
        )
    characters = "".join(map(chr, kept.tolist()))
    has_unknown, is_bytes = len(kept) < len(seen), options.decoding.is_bytes
    return Vocabulary(characters, has_unknown, is_bytes, options.separator_read, options.nfc)
