"""Corpus options: which files to read, how to decode them, and how to split the text."""

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any, Self

from charrnn.corpus.decode import Decoding
from charrnn.corpus.find import DEFAULT_GLOB
from charrnn.errors import ConfigError


@dataclass(frozen=True)
class CorpusOptions:
    """How files become a corpus.

    Attributes:
        glob: Patterns; a folder stands for the files that match any of them.
        decoding: How bytes become characters.
        nfc: Whether to normalise the text to Unicode NFC, so that a letter with an accent is one
            character. The vocabulary remembers it for prompts and other texts.
        min_count: Characters that occur less often become the unknown symbol.
        val: The share of the text, from its end, to validate on; or the path of another text.
        separator: The separator between documents, as typed; None for a text without documents.
        max_bytes: How many bytes of the unpacked text to read; None for all. The limit applies to
            a separate validation text as well.
    """

    glob: tuple[str, ...] = DEFAULT_GLOB
    decoding: Decoding = field(default_factory=Decoding)
    min_count: int = 1
    val: str = "0.1"
    separator: str | None = None
    max_bytes: int | None = None
    nfc: bool = False

    def __post_init__(self) -> None:
        """Refuse a count below one, an empty separator, and NFC where each character is a byte."""
        if self.min_count < 1:
            raise ConfigError(f"`min_count`: {self.min_count} is out of range; give 1 or more")
        if self.separator == "":
            raise ConfigError("`doc_sep`: empty; give the text between two documents")
        if any("\ud800" <= c <= "\udfff" for c in self.separator_read):
            raise ConfigError("`doc_sep`: not UTF-8; give text, or `as_bytes` to model bytes")
        if self.nfc and self.decoding.is_bytes:
            raise ConfigError("`nfc`: bytes cannot be normalised; drop it or `as_bytes`")

    @property
    def decoding_read(self) -> Decoding:
        """The decoding with the normalisation."""
        return replace(self.decoding, nfc=self.nfc)

    @property
    def separator_read(self) -> str:
        """The separator as it occurs in the decoded text; empty for a text without documents."""
        separator = self.separator or ""
        if self.decoding.is_bytes:
            return separator.encode("utf-8", "surrogateescape").decode("latin-1")
        separator = separator.replace("\r\n", "\n")
        return unicodedata.normalize("NFC", separator) if self.nfc else separator

    @property
    def val_fraction(self) -> Fraction | None:
        """The share of the text to validate on; None where another text is used.

        Raises:
            ConfigError: If ``val`` is a number out of range.
        """
        try:
            share = float(self.val)
        except ValueError:
            return None
        if not 0 <= share < 1:
            raise ConfigError(f"`val`: {self.val} is out of range; give 0 to 0.9, or a file")
        return Fraction(self.val)  # exact: 0.8 of 1000 characters are 800

    def to_json(self) -> dict[str, Any]:
        """Return all options as JSON."""
        options = asdict(self) | {"glob": list(self.glob)}
        del options["decoding"]["nfc"]
        if not self.nfc:  # as in files from before this option
            del options["nfc"]
        return options

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the options that ``to_json`` described.

        Older files hold one ``pattern`` in place of ``glob``.

        Raises:
            TypeError: If a name is unknown.
            ConfigError: If a value is out of range.
        """
        others = dict(value)
        patterns = others.pop("glob", None) or [others.pop("pattern", DEFAULT_GLOB[0])]
        decoding = Decoding(**others.pop("decoding"))
        return cls(glob=tuple(map(str, patterns)), decoding=decoding, **others)

    def identity(self) -> dict[str, Any]:
        """Return the options that decide, together with the files, which ids a text becomes."""
        options = self.to_json() | {"val": None if self.val_fraction is None else self.val}
        del options["glob"]
        return options
