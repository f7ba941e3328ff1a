"""Which options a resumed run may change.

The budget, the learning rate, clipping, dropout and the machine may change. Text, vocabulary,
architecture and the order of reading are part of the saved state and may not.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from charrnn.corpus.options import CorpusOptions
from charrnn.errors import ConfigError
from charrnn.training.recipe.settings import BUDGET, Recipe, Settings
from charrnn.training.run.state import RunState

TUNABLE = ("learning_rate", "clip", "dropout")
MACHINE = ("device", "precision", "threads", "parallel")
_OPTIONS = {
    "decoding": "`encoding` or `as_bytes`",
    "separator": "`lines` or `doc_sep`",
}


def change_recipe(state: RunState, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe that a resumed run uses.

    Changes are new values by the attributes of ``Settings`` and ``CorpusOptions``. One limit of the
    budget replaces all three.

    Raises:
        ConfigError: If a name is unknown, a value is out of range, or an option may not change.
    """
    now = _current_values(state)
    if unknown := sorted(changes.keys() - now.keys()):
        raise ConfigError(f"{unknown[0]!r} is not a setting; known: {', '.join(sorted(now))}")
    settings = {field.name for field in dataclasses.fields(Settings)}
    Settings(**{name: value for name, value in changes.items() if name in settings})
    free = (*BUDGET, *TUNABLE, *MACHINE)
    for name, value in changes.items():
        if name not in free and value != now[name]:
            raise ConfigError(
                f"{_OPTIONS.get(name, f'`{name}`')}: the run has {_show(now[name])}, not "
                f"{_show(value)}; drop the option, or start another run"
            )
    replaced = {name: value for name, value in changes.items() if name in free}
    if any(name in replaced for name in BUDGET):
        replaced = {**dict.fromkeys(BUDGET), **replaced}
    return dataclasses.replace(state.recipe, **replaced)


def _current_values(state: RunState) -> dict[str, Any]:
    """Return everything that a user can set about a run, by name."""
    holders = (state.recipe.model, state.recipe, state.options)
    known = {field.name for kind in (Settings, CorpusOptions) for field in dataclasses.fields(kind)}
    values = {f.name: getattr(each, f.name) for each in holders for f in dataclasses.fields(each)}
    return {name: values[name] for name in known}


def has_same_budget(old: Recipe, new: Recipe) -> bool:
    """Return whether two recipes have the same limits."""
    return all(getattr(old, name) == getattr(new, name) for name in BUDGET)


def why_not_exact(state: RunState, recipe: Recipe, backend: Mapping[str, Any]) -> list[str]:
    """Return the reasons why resuming with a recipe, on a backend, is not exact, bit for bit.

    For the backend see ``Backend.to_json``. The list is empty if resuming is exact.
    """
    reasons = []
    if recipe.time is not None:
        reasons.append("the schedule follows the clock")
    elif not has_same_budget(state.recipe, recipe):
        reasons.append("the budget changed")
    for name in TUNABLE:
        old, new = getattr(state.recipe, name), getattr(recipe, name)
        if old != new:
            reasons.append(f"{name.replace('_', ' ')} is {new:g}, was {old:g}")
    sharing = [
        (each.processes, each.parallel) if each.parallel == "data" else (1, "")
        for each in (state.recipe, recipe)
    ]
    if sharing[0] != sharing[1]:
        was, now = (number for number, _ in sharing)
        reasons.append(f"the streams are shared among {now} processes, were among {was}")
    for name, value in backend.items():
        if state.backend.get(name) != value:
            reasons.append(f"{name} is {_show(value)}, was {_show(state.backend.get(name))}")
    if backend["device"] != "cpu":
        reasons.append(f"sums on {backend['device']} have no fixed order")
    return reasons


def _show(value: object) -> str:
    """Return a value as a user would type it."""
    if dataclasses.is_dataclass(value):
        return " ".join(str(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, tuple):
        return " ".join(value)
    if value is None:
        return "none"
    return repr(value) if isinstance(value, str) and not value.isprintable() else str(value)
