"""The units of a model: their names, and how to hold them at a value.

The value of a unit is its output h. Everything that a unit tells the rest of the network goes
through h, so a unit that is held tells nothing of what was read.

Sizes: B streams, H hidden units.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from charrnn.errors import ConfigError
from charrnn.model.config import ModelConfig
from charrnn.model.predictor import Wrap


class Unit(NamedTuple):
    """A hidden unit; its name is ``LAYER:UNIT``, as in ``0:17``.

    Attributes:
        layer: The number of its layer, from 0. The layers of a second network count on.
        number: Its number in the layer, from 0.
    """

    layer: int
    number: int

    def __str__(self) -> str:
        """Return the name."""
        return f"{self.layer}:{self.number}"


def parse_held_units(config: ModelConfig, texts: list[str]) -> dict[Unit, float]:
    """Return units with the values to hold them at, written as ``LAYER:UNIT=VALUE``.

    Raises:
        ConfigError: If a text is not of this form, or the model has no such unit.
    """
    held = {}
    num_layers, size = config.num_layers * config.num_networks, config.hidden_size
    for text in texts:
        found = re.fullmatch(r"(\d{1,9}):(\d{1,9})=(\S+)", text)
        value = math.nan
        if found:
            try:
                value = float(found[3])
            except ValueError:
                found = None
        if not found or not math.isfinite(value):
            raise ConfigError(f"`set_unit`: {text!r} is not LAYER:UNIT=VALUE; give 0:17=1")
        unit = Unit(int(found[1]), int(found[2]))
        if unit.layer >= num_layers or unit.number >= size:
            raise ConfigError(
                f"`set_unit`: there is no unit {unit}; layers are 0 to {num_layers - 1}, units 0 "
                f"to {size - 1}"
            )
        held[unit] = value
    return held


def hold_units(config: ModelConfig, held: Mapping[Unit, float]) -> Wrap:
    """Return a wrap that holds units at values in every stream."""

    def wrap(layer: int, step: Callable[..., Any]) -> Callable[..., Any]:
        own = [unit for unit in held if unit.layer % config.num_layers == layer]
        if not own:
            return step
        networks = [unit.layer // config.num_layers for unit in own]
        numbers, values = [unit.number for unit in own], [held[unit] for unit in own]

        def held_step(*args: Any) -> Any:
            after = step(*args)
            h = after[0] if isinstance(after, tuple) else after
            h[:, networks, numbers] = values
            return after

        return held_step

    return wrap
