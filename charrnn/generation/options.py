"""Sampling as keyword options, the way a caller gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypedDict, Unpack

from charrnn.generation.params import SamplingParams, StopCriteria
from charrnn.model.units import Unit
from charrnn.text.vocabulary import OnUnknown


class SamplingOptions(TypedDict, total=False):
    """Keyword options of every sampling method; see ``SamplingParams`` and ``StopCriteria``.

    Attributes:
        held: Units to hold at values while a text is written; see ``charrnn.model.units``.
        memory: Whether the model uses its memory; True by default.
        on_unknown: How to treat a character of the prompt that the model never saw: ``error`` (the
            default), ``skip`` or ``replace``.
    """

    temperature: float | Sequence[float]
    top_k: int
    top_p: float
    min_p: float
    repeat_penalty: float
    repeat_last_n: int
    length: int | None
    stop: str | Sequence[str]
    match: str | None
    max_copy: int | None
    held: Mapping[Unit, float]
    memory: bool
    on_unknown: OnUnknown


def split_options(**options: Unpack[SamplingOptions]) -> tuple[SamplingParams, StopCriteria]:
    """Return how characters are drawn and where a text ends.

    Raises:
        ConfigError: If an option is out of range.
    """
    params: dict[str, Any] = dict(options)
    for name in ("held", "memory", "on_unknown"):
        params.pop(name, None)
    names = [field.name for field in fields(StopCriteria)]
    criteria = {name: params.pop(name) for name in names if name in params}
    return SamplingParams(**params), StopCriteria(**criteria)
