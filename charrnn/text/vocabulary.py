"""Characters to ids and back, including characters that the model never saw.

Sizes: V ids in the vocabulary, N characters in a text.
"""

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from charrnn.errors import UnknownCharacterError
from charrnn.text.escaping import to_utf8

Ids = npt.NDArray[np.integer[Any]]
OnUnknown = Literal["error", "skip", "replace"]

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""How the unknown symbol is shown. It is only an id: U+FFFD in a text has an id of its own."""


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """Return the Unicode code points of a text, shape (N,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def utf8_lengths(points: npt.NDArray[np.unsignedinteger[Any]]) -> npt.NDArray[np.uint8]:
    """Return how many bytes each code point takes in UTF-8, 1 to 4, shape (N,)."""
    lengths = np.ones(len(points), np.uint8)
    for first in (0x80, 0x800, 0x10000):
        if first <= np.iinfo(points.dtype).max:
            lengths += points >= first
    return lengths


def smallest_dtype(size: int) -> np.dtype[Any]:
    """Return the smallest unsigned type that holds the ids 0 to ``size - 1``."""
    return np.min_scalar_type(max(size - 1, 0))


@dataclass(frozen=True)
class Vocabulary:
    """The characters of a model, sorted by code point; an id is an index into them.

    In a vocabulary of bytes the characters U+0000 to U+00FF stand for the byte values.

    The ids of symbols follow those of the characters: first the unknown symbol, if there is one,
    then the end symbol, if there is one.

    Attributes:
        characters: The characters, each once, sorted by code point.
        has_unknown: Whether one id stands for all other characters. It is learned from the rare
            characters of the training text and never sampled.
        is_bytes: Whether each character stands for one byte.
        separator: The separator between documents, if the model writes documents; then one id, the
            end symbol, stands for the end of a document. Otherwise empty.
        nfc: Whether texts are normalised to Unicode NFC before they are encoded.
    """

    characters: str
    has_unknown: bool = False
    is_bytes: bool = False
    separator: str = ""
    nfc: bool = False

    @property
    def size(self) -> int:
        """The number of ids, V."""
        return len(self.characters) + self.has_unknown + bool(self.separator)

    @property
    def unknown_id(self) -> int | None:
        """The id of the unknown symbol, if there is one."""
        return len(self.characters) if self.has_unknown else None

    @property
    def end_id(self) -> int | None:
        """The id of the end symbol, if there is one: then a model writes documents."""
        return self.size - 1 if self.separator else None

    def table(self, size: int) -> npt.NDArray[np.int32]:
        """Return the id of each code point below ``size``, and -1 if it has none."""
        points = code_points(self.characters)
        points = points[points < size]  # sorted, so these have the first ids
        table = np.full(size, -1, dtype=np.int32)
        table[points] = np.arange(len(points))
        return table

    @cached_property
    def _table(self) -> npt.NDArray[np.int32]:
        """Code point to id, -1 if there is none; the last entry stands for all higher ones."""
        return self.table(max(map(ord, self.characters[-1:]), default=0) + 2)

    @cached_property
    def byte_lengths(self) -> npt.NDArray[np.int64]:
        """The length of each character in UTF-8 in bytes (1 for a byte), shape (V,).

        The unknown symbol counts 0, because its length in the text is unknown. The end symbol
        counts the bytes of the separator.
        """
        points = code_points(self.characters)
        lengths = np.ones(self.size, np.int64)
        lengths[: len(points)] = 1 if self.is_bytes else utf8_lengths(points)
        if self.unknown_id is not None:
            lengths[self.unknown_id] = 0
        if self.end_id is not None:
            lengths[self.end_id] = len(self.to_bytes(self.separator))
        return lengths

    def look_up(self, text: str) -> npt.NDArray[np.int32]:
        """Return the id of each character, shape (N,), and -1 for unknown ones."""
        return self._table.take(code_points(text), mode="clip")

    def encode(self, text: str, on_unknown: OnUnknown = "error") -> npt.NDArray[np.int32]:
        """Return the ids of a text of N characters, shape (N,), from 0 to V - 1.

        A character that is not in the vocabulary is an ``error``, or is left out (``skip``; there
        are then fewer ids), or becomes the unknown symbol (``replace``; if there is none a space,
        or else the first character).

        Raises:
            UnknownCharacterError: At the first unknown character, with ``error``.
        """
        ids = self.look_up(text)
        missing = ids < 0
        if not missing.any():
            return ids
        if on_unknown == "skip":
            return ids[~missing]
        if on_unknown == "replace":
            fallback = self.characters.find(" ")
            ids[missing] = max(fallback, 0) if self.unknown_id is None else self.unknown_id
            return ids
        index = int(np.argmax(missing))
        character = text[index]
        raise UnknownCharacterError(
            f"the model never saw {character!r} (U+{ord(character):04X}), character {index + 1} of "
            "the prompt; give another prompt, or `on_unknown` skip or replace"
        )

    def decode(self, ids: Ids) -> str:
        """Return the text of ids, shape (N,).

        The unknown symbol becomes ``UNKNOWN``, the end symbol the separator.
        """
        symbols = [*self.characters, *[UNKNOWN] * self.has_unknown]
        symbols += [self.separator] * bool(self.separator)
        return "".join([symbols[i] for i in ids.tolist()])

    def from_user(self, text: str) -> str:
        """Return typed text as characters of this vocabulary: normalised, or one for each byte."""
        if not self.is_bytes:
            return unicodedata.normalize("NFC", text) if self.nfc else text
        return text.encode("utf-8", "surrogateescape").decode("latin-1")

    def to_bytes(self, text: str) -> bytes:
        """Return generated text as the bytes to write: UTF-8, or the bytes that it stands for."""
        return text.encode("latin-1", "replace") if self.is_bytes else to_utf8(text)

    def to_json(self) -> dict[str, Any]:
        """Return the vocabulary as JSON for a model file."""
        value: dict[str, Any] = {
            "characters": self.characters,
            "has_unknown": self.has_unknown,
            "is_bytes": self.is_bytes,
            "separator": self.separator,
        }
        return value | ({"nfc": True} if self.nfc else {})  # absent from older files

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the vocabulary that ``to_json`` described.

        Raises:
            ValueError: If the value is not such a description.
        """
        match value:
            case {
                "characters": str(text),
                "has_unknown": bool(unknown),
                "is_bytes": bool(is_bytes),
                **others,
            }:
                separator = others.get("separator", "")  # absent from older files
                nfc = others.get("nfc", False)
                points = code_points(text)
                if (
                    len(points) == 0
                    or bool((points[1:] <= points[:-1]).any())
                    or bool(((points >= 0xD800) & (points < 0xE000)).any())
                    or (is_bytes and int(points[-1]) > 0xFF)
                ):
                    raise ValueError("the characters are not distinct, sorted and valid")
                if not isinstance(separator, str) or not _is_encodable(separator, is_bytes):
                    raise ValueError("the separator of documents is not text")
                if not isinstance(nfc, bool) or (nfc and is_bytes):
                    raise ValueError("its normalisation is not true or false")
                return cls(text, unknown, is_bytes, separator, nfc)
        raise ValueError("not a vocabulary")


def _is_encodable(text: str, is_bytes: bool) -> bool:
    """Return whether characters of a vocabulary can be written."""
    try:
        text.encode("latin-1" if is_bytes else "utf-8")
    except UnicodeEncodeError:
        return False
    return True
