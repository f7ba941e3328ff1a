"""Finished samples: their text, why they ended, and how likely they were to the model."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from charrnn.generation.updates import Drawn, Pieces
from charrnn.text.vocabulary import Vocabulary
from charrnn.units import SCHEMA


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A text that a model wrote, and how.

    Attributes:
        index: Which one of those asked for, from 0.
        data: The text as bytes, the prompt not included.
        prompt: What was read first.
        seed: Of the random numbers; with the index it gives the text again.
        temperature: See ``SamplingParams``.
        drawn: Its characters, the end symbol too, and, where asked for, their probabilities.
        finish_reason: Why it ended; see ``Piece``.
    """

    index: int
    data: bytes
    prompt: str
    seed: int
    temperature: float
    drawn: Sequence[Drawn]
    finish_reason: str

    @property
    def text(self) -> str:
        """The text; where a model of bytes made what is not UTF-8, with U+FFFD."""
        return self.data.decode("utf-8", "replace")

    @property
    def nats(self) -> float:
        """How surprising the text is to the model itself, after the prompt: as ``eval`` counts.

        That it ends counts where the model has an end symbol and drew it.
        """
        return -sum(each.logprob for each in self.drawn)

    def to_json(self, *, with_prompt: bool = False, with_logprobs: bool = False) -> dict[str, Any]:
        """Return the sample as an object.

        Args:
            with_prompt: Whether the text begins with the prompt.
            with_logprobs: Whether each character is told with its probability and the best ones.
        """
        prompt = self.prompt.encode("utf-8", "surrogateescape")
        data = prompt * with_prompt + self.data
        value: dict[str, Any] = {
            "schema": SCHEMA,
            "index": self.index,
            "text": data.decode("utf-8", "replace"),
            "prompt": prompt.decode("utf-8", "replace"),
            "seed": self.seed,
            "temperature": self.temperature,
            "characters": sum(bool(each.character) for each in self.drawn),
            "finish_reason": self.finish_reason,
            "nats": self.nats,
        }
        if value["text"].encode() != data:  # not UTF-8
            value["bytes"] = base64.b64encode(data).decode()
        if with_logprobs:
            value["logprobs"] = [
                {"character": each.character, "logprob": each.logprob, "best": each.best}
                for each in self.drawn
            ]
        return value


def collect(
    pieces: Pieces, vocabulary: Vocabulary, *, prompt: str, seed: int, temperatures: Sequence[float]
) -> Iterator[Sample]:
    """Put pieces together.

    Args:
        pieces: One sample after the other; see ``in_order``.
        vocabulary: The characters of the model.
        prompt: What was read first.
        seed: Of the random numbers.
        temperatures: The samples took them in turn.

    Yields:
        Each sample when it is finished.
    """
    drawn: list[Drawn] = []
    for piece in pieces:
        drawn += piece.drawn
        if piece.finish_reason:
            text = "".join(each.character for each in drawn)
            yield Sample(
                index=piece.sample,
                data=vocabulary.to_bytes(text),
                prompt=prompt,
                seed=seed,
                temperature=temperatures[piece.sample % len(temperatures)],
                drawn=drawn,
                finish_reason=piece.finish_reason,
            )
            drawn = []
