"""The loop of a run: step, report, validate, keep the best, save the state, stop.

How a step is made is ``trainer``'s; how far the run is, ``budget``'s; what is written, ``run``'s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from charrnn.errors import TrainingError
from charrnn.model.cells.spec import Array
from charrnn.training.learn.trainer import VALIDATION_SHARE, Trainer
from charrnn.training.run.monitor import Monitor, Report
from charrnn.training.run.progress import NUM_REPORTS, NUM_VALIDATIONS, LoopState, milestones

SAVING_SHARE = 0.01  # of the time of a run

Keep = Callable[[dict[str, Array], Report], None]


class StateError(Exception):
    """The disk refused the state file; an error of a monitor is never one of these."""


@dataclass
class StateSaver:
    """Saves the state of a run, rarely enough to take about 1 % of its time.

    Attributes:
        write: Called with a trainer's ``state_arrays`` and the loop's counts.
        every: Seconds between two times; 0 for at the end only.
    """

    write: Callable[[Mapping[str, Any], LoopState], None]
    every: float
    _next: float = field(default=math.inf, init=False)

    def save(self, trainer: Trainer, loop_state: LoopState) -> None:
        """Save.

        Raises:
            StateError: If the disk refuses; the previous state stays.
            TrainingError: If the weights are not finite; what was saved before stays.
        """
        budget = trainer.budget
        before = budget.elapsed
        arrays = trainer.state_arrays()
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise TrainingError(_not_finite(trainer, loop_state.best))
        try:
            self.write(arrays, loop_state)
        except OSError as error:
            raise StateError(error.strerror or str(error)) from error
        finally:
            took = budget.elapsed - before
            if self.every:
                self._next = before + took + max(self.every, took / SAVING_SHARE)

    def save_if_due(self, trainer: Trainer, loop_state: LoopState, monitor: Monitor) -> None:
        """Save if it is time; if that fails the training goes on, and it is tried again later."""
        if trainer.budget.elapsed < self._next:
            return
        try:
            self.save(trainer, loop_state)
        except StateError as error:
            monitor.notice(
                f"warning: the state of the run could not be saved: {error}; the previous state "
                "is intact, and training continues"
            )


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        best: The report of the best validation, or the last one where nothing validates.
        stop_signal: The signal that ended it early, if one did.
    """

    best: Report
    stop_signal: int | None


def begin(trainer: Trainer, monitor: Monitor) -> LoopState:
    """Let the schedule of a new run begin.

    Args:
        trainer: The run, at its first step.
        monitor: Who follows it.

    Returns:
        The counts of a run without a step.
    """
    budget = trainer.budget
    validation_chars = trainer.validation_chars()
    if validation_chars < len(trainer.val):
        monitor.notice(
            f"each validation reads the first {validation_chars:,} of {len(trainer.val):,} "
            "characters"
        )
    budget.start_training()
    return LoopState(validation_chars, reported_at=budget.elapsed)


