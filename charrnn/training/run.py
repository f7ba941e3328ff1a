"""A run from names of texts to a model file: the directory, the corpus, the training, the file.

Torch is imported only after the texts are read, so that a mistake in a name is told at once.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from charrnn.errors import RunError
from charrnn.model.cells import Array
from charrnn.model.checkpoint import MODEL_NAME, RUNS, Checkpoint, write_checkpoint
from charrnn.model.config import parameter_shapes
from charrnn.text.corpus import ABOUT_NAME, IDS_NAME, Corpus, CorpusOptions, build_corpus
from charrnn.text.reading import STDIN, find_files
from charrnn.text.sketch import Sketch, build_sketch
from charrnn.text.streams import Streams
from charrnn.training.monitor import Monitor, Report, Silent
from charrnn.training.recipe import Recipe, Settings, resolve

METRICS_NAME = "metrics.jsonl"
RUN_NAMES = (MODEL_NAME, METRICS_NAME, IDS_NAME, ABOUT_NAME)

PreviewText = Callable[[Checkpoint], str]
"""Makes a short text with a model; handed in, because training does not know how to sample."""


@dataclass(frozen=True)
class Result:
    """What a run left.

    Attributes:
        directory: The run directory.
        best: The report of the validation that the model file was kept at.
        stop_signal: The signal that ended the run early, if one did.
    """

    directory: Path
    best: Report
    stop_signal: int | None = None

    @property
    def model(self) -> Path:
        """The model file."""
        return self.directory / MODEL_NAME


def train(
    corpora: Sequence[str],
    *,
    out: Path | None = None,
    options: CorpusOptions | None = None,
    settings: Settings | None = None,
    monitor: Monitor | None = None,
    preview_every: float = 0.0,
    preview_text: PreviewText | None = None,
    began: float | None = None,
) -> Result:
    """Train a model on texts and leave it in a run directory.

    Args:
        corpora: Files, folders, or ``-`` for standard input.
        out: The run directory; None for a new one below ``./runs``, named after the text.
        options: How to read the texts.
        settings: How to train.
        monitor: Who follows the run.
        preview_every: Seconds between short texts for the monitor; 0 for none.
        preview_text: Makes those texts.
        began: When the time budget began, by ``time.monotonic``; None for now.

    Returns:
        Where the model is, and how good.

    Raises:
        CharRNNError: If a text, an option or the directory cannot be used, or training fails.
    """
    began = time.monotonic() if began is None else began
    options = options or CorpusOptions()
    settings = settings or Settings()
    monitor = monitor or Silent()
    find_files(corpora, options.pattern)  # mistakes are told before anything is made
    resolve(settings, num_chars=1, vocab_size=1)
    directory, is_new = _make_directory(out, corpora[0])
    try:
        monitor.notice(f"reading {', '.join(map(repr, corpora))}")
        corpus = build_corpus(directory, corpora, options, monitor.notice)
        monitor.notice(
            f"{len(corpus.ids):,} characters, {corpus.vocabulary.size:,} distinct; "
            f"{len(corpus.val):,} of them validate"
        )
        recipe = resolve(settings, num_chars=corpus.num_train, vocab_size=corpus.vocabulary.size)
        sketch = build_sketch(corpus.train, corpus.vocabulary)
        run = _Run(directory, corpus, sketch, recipe, monitor, preview_text)
        return run.train(began, preview_every)
    except BaseException:
        _remove_unless_trained(directory, is_new)
        raise


@dataclass(frozen=True)
class _Run:
    """What the parts of a run share while it goes on."""

    directory: Path
    corpus: Corpus
    sketch: Sketch | None
    recipe: Recipe
    monitor: Monitor
    preview_text: PreviewText | None

    def train(self, began: float, preview_every: float) -> Result:
        """Train; keep the best model, and a line for each report."""
        from charrnn.training.budget import Budget
        from charrnn.training.loop import run_training
        from charrnn.training.machine import prepare_machine
        from charrnn.training.trainer import Trainer

        recipe = self.recipe
        machine = prepare_machine(recipe.device, recipe.precision, recipe.threads)
        num_windows = Streams(self.corpus.train, recipe.batch_size, recipe.seq_length).num_windows
        limits = [] if recipe.steps is None else [recipe.steps]
        if recipe.epochs is not None:
            limits.append(max(1, round(recipe.epochs * num_windows)))
        budget = Budget(recipe.time, min(limits, default=None), began)
        trainer = Trainer(recipe, machine, self.corpus.train, self.corpus.val, budget)
        self.monitor.notice(f"training {_describe(recipe)} on {machine}")
        with (self.directory / METRICS_NAME).open("w", encoding="utf-8", buffering=1) as metrics:
            outcome = run_training(
                trainer,
                _Recorder(self.monitor, metrics),
                self.keep,
                preview_every if self.preview_text else 0.0,
                lambda: self.preview(trainer.average.to_arrays()),
            )
        return Result(self.directory, outcome.best, outcome.stop_signal)

    def keep(self, arrays: Mapping[str, Array], report: Report) -> None:
        """Write the model file."""
        write_checkpoint(self.directory / MODEL_NAME, self._checkpoint(arrays, report))

    def preview(self, arrays: Mapping[str, Array]) -> str:
        """Return a short text made with the weights."""
        assert self.preview_text is not None
        return self.preview_text(self._checkpoint(arrays, None))

    def _checkpoint(self, arrays: Mapping[str, Array], report: Report | None) -> Checkpoint:
        """Return the weights as a model."""
        about: dict[str, Any] = {"trained_at": time.time(), "recipe": self.recipe.to_json()}
        if report is not None:
            about["report"] = report.to_json()
        return Checkpoint(self.recipe.model, self.corpus.vocabulary, arrays, about, self.sketch)


@dataclass(frozen=True)
class _Recorder:
    """A monitor that also writes each report as a line of JSON."""

    monitor: Monitor
    metrics: TextIO

    def notice(self, line: str) -> None:
        """Hand a line on."""
        self.monitor.notice(line)

    def report(self, report: Report) -> None:
        """Write a report down and hand it on."""
        self.metrics.write(json.dumps(report.to_json(), allow_nan=False) + "\n")
        self.monitor.report(report)

    def preview(self, text: str) -> None:
        """Hand a text on."""
        self.monitor.preview(text)

    def stop_signal(self) -> int | None:
        """Ask the monitor."""
        return self.monitor.stop_signal()


def _make_directory(out: Path | None, first_name: str) -> tuple[Path, bool]:
    """Make the run directory, and tell whether it is new.

    Args:
        out: What the user named, or None.
        first_name: The first text, after which a new directory is named.

    Raises:
        RunError: If the directory that the user named holds a run already.
    """
    if out is not None:
        if any((out / name).exists() for name in RUN_NAMES):
            raise RunError(
                f"{str(out)!r}: holds a run already; give -o another directory, or remove this one"
            )
        is_new = not out.exists()
        out.mkdir(parents=True, exist_ok=True)
        return out, is_new
    stem = "stdin" if first_name == STDIN else Path(first_name).resolve().name.split(".")[0]
    stem = stem or "text"
    for number in itertools.count(1):
        directory = RUNS / (stem if number == 1 else f"{stem}-{number}")
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            continue
        return directory, True
    raise AssertionError("counting ended")


def _remove_unless_trained(directory: Path, is_new: bool) -> None:
    """Remove what a run that failed made, unless it made a model."""
    if (directory / MODEL_NAME).exists():
        return
    for name in RUN_NAMES:
        (directory / name).unlink(missing_ok=True)
    if is_new:
        with contextlib.suppress(OSError):  # a folder stays if anything else is in it
            directory.rmdir()
            RUNS.rmdir()


def _describe(recipe: Recipe) -> str:
    """Return a recipe in words."""
    model = recipe.model
    num_parameters = sum(math.prod(shape) for shape in parameter_shapes(model).values())
    limits = [
        None if recipe.time is None else f"{recipe.time:g} s",
        None if recipe.steps is None else f"{recipe.steps:,} steps",
        None if recipe.epochs is None else f"{recipe.epochs:g} epochs",
    ]
    budget = " or ".join(limit for limit in limits if limit)
    sizes = f"{model.num_layers} x {model.hidden_size}, {num_parameters:,} parameters"
    return f"{model.cell} {sizes}, for {budget}"
