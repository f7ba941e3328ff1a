"""The loop of a run: step, report, validate, keep the best, save the state, stop.

``trainer`` makes the steps, ``budget`` measures progress, and ``files`` writes.
"""

import math
from dataclasses import replace

import numpy as np

from charrnn.training.learn.trainer import Trainer
from charrnn.training.learn.validation import VALIDATION_SHARE
from charrnn.training.run.files import RunFiles
from charrnn.training.run.monitor import Monitor, Report
from charrnn.training.run.progress import NUM_REPORTS, NUM_VALIDATIONS, LoopState, milestones

READ_EVERY = 8  # steps between readings of the losses; each reading makes a GPU wait


def begin(trainer: Trainer, monitor: Monitor) -> LoopState:
    """Choose the length of validations, start the schedule and return the zero counters."""
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
    files: RunFiles,
    *,
    loop_state: LoopState | None = None,
    preview_every: float = 0.0,
) -> tuple[Report, int | None]:
    """Train until the budget is used up or a signal asks for an end.

    Stopping saves exactly the state that the next step would have used, so a resumed run ends like
    one that was never stopped.

    Args:
        trainer: The trainer, at any step.
        monitor: Receives reports and notices.
        files: Writes the model, the reports and the state.
        loop_state: The counters of a resumed run; None for a new run.
        preview_every: Seconds between previews; 0 for none.

    Returns:
        The report of the best validation, or the last report if nothing validates; and the signal
        that ended the run early, or None.

    Raises:
        TrainingError: If the loss is not finite. The files saved before stay.
        RunError: If the state cannot be saved at the start or the end.
    """
    budget = trainer.budget
    loop_state = begin(trainer, monitor) if loop_state is None else loop_state
    previewed_at = budget.elapsed
    files.save_state(loop_state)
    monitor.stop_signal()  # from now on a signal ends only the step
    stop_signal = report = None
    while not loop_state.is_over and stop_signal is None:
        progress = _step(trainer, loop_state)
        if loop_state.is_over or progress * NUM_REPORTS >= loop_state.reports_done + 1:
            report = _report(trainer, loop_state, files, progress)
            files.log(report)
            monitor.report(report)
            if preview_every and budget.elapsed - previewed_at >= preview_every:
                if not loop_state.is_over:
                    monitor.preview(files.preview())
                previewed_at = budget.elapsed
            loop_state.reported_at = budget.elapsed
        stop_signal = monitor.stop_signal() or trainer.peers.signal
        is_end = loop_state.is_over or stop_signal is not None
        if is_end or files.is_state_due:
            _read_losses(trainer, loop_state)
            if is_end:
                files.save_state(loop_state)
            else:
                files.try_to_save_state(loop_state)
    best = loop_state.best
    if best is None:  # stopped before the first validation: some model is better than none
        if report is None or loop_state.num_chars:
            report = _current_report(trainer, loop_state)
        best = _keep_if_best(trainer, replace(loop_state), files, report)
    return best, stop_signal


def _step(trainer: Trainer, loop_state: LoopState) -> float:
    """Train on one window and count it; return the progress after it."""
    loop_state.num_chars += trainer.advance(trainer.budget.progress(trainer.step))
    if trainer.step % READ_EVERY == 0:
        _read_losses(trainer, loop_state)
    progress = trainer.budget.progress(trainer.step)
    loop_state.is_over = progress >= 1
    return progress


def _read_losses(trainer: Trainer, loop_state: LoopState) -> None:
    """Add the losses of the steps since the last reading, which must be finite."""
    losses = trainer.take_nats()
    for step, nats in enumerate(losses, start=trainer.step - len(losses) + 1):
        if not math.isfinite(nats):
            raise trainer.divergence(has_model=loop_state.best is not None, step=step)
        loop_state.nats += nats


def _report(trainer: Trainer, loop_state: LoopState, files: RunFiles, progress: float) -> Report:
    """Return a report, validated if that is due and affordable, and reset the counters."""
    report = _current_report(trainer, loop_state)
    budget = trainer.budget
    is_affordable = (
        budget.seconds is None or loop_state.validating < VALIDATION_SHARE * budget.elapsed
    )
    is_due = progress * NUM_VALIDATIONS >= loop_state.validations_done + 1
    if loop_state.is_over or (is_due and is_affordable):
        _, loop_state.validations_done = milestones(progress)
        report = _keep_if_best(trainer, loop_state, files, report)
    loop_state.reports_done, _ = milestones(progress)
    loop_state.nats, loop_state.num_chars = 0.0, 0
    return report


def _current_report(trainer: Trainer, loop_state: LoopState) -> Report:
    """Return a report of the current step, without a validation."""
    _read_losses(trainer, loop_state)
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


def _keep_if_best(
    trainer: Trainer, loop_state: LoopState, files: RunFiles, report: Report
) -> Report:
    """Validate, keep the model if it is the best so far, and return the completed report."""
    budget = trainer.budget
    before = budget.elapsed
    loss = trainer.validate(loop_state.validation_chars)
    took = budget.elapsed - before
    loop_state.validating += took
    if loss is not None and not math.isfinite(loss):
        raise trainer.divergence(has_model=loop_state.best is not None)
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
            raise trainer.divergence(has_model=best is not None)
        loop_state.best = report
        files.keep(arrays, report)
    return report