def run_training(
    trainer: Trainer,
    monitor: Monitor,
    keep: Keep,
    preview_every: float,
    preview: Callable[[], str],
    *,
    loop_state: LoopState | None = None,
    saver: StateSaver | None = None,
) -> Outcome:
    """Train until the budget is used up or a signal asks for an end.

    Stopping saves exactly the state that the next step would have used, so a resumed run ends like
    one that was never stopped.

    Args:
        trainer: The run, at any step.
        monitor: Who follows it.
        keep: Called with the weights and the report whenever the validation is the best so far.
        preview_every: Seconds between previews; 0 for none.
        preview: Makes a short text with the weights of now.
        loop_state: What the loop had counted when the run was saved; None for a new run.
        saver: Saves the state of the run; None for nobody.

    Returns:
        How it ended.

    Raises:
        TrainingError: If the loss is not finite. What was kept stays kept.
        StateError: If the state cannot be written at the start or the end.
    """
    budget = trainer.budget
    loop_state = begin(trainer, monitor) if loop_state is None else loop_state
    previewed_at = budget.elapsed
    if saver is not None:
        saver.save(trainer, loop_state)
    monitor.stop_signal()  # from now on a signal ends no more than the step
    stop_signal = report = None
    while not loop_state.is_over and stop_signal is None:
        step_nats, step_chars = trainer.advance(budget.progress(trainer.step))
        if not math.isfinite(step_nats):
            raise TrainingError(_not_finite(trainer, loop_state.best))
        loop_state.nats += step_nats
        loop_state.num_chars += step_chars
        progress = budget.progress(trainer.step)
        loop_state.is_over = progress >= 1
        if loop_state.is_over or progress * NUM_REPORTS >= loop_state.reports_done + 1:
            report = _report(trainer, loop_state, keep, progress)
            monitor.report(report)
            if preview_every and budget.elapsed - previewed_at >= preview_every:
                if not loop_state.is_over:
                    monitor.preview(preview())
                previewed_at = budget.elapsed
            loop_state.reported_at = budget.elapsed
        stop_signal = monitor.stop_signal()
        if saver is None:
            continue
        if loop_state.is_over or stop_signal is not None:
            saver.save(trainer, loop_state)
        else:
            saver.save_if_due(trainer, loop_state, monitor)
    best = loop_state.best
    if best is None:  # stopped before the first validation: some model is better than none
        if report is None or loop_state.num_chars:
            report = _standing(trainer, loop_state)
        best = _keep_if_best(trainer, replace(loop_state), keep, report)
    return Outcome(best, stop_signal)


def _report(trainer: Trainer, loop_state: LoopState, keep: Keep, progress: float) -> Report:
    """Return where a run stands, validated if it is time to, and begin to count anew."""
    report = _standing(trainer, loop_state)
    budget = trainer.budget
    is_affordable = (
        budget.seconds is None or loop_state.validating < VALIDATION_SHARE * budget.elapsed
    )
    is_due = progress * NUM_VALIDATIONS >= loop_state.validations_done + 1
    if loop_state.is_over or (is_due and is_affordable):
        _, loop_state.validations_done = milestones(progress)
        report = _keep_if_best(trainer, loop_state, keep, report)
    loop_state.reports_done, _ = milestones(progress)
    loop_state.nats, loop_state.num_chars = 0.0, 0
    return report


def _standing(trainer: Trainer, loop_state: LoopState) -> Report:
    """Return where a run stands."""
    budget = trainer.budget
    elapsed = budget.elapsed
    return Report(
        step=trainer.step,
        epoch=trainer.epoch,
        progress=budget.progress(trainer.step),
        seconds=elapsed,
        seconds_left=budget.seconds_left(trainer.step),
        chars=trainer.chars,
        chars_per_second=loop_state.num_chars / max(elapsed - loop_state.reported_at, 1e-9),
        learning_rate=trainer.learning_rate,
        train_nats_per_char=loop_state.nats / max(loop_state.num_chars, 1),
    )


def _keep_if_best(trainer: Trainer, loop_state: LoopState, keep: Keep, report: Report) -> Report:
    """Validate, and keep the model if it is the best so far.

    Returns:
        The report with its validation loss.
    """
    budget = trainer.budget
    before = budget.elapsed
    loss = trainer.validate(loop_state.validation_chars)
    took = budget.elapsed - before
    loop_state.validating += took
    if loss is not None and not math.isfinite(loss):
        raise TrainingError(_not_finite(trainer, loop_state.best))
    budget.reserve_for_validation(took)
    best = loop_state.best
    is_best = (
        loss is None
        or best is None
        or best.val_nats_per_char is None
        or loss < best.val_nats_per_char
    )
    report = replace(report, val_nats_per_char=loss, is_best=is_best)
    if is_best:
        arrays = trainer.to_arrays()
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise TrainingError(_not_finite(trainer, best))
        loop_state.best = report
        keep(arrays, report)
    return report


def _not_finite(trainer: Trainer, best: Report | None) -> str:
    """Return the advice for a loss that is not finite."""
    rate = trainer.recipe.learning_rate
    kept = "no model was good enough to keep" if best is None else "the best model so far is kept"
    return (
        f"the loss is not finite after {trainer.step} steps; {kept}; "
        f"try `learning_rate` {rate / 4:.2g}, `clip` 0.5 or `precision` float32"
    )
