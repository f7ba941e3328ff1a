"""What a user chooses of the way to draw characters, and where a text ends; no NumPy here."""

from __future__ import annotations

import math
from dataclasses import dataclass

from charrnn.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """How characters are drawn; checked on construction.

    The filters act on what the model says, one after the other in this order, and the temperature
    on what they leave, which is one character at least.

    Attributes:
        temperatures: One or more; samples take them in turn. 0 takes the likeliest character, 1
            draws as the model was trained.
        repeat_penalty: What divides the probability of the characters that are among the last
            ``repeat_last_n``; 1 changes nothing.
        repeat_last_n: How far back that looks, in characters, the prompt's included.
        top_k: How many of the likeliest characters are left; 0 for all.
        top_p: The smallest number of the likeliest characters is left whose probabilities add up to
            this; 1 leaves all.
        min_p: Characters are left that have at least this share of the likeliest one's probability;
            0 leaves all.

    Raises:
        ConfigError: If a value is out of range.
    """

    temperatures: tuple[float, ...] = (0.8,)
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.temperatures:
            raise ConfigError("--temp: no temperature; give one or more")
        for temperature in self.temperatures:
            if not (math.isfinite(temperature) and temperature >= 0):
                raise ConfigError(f"--temp: {temperature} is not a temperature; give 0 or more")
        if not (math.isfinite(self.repeat_penalty) and self.repeat_penalty > 0):
            raise ConfigError(
                f"--repeat-penalty: {self.repeat_penalty} is not a divisor; give more than 0; 1 is "
                "off"
            )
        for option, count in [("repeat-last-n", self.repeat_last_n), ("top-k", self.top_k)]:
            if count < 0:
                raise ConfigError(f"--{option}: {count} is not a number of characters; 0 is off")
        for option, share in [("top-p", self.top_p), ("min-p", self.min_p)]:
            if not 0 <= share <= 1:
                raise ConfigError(f"--{option}: {share} is not a share; give 0 to 1")


@dataclass(frozen=True, kw_only=True)
class StopCriteria:
    """Where a text ends; checked on construction.

    Attributes:
        length: How many characters it has at the most; None for no limit.
        stop: Texts before which it ends; they are no part of it.
        match: A regular expression that the whole text matches; see ``patterns``. None for any
            text.

    Raises:
        ConfigError: If they are out of range or contradict each other.
    """

    length: int | None = 500
    stop: tuple[str, ...] = ()
    match: str | None = None

    def __post_init__(self) -> None:
        """Check them."""
        if self.length is not None and self.length < 0:
            raise ConfigError(
                f"--length: {self.length} is not a number of characters; -1 is endless"
            )
        if "" in self.stop:
            raise ConfigError("--stop: an empty text is before every character; give some")
        if self.stop and self.match is not None:
            raise ConfigError("--stop: would cut what --match asks for; give one of the two")

    @property
    def is_endless(self) -> bool:
        """Whether nothing here ends a text."""
        return self.length is None and not self.stop and self.match is None
