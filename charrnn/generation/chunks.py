"""Drawn characters of samples that are written side by side, as they come."""

import math
from collections.abc import Iterator
from typing import NamedTuple


class Drawn(NamedTuple):
    """A character that was drawn.

    Attributes:
        character: The character; empty for the end symbol.
        logprob: Its log-probability in the model, without filters and at temperature 1; NaN if not
            asked for.
        best: The likeliest characters with their log-probabilities, the likeliest first.
    """

    character: str
    logprob: float = math.nan
    best: tuple[tuple[str, float], ...] = ()


class SampleChunk(NamedTuple):
    """What one step adds to a sample.

    Attributes:
        sample: The index of the sample.
        drawn: One character; none while they may begin a stop text; several once they do not.
        finish_reason: ``length``, ``stop``, ``match``, ``end`` (the end symbol was drawn) or
            ``copy`` (anything more would be a copy) in the last chunk of a sample; empty before.
    """

    sample: int
    drawn: list[Drawn]
    finish_reason: str = ""

    @property
    def text(self) -> str:
        """The characters."""
        return "".join(each.character for each in self.drawn)


Chunks = Iterator[SampleChunk]


def in_order(chunks: Chunks) -> Chunks:
    """Yield chunks sample by sample, in the order of their indices.

    Chunks of the first unfinished sample pass through immediately. Those of later samples are
    merged, one for each sample, and wait for their turn.
    """
    waiting: dict[int, SampleChunk] = {}
    turn = 0
    for chunk in chunks:
        if chunk.sample != turn:
            if earlier := waiting.get(chunk.sample):
                earlier.drawn.extend(chunk.drawn)
                chunk = earlier._replace(finish_reason=chunk.finish_reason)
            waiting[chunk.sample] = chunk
            continue
        yield chunk
        while chunk.finish_reason:
            turn += 1
            if turn not in waiting:
                break
            chunk = waiting.pop(turn)
            yield chunk
