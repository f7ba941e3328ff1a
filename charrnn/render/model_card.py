"""The model card: the description that ``charrnn info`` prints.

Model files are not trusted: the card checks the type of each value that it takes from ``about``.
"""

import math
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from charrnn.model.checkpoint import Checkpoint
from charrnn.model.config import ModelConfig, parameter_shapes
from charrnn.render.curves import small_curve
from charrnn.render.history import Point, curve_of, number, read_points, to_points
from charrnn.text.escaping import visible
from charrnn.units import SCHEMA, nats_to_bits

_SHOWN_CHARS = 200


class Card:
    """Describes a model."""

    def __init__(self, checkpoint: Checkpoint, path: Path) -> None:
        """Take a model and the path of its file."""
        self._checkpoint = checkpoint
        self._path = path
        self._about = checkpoint.about

    @property
    def num_parameters(self) -> int:
        """The number of weights."""
        shapes = parameter_shapes(self._checkpoint.config)
        return sum(math.prod(shape) for shape in shapes.values())

    @property
    def points(self) -> list[Point]:
        """All reports, if the run directory is there; else the history in the model file."""
        return read_points(self._path.parent) or self.history

    @property
    def history(self) -> list[Point]:
        """The validations up to this model, from its file."""
        return to_points(self._about.get("history"))

    def to_json(self) -> dict[str, Any]:
        """Return the card as one object."""
        checkpoint = self._checkpoint
        return {
            "schema": SCHEMA,
            "model": str(self._path),
            "bytes": self._path.stat().st_size,
            "parameters": self.num_parameters,
            "config": checkpoint.config.to_json(),
            "memory": checkpoint.index and {"characters": checkpoint.index.num_chars},
            "vocabulary": checkpoint.vocabulary.to_json(),
            "about": _without_nan(dict(self._about)),
        }

    def lines(self) -> list[str]:
        """Return the card as a table with a learning curve."""
        index = self._checkpoint.index
        size = f"{_size(self._path.stat().st_size)}, {self.num_parameters:,} parameters"
        rows = [
            ("model", str(self._path)),
            ("size", size),
            ("network", _network(self._checkpoint.config)),
            ("memory", f"{index.num_chars:,} characters of the training text" if index else ""),
            ("vocabulary", self._vocabulary()),
            ("trained", self._trained()),
            ("history", self._history()),
            ("repeat", self._command()),
        ]
        table = [f"{name:12}{value}".replace("\n", "\\n") for name, value in rows if value]
        curve = small_curve(self.points)
        return [*table, *([""] if curve else []), *curve]

    def _vocabulary(self) -> str:
        """Describe the vocabulary, with unprintable characters escaped."""
        vocabulary, characters = self._checkpoint.vocabulary, self._checkpoint.vocabulary.characters
        if vocabulary.is_bytes:
            return f"{vocabulary.size:,} bytes"
        words = f"{len(characters):,} characters: "
        words += "".join(map(visible, characters[:_SHOWN_CHARS]))
        more = len(characters[_SHOWN_CHARS:])
        words += f" and {more:,} more" if more else ""
        words += ", and the unknown symbol" if vocabulary.has_unknown else ""
        return words + (f"; documents end at {vocabulary.separator!r}" * bool(vocabulary.separator))

    def _trained(self) -> str:
        """Describe the end of training in one line."""
        when = self._checkpoint.trained_at
        report = self._about.get("report")
        report = report if isinstance(report, dict) else {}
        step, epoch, seconds = (number(report.get(n)) for n in ("step", "epoch", "seconds"))
        loss = number(report.get("val_nats_per_char"))
        words = []
        if 0 < when < 1e11:
            words.append(time.strftime("%Y-%m-%d %H:%M", time.localtime(when)))
        words += [] if step is None else [f"step {step:,.0f}"]
        words += [] if epoch is None else [f"epoch {epoch:,.1f}"]
        words += [] if seconds is None else [f"after {seconds:,.0f} s"]
        if loss is not None:
            words.append(f"validation {loss:.4f} nats, {nats_to_bits(loss):.4f} bits per character")
        return ", ".join(words)

    def _command(self) -> str:
        """Return the command line that repeats the run; empty if the file has none."""
        command = self._about.get("command")
        if isinstance(command, list) and all(isinstance(word, str) for word in command):
            return shlex.join(command)
        return ""

    def _history(self) -> str:
        """Show up to six validation losses in one line."""
        values = curve_of(self.history, "val")
        if len(values) < 2:
            return ""
        stride = max(1, (len(values) - 1) / 5)
        places = sorted({round(i * stride) for i in range(6) if round(i * stride) < len(values)})
        losses = " \u2192 ".join(f"{values[place][1]:.2f}" for place in places)
        return f"{losses} bits, steps {values[0][0]:,.0f} to {values[-1][0]:,.0f}"


def _network(config: ModelConfig) -> str:
    """Describe the network."""
    words = [f"{config.cell} {config.num_layers} x {config.hidden_size}"]
    if config.cell == "rnn":
        words.append(config.nonlinearity)
    words.append(f"embedding {config.embedding_size}")
    words.append(f"{config.block} blocks")
    if config.ngrams > 1:
        words.append(f"n-grams up to {config.ngrams}")
    if config.num_networks > 1:
        words.append(f"ensemble of {config.num_networks}")
    return ", ".join(words)


def _size(num_bytes: int) -> str:
    """Return a file size in kB or MB."""
    return f"{num_bytes / 1e6:,.1f} MB" if num_bytes >= 1e5 else f"{num_bytes / 1e3:,.1f} kB"


def _without_nan(value: Any) -> Any:
    """Return a value with None for NaN and infinities, which JSON lacks."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_without_nan(item) for item in value]
    return value
