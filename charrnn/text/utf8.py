"""Text as UTF-8, whatever code points it holds."""


def to_utf8(text: str) -> bytes:
    r"""Return text as UTF-8; every output of the program goes through here.

    UTF-8 has no lone surrogates, but a ``str`` may: Python decodes a file name that is not UTF-8 to
    them, and JSON can spell them. They become ``\\udcff`` and the like, which is also how JSON
    escapes them, so encoding a line of JSON keeps it valid and its value unchanged.
    """
    return text.encode("utf-8", "backslashreplace")
