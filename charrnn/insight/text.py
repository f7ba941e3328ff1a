"""A text to look at: one id and one shown character for each place.

Sizes: N places.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from charrnn.corpus.decode import Decoding
from charrnn.corpus.documents import DocumentChunk, cut_documents, insert_ends, read_chunks
from charrnn.corpus.open import Notice
from charrnn.errors import ConfigError, TextError
from charrnn.text.vocabulary import Ids, Vocabulary

MAX_CHARS = 100_000  # about half a minute of work for each question


@dataclass(frozen=True)
class Text:
    """A text as a model reads it.

    Attributes:
        ids: The characters; in a text of documents also the end symbols, with one at the start;
            shape (N,).
        shown: A character for each id. The end of a document is a newline.
        first: The place of the first character that the user gave: 1 after an end symbol at the
            start, else 0.
        end_id: The id of the end symbol; -1 if there is none.
    """

    ids: Ids
    shown: str
    first: int
    end_id: int

    @property
    def num_chars(self) -> int:
        """The number of places that the user can name."""
        return len(self.ids) - self.first

    def place(self, number: int) -> int:
        """Return a place by its number: from 1, or from -1 backwards.

        Raises:
            ConfigError: If there is no such place, or its character was not predicted.
        """
        size = self.num_chars
        if not number or abs(number) > size:
            raise ConfigError(
                f"`at`: there is no character {number}; the text has {size:,}; count from 1, or "
                "back from -1"
            )
        place = self.first + (number - 1 if number > 0 else size + number)
        if place == 0:
            raise ConfigError("`at`: the first character is given, not predicted; name a later one")
        return place

    def part(self, begin: int, end: int) -> "Text":
        """Return a part, whose first place is that at ``begin``."""
        first = self.first * (begin == 0)
        return Text(self.ids[begin:end], self.shown[begin:end], first, self.end_id)

    def number(self, place: int) -> int:
        """Return the number of a place, from 1."""
        return place - self.first + 1

    def start(self, place: int) -> int:
        """Return where the document of a place, or the text, begins: what it is predicted from."""
        ends = np.flatnonzero(self.ids[:place] == self.end_id)
        return int(ends[-1]) if len(ends) else 0


def read_text(vocabulary: Vocabulary, files: list[str], decoding: Decoding, notice: Notice) -> Text:
    """Return the start of files, ``MAX_CHARS`` at most, as one text.

    Raises:
        TextError: If a file cannot be read, or has no two characters that the model knows.
    """
    decoding = replace(decoding, nfc=vocabulary.nfc)
    decoding = Decoding(is_bytes=True) if vocabulary.is_bytes else decoding
    chunks = read_chunks(files, decoding, vocabulary.separator, notice)
    return _text(vocabulary, chunks, notice)


def make_text(vocabulary: Vocabulary, text: str, notice: Notice = lambda _: None) -> Text:
    """Return a text that is given as a string; see ``read_text``."""
    blocks = [vocabulary.from_user(text)]
    return _text(vocabulary, cut_documents(blocks, vocabulary.separator), notice)


def _text(vocabulary: Vocabulary, chunks: Iterable[DocumentChunk], notice: Notice) -> Text:
    """Return a text from chunks; those beyond ``MAX_CHARS`` are not read."""
    parts: list[Ids] = [np.zeros(0, np.int32)]
    num = 0
    for text, ends in chunks:
        parts.append(insert_ends(vocabulary.look_up(text), ends, vocabulary.end_id))
        num += len(parts[-1])
        if num > MAX_CHARS:
            break
    return text_of_ids(vocabulary, np.concatenate(parts), notice)


def text_of_ids(vocabulary: Vocabulary, ids: Ids, notice: Notice = lambda _: None) -> Text:
    """Return a text that is given as ids, -1 for characters that the model does not know.

    Raises:
        TextError: If there are no two characters that the model knows.
    """
    ids = ids.astype(np.int64)
    if len(ids) > MAX_CHARS:
        notice(f"looking at the first {MAX_CHARS:,} characters")
        ids = ids[:MAX_CHARS]
    if num_unknown := int((ids < 0).sum()):
        has_symbol = vocabulary.unknown_id is not None
        how = "read as the unknown symbol" if has_symbol else "left out"
        notice(f"{num_unknown:,} characters that the model does not know are {how}")
        ids[ids < 0] = -1 if vocabulary.unknown_id is None else vocabulary.unknown_id
        ids = ids[ids >= 0]
    end_id = -1 if vocabulary.end_id is None else vocabulary.end_id
    first = int(vocabulary.end_id is not None)
    if first and (not len(ids) or ids[0] != end_id):
        ids = np.insert(ids, 0, end_id)
    if len(ids) < 2:
        raise TextError(
            "the text has fewer than two characters that the model knows: nothing to look at"
        )
    symbols = [vocabulary.decode(np.array([id])) for id in range(vocabulary.size)]
    if first:
        symbols[end_id] = "\n"
    return Text(ids, "".join([symbols[id] for id in ids.tolist()]), first, end_id)
