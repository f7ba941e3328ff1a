"""What a user says of a text: what it is made of, how it is cut, how much of it is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

from charrnn.corpus.decode import Decoding
from charrnn.errors import ConfigError


@dataclass(frozen=True)
class CorpusOptions:
    """What a user says of a text.

    Attributes:
        pattern: Which files of a folder are read.
        decoding: How bytes become characters.
        min_count: Characters seen less often than this become the unknown symbol.
        val: The share of the text, from its end, that validates; or the path of another text.
        separator: What stands between documents, as a user types it; None for a text in one piece.
        max_bytes: How many bytes of the text are read, unpacked; None for all. Of another text that
            validates as many.
    """

    pattern: str = "*.txt"
    decoding: Decoding = field(default_factory=Decoding)
    min_count: int = 1
    val: str = "0.1"
    separator: str | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        """Check the count and the separator.

        Raises:
            ConfigError: If the count is less than one, or the separator is nothing or no text.
        """
        if self.min_count < 1:
            raise ConfigError(f"--min-count: {self.min_count} is not a count; give 1 or more")
        if self.separator == "":
            raise ConfigError("--doc-sep: it is empty; give the text that stands between documents")
        if any("\ud800" <= c <= "\udfff" for c in self.separator_read):
            raise ConfigError("--doc-sep: it is not UTF-8; give text, or --bytes to model bytes")

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

    def to_json(self) -> dict[str, Any]:
        """Return what decides which ids a text becomes, apart from the files themselves."""
        options = asdict(self) | {"val": None if self.val_fraction is None else self.val}
        del options["pattern"]
        return options
