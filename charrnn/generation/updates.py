"""What generation hands on: characters as they are drawn, of samples written side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple


class Drawn(NamedTuple):
    """A character that was drawn.

    Attributes:
        character: It; the end symbol, which is none, is an empty one.
        logprob: The logarithm of its probability to the model itself, without filters and at
            temperature 1; NaN where nobody asked.
        best: The likeliest characters, with theirs, the likeliest first.
    """

    character: str
    logprob: float = math.nan
    best: tuple[tuple[str, float], ...] = ()


class Piece(NamedTuple):
    """What a step added to a sample.

    Attributes:
        sample: Its index.
        drawn: The characters: one, none while a stop text may have begun, or several when it did
            not go on.
        finish_reason: Why the sample is finished: ``length``, ``stop``, ``match`` or ``end`` (the
            model's end symbol); empty as long as it is not.
    """

    sample: int
    drawn: list[Drawn]
    finish_reason: str = ""


Pieces = Iterator[Piece]


def in_order(pieces: Pieces) -> Pieces:
    """Yield the pieces of samples one sample after the other, by index.

    Those of the first that is not finished go through as they come; those of others are kept, as
    one piece each, until it is their turn.
    """
    kept: dict[int, Piece] = {}
    turn = 0
    for piece in pieces:
        if piece.sample != turn:
            if before := kept.get(piece.sample):
                before.drawn.extend(piece.drawn)
                piece = before._replace(finish_reason=piece.finish_reason)
            kept[piece.sample] = piece
            continue
        yield piece
        while piece.finish_reason:
            turn += 1
            if turn not in kept:
                break
            piece = kept.pop(turn)
            yield piece
