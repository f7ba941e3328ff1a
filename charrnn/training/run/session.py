"""One run in its directory: the training of a corpus, and the files that it leaves.

Torch is imported only after the checks, so that a mistake is reported quickly.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from charrnn.corpus.document_streams import training_windows
from charrnn.corpus.store import Corpus
from charrnn.errors import CheckpointError, ConfigError, RunError
from charrnn.memory.index import build_index
from charrnn.memory.memory import Memory
from charrnn.model.checkpoint import MODEL_NAME, Checkpoint, read_checkpoint
from charrnn.training.optim.schedule import learning_rate_factor
from charrnn.training.processes.peers import Alone
from charrnn.training.processes.share import share_of
from charrnn.training.recipe.overrides import has_same_budget, why_not_exact
from charrnn.training.recipe.settings import Recipe
from charrnn.training.recipe.warm_start import describe_transfer, transfer
from charrnn.training.run.budget import Budget
from charrnn.training.run.monitor import Report
from charrnn.training.run.progress import LoopState, milestones
from charrnn.training.run.run import Run
from charrnn.training.run.state import STATE_NAME, RunState, damaged

if TYPE_CHECKING:
    from charrnn.training.learn.trainer import Trainer

SAVE_EVERY = 60.0  # seconds


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

    def to_json(self) -> dict[str, Any]:
        """Return the result for the other processes of a run."""
        return {
            "directory": str(self.directory),
            "best": self.best.to_json(),
            "stop_signal": self.stop_signal,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the result that ``to_json`` described."""
        best = Report.from_json(values["best"])
        return cls(Path(values["directory"]), best, values["stop_signal"])

    @property
    def model(self) -> Path:
        """The model file."""
        return self.directory / MODEL_NAME


@dataclass(frozen=True)
class Session(Run):
    """A run in this process."""

    def train(
        self,
        began: float,
        preview_every: float,
        save_every: float,
        *,
        source: Checkpoint | None = None,
        state: RunState | None = None,
    ) -> Result:
        """Train; save the best model, the state, and a line for each report.

        The process began at a time by ``time.monotonic``; both intervals are in seconds. A new run
        may have a source of its initial weights. A resumed run has a state.
        """
        if self.peers.size > 1:
            from charrnn.training.run.follower import announce

            announce(self)
        memory = self._memory()
        budget = self._budget(began)
        loop_state = None if state is None else self._go_on(state, budget)

        from charrnn.training.devices.memory import one_line_if_out_of_memory
        from charrnn.training.run.files import RunFiles
        from charrnn.training.run.loop import run_training

        with one_line_if_out_of_memory(self.recipe):
            trainer = self._trainer(budget, memory)
            if self.peers.size > 1:  # machines may differ in the last bit of the first weights
                trainer.load_state_arrays(trainer.state_arrays())
            if source is not None:
                self._warm_start(trainer, source)
            if state is not None and loop_state is not None:
                self._restore(trainer, state, loop_state)
            fingerprint = self.corpus.fingerprint if state is None else state.fingerprint
            files = RunFiles(self, trainer, memory.index, fingerprint, save_every)
            try:
                best, stop_signal = run_training(
                    trainer,
                    self.monitor,
                    files,
                    loop_state=loop_state,
                    preview_every=preview_every if self.preview_text else 0.0,
                )
            except RunError:
                files.finish()  # its error names every file that was not saved
                raise
        files.finish()
        return Result(self.directory, best, stop_signal)

    def _trainer(self, budget: Budget, memory: Memory) -> Trainer:
        """Return the trainer before its first step."""
        trainer = make_trainer(self.recipe, self.corpus, budget, memory, self.peers)
        self.monitor.notice(f"training {self.recipe} on {trainer.backend}")
        self.monitor.notice(f"to repeat: {shlex.join(self.command)}")
        return trainer

    def _warm_start(self, trainer: Trainer, source: Checkpoint) -> None:
        """Give a new run the weights of a model."""
        corpus, fresh = self.corpus, trainer.to_arrays()
        trainer.take_weights(
            transfer(source, self.recipe.model, corpus.vocabulary, fresh, corpus.train)
        )
        for line in describe_transfer(source.vocabulary, corpus.vocabulary):
            self.monitor.notice(line)

    def _restore(self, trainer: Trainer, state: RunState, loop_state: LoopState) -> None:
        """Load the saved state into the trainer, and say why resuming is not exact."""
        try:
            trainer.load_state_arrays(state.arrays, step=state.step, chars=state.chars)
        except ValueError as error:
            raise damaged(self.directory / STATE_NAME, error) from None
        if reasons := why_not_exact(state, self.recipe, trainer.backend.to_json()):
            self.monitor.notice(f"resuming is not exact, bit for bit: {'; '.join(reasons)}")
            loop_state.best = self._best_on_disk(loop_state.best)
        # The time between the processes does not count towards the speed.
        loop_state.reported_at += trainer.budget.elapsed - state.used["elapsed"]

    def _memory(self) -> Memory:
        """Return a memory of the training text, or of nothing if the recipe asks for none."""
        limit, vocabulary = self.recipe.memory, self.corpus.vocabulary
        index = build_index(self.corpus.train, vocabulary.size, limit) if limit else None
        return Memory(vocabulary, index)

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
        """Return the saved counters, adjusted to the current budget."""
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

        A killed process may have kept a better model after its last save of the state, and a run
        that is not exact would not find that model again.
        """
        try:
            about = read_checkpoint(self.directory / MODEL_NAME).about["report"]
            kept = Report.from_json(about)
        except (CheckpointError, KeyError, TypeError):
            return best
        old, new = (None if r is None else r.val_nats_per_char for r in (best, kept))
        return kept if new is not None and (old is None or new < old) else best


def make_trainer(
    recipe: Recipe, corpus: Corpus, budget: Budget, memory: Memory, peers: Alone
) -> Trainer:
    """Return the trainer of this process before its first step."""
    from charrnn.training.devices.backend import prepare_backend
    from charrnn.training.learn.trainer import Trainer

    backend = prepare_backend(recipe.device, recipe.precision, recipe.threads, peers.device)
    share = share_of(recipe.parallel, recipe.model.num_networks, peers.rank, peers.size)
    backend.share_among(max(1, len(share.networks)))
    return Trainer(recipe, backend, corpus.train, corpus.val, budget, memory=memory, peers=peers)
