"""The files of a run, on a disk that may refuse: the best model, the reports and the state."""

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from charrnn.errors import RunError
from charrnn.memory.index import Index
from charrnn.model.cells.spec import Array
from charrnn.model.checkpoint import MODEL_NAME, Checkpoint, write_checkpoint
from charrnn.training.learn.trainer import Trainer
from charrnn.training.run.metrics import METRICS_NAME, Metrics
from charrnn.training.run.monitor import Report
from charrnn.training.run.progress import LoopState
from charrnn.training.run.run import Run
from charrnn.training.run.state import STATE_NAME, RunState, write_state

SAVING_SHARE = 0.01  # of the time of a run


class RunFiles:
    """Writes the files of a run.

    If the disk refuses a file, a warning says so, training continues, and the file is retried: the
    model and the metrics with the next report, the state when it is next due. Only the state at the
    start, and any file at the end, must be saved.
    """

    def __init__(
        self, run: Run, trainer: Trainer, index: Index | None, fingerprint: str, save_every: float
    ) -> None:
        """Begin the metrics file, or continue it at the trainer's step.

        The index goes into the model file. ``save_every`` is in seconds; 0 saves the state only at
        the start and at the end.
        """
        self._run = run
        self._trainer = trainer
        self._index = index
        self._fingerprint = fingerprint
        self._save_every = save_every
        self._state_due = math.inf
        self._metrics = Metrics(run.directory / METRICS_NAME, trainer.step)
        self._pending: dict[str, Callable[[], None]] = {}
        self._errors: dict[str, OSError] = {}

    def keep(self, arrays: Mapping[str, Array], report: Report) -> None:
        """Write the model file."""
        history = self._metrics.history(report)
        checkpoint = self._checkpoint(arrays, report=report.to_json(), history=history)
        path = self._run.directory / MODEL_NAME
        self._pending[MODEL_NAME] = partial(write_checkpoint, path, checkpoint)
        self._try(MODEL_NAME)

    def preview(self) -> str:
        """Return a short text generated with the current weights."""
        generate = self._run.preview_text
        return "" if generate is None else generate(self._checkpoint(self._trainer.to_arrays()))

    def log(self, report: Report) -> None:
        """Append a report to the metrics, and retry what the disk refused."""
        self._metrics.add(report)
        self._pending[METRICS_NAME] = self._metrics.flush
        self._retry()

    def save_state(self, loop_state: LoopState) -> None:
        """Write the state file, but never before the model and the reports that it refers to.

        Raises:
            RunError: If the disk refuses a file; the previous state is intact.
            TrainingError: If a weight is not finite; the previous state is intact.
        """
        budget = self._trainer.budget
        before = budget.elapsed
        state = self._state(loop_state)
        if not all(np.isfinite(array).all() for array in state.arrays.values()):
            raise self._trainer.divergence(has_model=loop_state.best is not None)
        path = self._run.directory / STATE_NAME
        try:
            self._retry()
            for error in self._errors.values():
                raise error
            write_state(path, state)
        except OSError as error:
            raise RunError(
                f"{str(path)!r} could not be saved: {_reason(error)}; the previous state is intact"
            ) from None
        finally:
            took = budget.elapsed - before
            if self._save_every:
                self._state_due = before + took + max(self._save_every, took / SAVING_SHARE)

    @property
    def is_state_due(self) -> bool:
        """Whether to save the state now: rarely enough to take about 1 % of the time of the run."""
        return self._trainer.budget.elapsed >= self._state_due

    def try_to_save_state(self, loop_state: LoopState) -> None:
        """Write the state file; if the disk refuses it, a warning says so."""
        try:
            self.save_state(loop_state)
        except RunError as error:
            self._run.monitor.notice(f"warning: {error}, and training continues")

    def finish(self) -> None:
        """Retry a last time.

        Raises:
            RunError: If the disk still refuses a file.
        """
        self._retry()
        if self._errors:
            files = ", ".join(f"{name} ({_reason(e)})" for name, e in self._errors.items())
            raise RunError(
                f"not saved: {files}; what was saved before is whole; make room and train again"
            )

    def _checkpoint(self, arrays: Mapping[str, Array], **about: Any) -> Checkpoint:
        """Return a model with these weights."""
        run = self._run
        recipe = run.recipe.to_json()
        about = {"trained_at": time.time(), "recipe": recipe, "command": run.command, **about}
        config, vocabulary = run.recipe.model, run.corpus.vocabulary
        return Checkpoint(config, vocabulary, arrays, about, self._index)

    def _state(self, loop_state: LoopState) -> RunState:
        """Return the current state."""
        trainer = self._trainer
        return RunState(
            recipe=self._run.recipe,
            options=self._run.options,
            fingerprint=self._fingerprint,
            backend=trainer.backend.to_json(),
            step=trainer.step,
            chars=trainer.chars,
            loop_state=loop_state,
            used=trainer.budget.to_json(),
            saved_at=time.time(),
            arrays=trainer.state_arrays(),
        )

    def _retry(self) -> None:
        """Try to write every pending file."""
        for name in list(self._pending):
            self._try(name)

    def _try(self, name: str) -> None:
        """Try to write a pending file; report its first failure and its recovery."""
        notice = self._run.monitor.notice
        try:
            self._pending[name]()
        except OSError as error:
            if name not in self._errors:
                notice(
                    f"warning: {name} could not be saved: {_reason(error)}; what was saved before "
                    "is kept, training continues, and the file is retried"
                )
            self._errors[name] = error
        else:
            del self._pending[name]
            if self._errors.pop(name, None) is not None:
                notice(f"{name} is saved")


def _reason(error: OSError) -> str:
    """Return why the disk refused."""
    return error.strerror or str(error)
