"""Make text safe and visible: nothing in it can control a terminal or hide in a page."""

import re
import unicodedata

# Control characters except newline and tab, marks of writing direction, other invisible controls
# of layout, and lone surrogates, which stand for bytes that are not UTF-8. The joiners of scripts
# and emoji are not among them.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0001\ud800-\udfff]"
)


def escape_controls(text: str) -> str:
    """Return text that cannot control a terminal: control characters in Python's notation."""
    return _UNSAFE.sub(lambda found: _escape(found[0]), text)


def printable(name: str) -> str:
    r"""Return a file name, or any other text, as one line that is safe to print.

    A byte that is not UTF-8 becomes ``\xe9``, and a newline ``\n``.
    """
    return "".join(c if c.isprintable() else _escape(c) for c in name)


def visible(character: str) -> str:
    """Return a character that can be seen, or its escape in Python's notation."""
    is_visible = character.isprintable() or unicodedata.category(character) == "Zs"
    return character if is_visible else _escape(character)


def num_cells(text: str) -> int:
    """Return the width of a text in cells of a terminal.

    Letters with marks and emoji with joiners or variation selectors count as one symbol.
    """
    from rich.cells import cell_len  # only what draws in cells pays for Rich

    return cell_len(text)


def cell_widths(text: str) -> list[int]:
    """Return how many cells each character adds to a text; the sum is ``num_cells`` of the text."""
    widths, begin, before = [], 0, 0
    for place, character in enumerate(text):
        if not _may_join(text[place - 1 : place], character):
            begin, before = place, 0
        now = num_cells(text[begin : place + 1])
        widths.append(now - before)
        before = now
    return widths


def _may_join(previous: str, character: str) -> bool:
    """Return whether a terminal may draw a character together with the one before it."""
    is_flag = "\U0001f1e6" <= character <= "\U0001f1ff"  # two such letters make a flag
    is_mark = unicodedata.category(character) in {"Mn", "Mc", "Me", "Cf", "Sk"}
    return previous == "\u200d" or is_flag or is_mark


def _escape(character: str) -> str:
    """Return a character in Python's notation."""
    if "\udc80" <= character <= "\udcff":  # Python's surrogate for a byte
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def to_utf8(text: str) -> bytes:
    r"""Return text as UTF-8; every output of the program goes through here.

    UTF-8 has no lone surrogates, but a ``str`` may: Python decodes a file name that is not UTF-8 to
    them, and JSON can spell them. They become ``\\udcff`` and the like, which is also how JSON
    escapes them, so encoding a line of JSON keeps it valid and its value unchanged.
    """
    return text.encode("utf-8", "backslashreplace")
