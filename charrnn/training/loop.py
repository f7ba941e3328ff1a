"""The loop of a run: step, report, validate, keep the best, stop.

How a step is made is ``trainer``'s; how far the run is, ``budget``'s.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from charrnn.errors import TrainingError
from charrnn.model.cells import Array
from charrnn.training.monitor import Monitor, Report
from charrnn.training.trainer import NUM_VALIDATIONS, VALIDATION_SHARE, Trainer

NUM_REPORTS = 100

Keep = Callable[[dict[str, Array], Report], None]


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        best: The report of the best validation, or the last one where nothing validates.
        stop_signal: The signal that ended it early, if one did.
    """

    best: Report
    stop_signal: int | None


def run_training(
    trainer: Trainer, monitor: Monitor, keep: Keep, preview_every: float, preview: Callable[[], str]
) -> Outcome:
    """Train until the budget is used up or a signal asks for an end.

    Args:
        trainer: The run, at any step.
        monitor: Who follows it.
        keep: Called with the weights and the report whenever the validation is the best so far.
        preview_every: Seconds between previews; 0 for none.
        preview: Makes a short text with the weights of now.

    Returns:
        How it ended.

    Raises:
        TrainingError: If the loss is not finite. What was kept stays kept.
    """
    budget = trainer.budget
    validation_chars = trainer.validation_chars()
    if validation_chars < len(trainer.val):
        monitor.notice(
            f"validations read the first {validation_chars:,} of {len(trainer.val):,} characters"
        )
    budget.start_training()
    best: Report | None = None
    nats, num_chars = 0.0, 0
    reported_at = previewed_at = budget.elapsed
    reports_done = validations_done = 0
    validating = 0.0  # seconds
    stop_signal = None
    while True:
        progress = budget.progress(trainer.step)
        if trainer.step and progress >= 1:
            break
        step_nats, step_chars = trainer.advance(progress)
        if not math.isfinite(step_nats):
            raise TrainingError(_not_finite(trainer, best))
        nats += step_nats
        num_chars += step_chars
        stop_signal = monitor.stop_signal()
        progress = budget.progress(trainer.step)
        is_end = progress >= 1 or stop_signal is not None
        if not is_end and progress * NUM_REPORTS < reports_done + 1:
            continue
        reports_done = int(progress * NUM_REPORTS)
        elapsed = budget.elapsed
        report = Report(
            step=trainer.step,
            epoch=trainer.epoch,
            progress=progress,
            seconds=elapsed,
            seconds_left=budget.seconds_left(trainer.step),
            chars=trainer.chars,
            chars_per_second=num_chars / max(elapsed - reported_at, 1e-9),
            learning_rate=trainer.learning_rate,
            train_nats_per_char=nats / num_chars,
        )
        is_affordable = budget.seconds is None or validating < VALIDATION_SHARE * elapsed
        if is_end or (progress * NUM_VALIDATIONS >= validations_done + 1 and is_affordable):
            validations_done = int(progress * NUM_VALIDATIONS)
            before = budget.elapsed
            loss = trainer.validate(validation_chars)
            validating += budget.elapsed - before
            if loss is not None and not math.isfinite(loss):
                raise TrainingError(_not_finite(trainer, best))
            budget.reserve_for_validation(budget.elapsed - before)
            report, best = _compare(report, loss, best)
            if report is best:
                arrays = trainer.average.to_arrays()
                if not all(np.isfinite(array).all() for array in arrays.values()):
                    raise TrainingError(_not_finite(trainer, None))
                keep(arrays, report)
        monitor.report(report)
        nats, num_chars = 0.0, 0
        reported_at = budget.elapsed
        if is_end:
            break
        if preview_every and reported_at - previewed_at >= preview_every:
            monitor.preview(preview())
            previewed_at = reported_at = budget.elapsed
    assert best is not None  # the last step of a run validates
    return Outcome(best, stop_signal)


def _compare(
    report: Report, loss: float | None, best: Report | None
) -> tuple[Report, Report | None]:
    """Return the report with its validation loss, and the best report so far."""
    if loss is None:
        report = replace(report, is_best=True)
        return report, report
    is_best = best is None or best.val_nats_per_char is None or loss < best.val_nats_per_char
    report = replace(report, val_nats_per_char=loss, is_best=is_best)
    return report, report if is_best else best


def _not_finite(trainer: Trainer, best: Report | None) -> str:
    """Return the advice for a loss that is not finite."""
    rate = trainer.recipe.learning_rate
    kept = "no model was good enough to keep" if best is None else "the best model so far is kept"
    return (
        f"the loss is not finite after {trainer.step} steps; {kept}; "
        f"try --lr {rate / 4:.2g}, or --clip 0.5, or --precision float32"
    )
