"""How characters are drawn and where a text ends, as a user chooses; without NumPy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from charrnn.errors import ConfigError

MAX_COPY = 4096


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """How characters are drawn; checked on construction.

    The penalty and the filters act on the model's distribution in the order of the attributes. At
    least one candidate always remains; the temperature acts on the remaining ones.

    Attributes:
        temperature: 0 takes the likeliest character, 1 draws from the model as trained. Samples
            take several temperatures in turn.
        repeat_penalty: Divides the probability of the last ``repeat_last_n`` characters; 1 is off.
        repeat_last_n: How many characters ``repeat_penalty`` covers, the prompt's included.
        top_k: Keep this many of the likeliest characters; 0 is off.
        top_p: Keep the fewest likeliest characters whose probabilities add up to this; 1 is off.
        min_p: Keep characters with at least this share of the highest probability; 0 is off.

    Raises:
        ConfigError: If a value is out of range.
    """

    temperature: float | Sequence[float] = 0.8
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.temperatures:
            raise ConfigError("`temperature`: no value; give one or more")
        for temperature in self.temperatures:
            if not 0 <= temperature < math.inf:
                raise _out_of_range("temperature", temperature, "0 or more")
        if not 0 < self.repeat_penalty < math.inf:
            raise _out_of_range("repeat_penalty", self.repeat_penalty, "more than 0; 1 is off")
        for name in ("repeat_last_n", "top_k"):
            if getattr(self, name) < 0:
                raise _out_of_range(name, getattr(self, name), "1 or more; 0 is off")
        for name in ("top_p", "min_p"):
            if not 0 <= getattr(self, name) <= 1:
                raise _out_of_range(name, getattr(self, name), "0 to 1")

    @property
    def temperatures(self) -> tuple[float, ...]:
        """The temperatures that samples take in turn."""
        if isinstance(self.temperature, Sequence):
            return tuple(self.temperature)
        return (self.temperature,)


@dataclass(frozen=True, kw_only=True)
class StopCriteria:
    """Where a text ends; checked on construction.

    Attributes:
        length: Maximum number of characters; None for no limit.
        stop: One or more texts. The sample ends before the first occurrence of any of them.
        match: A regular expression that the whole text matches; see ``regex.pattern``.
        max_copy: No run of more than this many characters of the text stands in the training text,
            1 to ``MAX_COPY``; None for no limit.

    Raises:
        ConfigError: If a value is out of range, or two contradict each other.
    """

    length: int | None = 500
    stop: str | Sequence[str] = ()
    match: str | None = None
    max_copy: int | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        if self.length is not None and self.length < 0:
            raise _out_of_range("length", self.length, "0 or more")
        if self.max_copy is not None and not 1 <= self.max_copy <= MAX_COPY:
            raise _out_of_range("max_copy", self.max_copy, f"1 to {MAX_COPY}")
        if "" in self.stops:
            raise ConfigError("`stop`: the text is empty; give at least one character")
        if self.stops and self.match is not None:
            raise ConfigError("`stop` and `match` exclude each other; give one of the two")

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop texts."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    @property
    def is_endless(self) -> bool:
        """Whether nothing here ends a text."""
        return self.length is None and not self.stops and self.match is None


def _out_of_range(name: str, value: float, allowed: str) -> ConfigError:
    """Return the error for a number outside its range."""
    return ConfigError(f"`{name}`: {value} is out of range; give {allowed}")
