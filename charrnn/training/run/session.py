"""One run in its directory: the training of a corpus, and the files that it leaves.

Torch is imported only by the training itself, so that a mistake is told at once.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charrnn.corpus.document_streams import training_windows
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import Corpus
from charrnn.errors import CheckpointError, ConfigError, RunError
from charrnn.memory.counting import count_followers
from charrnn.memory.counts import Counts
from charrnn.memory.sketch import Sketch, build_sketch
from charrnn.model.cells.spec import Array
from charrnn.model.checkpoint import MODEL_NAME, Checkpoint, read_checkpoint, write_checkpoint
from charrnn.training.optim.schedule import learning_rate_factor
from charrnn.training.recipe.command import command_line
from charrnn.training.recipe.overrides import has_same_budget, why_not_exact
from charrnn.training.recipe.settings import Recipe
from charrnn.training.recipe.warm_start import describe_transfer, transfer
from charrnn.training.run.budget import Budget
from charrnn.training.run.metrics import METRICS_NAME, Metrics, MetricsLog
from charrnn.training.run.monitor import Monitor, Report
from charrnn.training.run.progress import LoopState, milestones
from charrnn.training.run.state import STATE_NAME, RunState, damaged, write_state
from charrnn.training.run.writer import RetryingWriter

if TYPE_CHECKING:
    from charrnn.training.devices.backend import Backend
    from charrnn.training.learn.trainer import Trainer

SAVE_EVERY = 60.0  # seconds
COUNTED_PER_SECOND = 100_000  # characters for each second of the budget: a twentieth of it or so

PreviewText = Callable[[Checkpoint], str]
"""Makes a short text with a model; handed in, because training does not know how to sample."""


@dataclass(frozen=True)
class Result:
    """The result of a run.

    Attributes:
        directory: The run directory.
        best: The report of the best validation, when the model file was saved.
        stop_signal: The signal that stopped the run early, or None.
    """

    directory: Path
    best: Report
    stop_signal: int | None = None

    @property
    def model(self) -> Path:
        """The model file."""
        return self.directory / MODEL_NAME


@dataclass(frozen=True)
class Run:
    """What the parts of a run share while a process works on it.

    Attributes:
        directory: Where it is; locked.
        corpus: Its text.
        options: How that was read.
        recipe: What is trained, and how.
        monitor: Who follows it.
        preview_text: Makes short texts with the weights of now.
    """

    directory: Path
    corpus: Corpus
    options: CorpusOptions
    recipe: Recipe
    monitor: Monitor
    preview_text: PreviewText | None

    def train(
        self,
        began: float,
        preview_every: float,
        save_every: float,
        *,
        source: Checkpoint | None = None,
        state: RunState | None = None,
    ) -> Result:
        """Train; keep the best model, the state, and a line for each report.

        Args:
            began: When this process began.
            preview_every: Seconds between previews; 0 for none.
            save_every: Seconds between two times that the state is saved.
            source: The model with whose weights a new run begins.
            state: Where a run stands that goes on.
        """
        sketch = build_sketch(self.corpus.train, self.corpus.vocabulary)
        counts = self._count()
        budget = self._budget(began)
        loop_state = None if state is None else self._go_on(state, budget)

        from charrnn.training.devices.backend import prepare_backend
        from charrnn.training.devices.memory import one_line_if_out_of_memory
        from charrnn.training.learn.trainer import Trainer
        from charrnn.training.run.loop import StateError, StateSaver, run_training

        recipe = self.recipe
        backend = prepare_backend(recipe.device, recipe.precision, recipe.threads)
        backend.share_among(recipe.model.num_networks)
        corpus = self.corpus
        with one_line_if_out_of_memory(recipe):
            trainer = Trainer(
                recipe,
                backend,
                corpus.train,
                corpus.val,
                budget,
                end_id=corpus.vocabulary.end_id,
                counts=counts,
            )
        self.monitor.notice(f"training {recipe} on {backend}")
        self.monitor.notice(f"to repeat: {shlex.join(self.command)}")
        if source is not None:
            fresh = trainer.to_arrays()
            trainer.take_weights(
                transfer(source, recipe.model, corpus.vocabulary, fresh, corpus.train)
            )
            for line in describe_transfer(source.vocabulary, self.corpus.vocabulary):
                self.monitor.notice(line)
        if state is not None and loop_state is not None:
            try:
                trainer.load_state_arrays(state.arrays, step=state.step, chars=state.chars)
            except ValueError as error:
                raise damaged(self.directory / STATE_NAME, error) from None
            if reasons := why_not_exact(state, recipe, backend.to_json()):
                self.monitor.notice(f"resuming is not exact, bit for bit: {'; '.join(reasons)}")
                loop_state.best = self._best_on_disk(loop_state.best)
            # The time between the processes is none in which characters were read.
            loop_state.reported_at += budget.elapsed - state.used["elapsed"]
        digest = self.corpus.fingerprint if state is None else state.fingerprint
        writer = RetryingWriter(self.monitor.notice)
        metrics = Metrics(self.directory / METRICS_NAME, trainer.step)
        saver = StateSaver(partial(self._save, trainer, backend, digest, writer), save_every)
        try:
            with one_line_if_out_of_memory(recipe):
                outcome = run_training(
                    trainer,
                    MetricsLog(self.monitor, writer, metrics),
                    partial(self._keep, trainer, writer, metrics, sketch),
                    preview_every if self.preview_text else 0.0,
                    partial(self._preview, trainer),
                    loop_state=loop_state,
                    saver=saver,
                )
        except StateError as error:
            writer.finish()
            raise RunError(
                f"{str(self.directory / STATE_NAME)!r} could not be saved: {error}; the previous "
                "state is intact"
            ) from None
        writer.finish()
        return Result(self.directory, outcome.best, outcome.stop_signal)

    def _count(self) -> Counts | None:
        """Return the counts of the training text, if the recipe asks for them."""
        recipe, vocabulary = self.recipe, self.corpus.vocabulary
        if not recipe.model.counts:
            return None
        num_chars = self.corpus.num_train
        if recipe.time is not None:
            num_chars = min(num_chars, int(COUNTED_PER_SECOND * recipe.time))
        return count_followers(
            self.corpus.train,
            vocabulary.size,
            recipe.model.counts,
            vocabulary.end_id,
            num_chars,
            recipe.threads,
        )

    def _budget(self, began: float) -> Budget:
        """Return the limits that the recipe gives."""
        recipe = self.recipe
        limits = [] if recipe.steps is None else [recipe.steps]
        if recipe.epochs is not None:
            windows = training_windows(
                self.corpus.train,
                self.corpus.vocabulary.end_id,
                recipe.batch_size,
                recipe.seq_length,
                recipe.seed,
            )
            limits.append(max(1, round(recipe.epochs * windows.num_windows)))
        return Budget(recipe.time, min(limits, default=None), began)

    def _go_on(self, state: RunState, budget: Budget) -> LoopState:
        """Return what was counted when the run was saved, fitted to the budget of now."""
        budget.go_on(state.used)
        progress = budget.progress(state.step)
        self.monitor.notice(f"resuming {str(self.directory)!r} after step {state.step:,}")
        loop_state = replace(state.loop_state)
        if not has_same_budget(state.recipe, self.recipe):
            used = f"step {state.step:,} and {state.used['elapsed']:.0f} s are done"
            if progress >= 1:
                raise ConfigError(
                    f"the budget of {self.recipe.budget} is already used up: {used}; give a "
                    "larger `time`, `steps` or `epochs`"
                )
            rate = self.recipe.learning_rate * learning_rate_factor(progress)
            self.monitor.notice(
                f"the budget is now {self.recipe.budget}; {used}; the learning rate continues at "
                f"{rate:.2g}"
            )
            loop_state.is_over = False
            loop_state.reports_done, loop_state.validations_done = milestones(progress)
        if not (self.directory / MODEL_NAME).exists():
            loop_state.best = None
        return loop_state

    def _best_on_disk(self, best: Report | None) -> Report | None:
        """Return the better of a report and that of the model file.

        A process that was killed may have kept a model after it saved its state for the last time,
        and a run that is not exact will not come by that model again.
        """
        try:
            about = read_checkpoint(self.directory / MODEL_NAME).about["report"]
            kept = Report.from_json(about)
        except (CheckpointError, KeyError, TypeError):
            return best
        old, new = (None if r is None else r.val_nats_per_char for r in (best, kept))
        return kept if new is not None and (old is None or new < old) else best

    def _save(
        self,
        trainer: Trainer,
        backend: Backend,
        digest: str,
        writer: RetryingWriter,
        arrays: Mapping[str, Any],
        loop_state: LoopState,
    ) -> None:
        """Write the state file; never before the model and the reports that it speaks of."""
        writer.insist()
        state = RunState(
            recipe=self.recipe,
            options=self.options,
            fingerprint=digest,
            backend=backend.to_json(),
            step=trainer.step,
            chars=trainer.chars,
            loop_state=loop_state,
            used=trainer.budget.to_json(),
            saved_at=time.time(),
            arrays=arrays,
        )
        write_state(self.directory / STATE_NAME, state)

    @property
    def command(self) -> list[str]:
        """The command line that repeats the run; see ``command_line``."""
        return command_line(self.corpus.sources, self.options, self.recipe)

    def _keep(
        self,
        trainer: Trainer,
        writer: RetryingWriter,
        metrics: Metrics,
        sketch: Sketch | None,
        arrays: Mapping[str, Array],
        report: Report,
    ) -> None:
        """Write the model file, or see that it is tried again."""
        write = partial(write_checkpoint, self.directory / MODEL_NAME)
        about = {"report": report.to_json(), "history": metrics.history(report)}
        checkpoint = self._checkpoint(arrays, trainer.counts, about)
        checkpoint = replace(checkpoint, sketch=sketch)
        writer.save(MODEL_NAME, partial(write, checkpoint))

    def _preview(self, trainer: Trainer) -> str:
        """Return a short text made with the weights of now."""
        assert self.preview_text is not None
        return self.preview_text(self._checkpoint(trainer.to_arrays(), trainer.counts, {}))

    def _checkpoint(
        self, arrays: Mapping[str, Array], counts: Counts | None, more: Mapping[str, Any]
    ) -> Checkpoint:
        """Return the weights and counts as a model, with more to tell of its training."""
        about: dict[str, Any] = {
            "trained_at": time.time(),
            "recipe": self.recipe.to_json(),
            "command": self.command,
            **more,
        }
        return Checkpoint(self.recipe.model, self.corpus.vocabulary, arrays, about, counts)
