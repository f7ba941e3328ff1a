"""Finished samples: their text, why they ended, and their probability in the model."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from charrnn.generation.chunks import Chunks, Drawn
from charrnn.text.vocabulary import Vocabulary
from charrnn.units import SCHEMA


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A generated text and how it was drawn.

    Attributes:
        index: Its place among the samples, from 0.
        data: The text as bytes, without the prompt.
        prompt: The text that was read first.
        seed: Random seed; with the index it reproduces the text.
        temperature: See ``SamplingParams``.
        drawn: Its characters and the end symbol, with probabilities if recorded.
        finish_reason: Why it ended; see ``SampleChunk``.
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
        """The text, with U+FFFD in place of invalid UTF-8 from a model of bytes."""
        return self.data.decode("utf-8", "replace")

    @property
    def nats(self) -> float:
        """The negative log-likelihood of the text after the prompt, as the model predicted it.

        It includes the end symbol if that was drawn. ``eval`` remembers what it has just read, so
        it finds another one, unless both do without memory.
        """
        return -sum(each.logprob for each in self.drawn)

    def to_json(self, *, with_prompt: bool = False, with_logprobs: bool = False) -> dict[str, Any]:
        """Return one object, with the prompt in its text and with probabilities if asked for."""
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
    chunks: Chunks, vocabulary: Vocabulary, *, prompt: str, seed: int, temperatures: Sequence[float]
) -> Iterator[Sample]:
    """Join chunks, sample by sample as from ``in_order``; yield each sample when it is complete.

    Samples take the temperatures in turn; for the other arguments see ``Sample``.
    """
    drawn: list[Drawn] = []
    for chunk in chunks:
        drawn += chunk.drawn
        if chunk.finish_reason:
            text = "".join(each.character for each in drawn)
            yield Sample(
                index=chunk.sample,
                data=vocabulary.to_bytes(text),
                prompt=prompt,
                seed=seed,
                temperature=temperatures[chunk.sample % len(temperatures)],
                drawn=drawn,
                finish_reason=chunk.finish_reason,
            )
            drawn = []
