"""Strings that may have begun at the end of a text: what follows decides."""

from collections.abc import Sequence


def num_begun(text: str, strings: Sequence[str]) -> int:
    """Return how many characters at the end of a text may begin one of several strings.

    Whoever looks for a string in a text that arrives in parts holds these characters back. A
    complete string at the end does not count, but a shorter prefix of a string in it may.
    """
    longest = max(map(len, strings), default=0)
    for size in range(min(longest - 1, len(text)), 0, -1):
        if any(string.startswith(text[-size:]) for string in strings):
            return size
    return 0
