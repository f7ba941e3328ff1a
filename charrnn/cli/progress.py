"""Progress of a training run: a bar on a terminal, plain lines elsewhere."""

import contextlib
import math
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import IO, Any, cast

from charrnn.cli.command import Stopped
from charrnn.cli.output import ColorMode, Stderr, is_terminal, log, wants_color
from charrnn.cli.values import format_duration
from charrnn.corpus.store import open_corpus
from charrnn.errors import CharRNNError
from charrnn.evaluation.baselines import validation_baselines
from charrnn.library import Model
from charrnn.model.checkpoint import Checkpoint
from charrnn.text.escaping import escape_controls
from charrnn.training.run.monitor import Report
from charrnn.training.run.session import Result
from charrnn.units import nats_to_bits

PREVIEW_CHARS = 160
MAX_PREVIEW_DOCUMENTS = 10
SECONDS_BETWEEN_LINES = 10.0
STOP_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]  # Windows has no SIGHUP

WriteJson = Callable[[Mapping[str, Any]], None]


def preview_text(checkpoint: Checkpoint) -> str:
    """Return a short text, or several short documents, of a model in training."""
    model = Model(checkpoint)
    separator = model.vocabulary.separator
    samples = model.samples(
        num_samples=MAX_PREVIEW_DOCUMENTS if separator else 1, seed=0, length=PREVIEW_CHARS
    )
    text = "".join(sample.text + separator for sample in samples)
    return text[:PREVIEW_CHARS].strip("\n")


class PlainMonitor:
    """Lines on standard error, now and then; signals end the run after the present step."""

    def __init__(self, *, quiet: bool, json: WriteJson | None) -> None:
        """Say nothing if ``quiet``; pass each report to ``json``, unless that is None."""
        self._quiet = quiet
        self._json = json
        self._said_at = -math.inf
        self._is_training = False
        self._signal: int | None = None

    def notice(self, line: str) -> None:
        """Say a line."""
        if not self._quiet:
            self._say(f"charrnn: {line}")

    def report(self, report: Report) -> None:
        """Say where the run stands, if it was validated or some time has passed."""
        if self._json is not None:
            self._json(report.to_json())
        now = time.monotonic()
        is_due = now - self._said_at >= SECONDS_BETWEEN_LINES
        if (is_due or report.val_nats_per_char is not None) and not self._quiet:
            self._say(describe(report))
            self._said_at = now

    def preview(self, text: str) -> None:
        """Show a text of the model."""
        if not self._quiet:
            for line in text.split("\n"):
                self._say(f"  | {line}")

    def stop_signal(self) -> int | None:
        """Return the signal that asked for an end; from now on one ends only the step."""
        self._is_training = True
        return self._signal

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Take a signal: the first ends the run after its step, the second at once."""
        del frame
        if not self._is_training:
            raise Stopped(number)
        if self._signal is not None:
            self._leave_terminal()
            os._exit(128 + number)
        self._signal = number
        name = signal.Signals(number).name
        self.notice(f"{name}: saving after this step; repeat to quit immediately")

    def closing_lines(self, result: Result) -> Iterator[str]:
        """Yield the closing lines for the user."""
        directory = str(result.directory)
        directory = shlex.quote(f"./{directory}" if directory.startswith("-") else directory)
        if result.stop_signal is not None:
            name = signal.Signals(result.stop_signal).name
            yield f"stopped by {name}; to resume: charrnn train --resume -o {directory}"
        loss = result.best.val_nats_per_char
        if loss is not None:
            yield (
                f"best validation at step {result.best.step:,}: {loss:.4f} nats, "
                f"{nats_to_bits(loss):.4f} bits per character"
            )
            if result.stop_signal is None:
                yield from _yardsticks(result.directory)
        yield f"the model is {str(result.model)!r}"
        yield f"next: charrnn sample -m {directory}"

    def _say(self, line: str) -> None:
        log(line)

    def _leave_terminal(self) -> None:
        """Give the terminal back before an end at once."""


class TerminalMonitor(PlainMonitor):
    """A bar on the terminal; what else is said scrolls above it."""

    def __init__(self, *, json: WriteJson | None, color: ColorMode) -> None:
        """Create the bar, which appears with the first report."""
        super().__init__(quiet=False, json=json)
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = Console(
            file=cast(IO[str], Stderr()),
            no_color=not wants_color(color, sys.stderr),
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._progress = Progress(
            BarColumn(),
            TextColumn("{task.fields[words]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=1.0, visible=False, words="")

    @contextlib.contextmanager
    def drawing(self) -> Iterator[None]:
        """Give the terminal back after a block, whatever happens."""
        try:
            yield
        finally:
            self._progress.stop()

    def _leave_terminal(self) -> None:
        self._console.show_cursor()

    def report(self, report: Report) -> None:
        """Move the bar."""
        self._progress.start()
        self._progress.update(
            self._task, completed=report.progress, visible=True, words=describe(report)
        )
        super().report(report)

    def _say(self, line: str) -> None:
        self._console.print(escape_controls(line), soft_wrap=True)


def _yardsticks(directory: Path) -> Iterator[str]:
    """Yield what simpler predictors make of the validation text of a run, a line each."""
    with contextlib.suppress(CharRNNError, OSError):  # the text may have been removed meanwhile
        corpus = open_corpus(directory)
        for yardstick in validation_baselines(corpus.vocabulary, corpus.train, corpus.val):
            yield f"for comparison, {yardstick}"


def describe(report: Report) -> str:
    """Return where a run stands in one line."""
    nats = report.train_nats_per_char
    words = [
        f"{report.progress:4.0%}",
        f"step {report.step:,}",
        f"epoch {report.epoch:.1f}",
        f"loss {nats:.3f} nats {nats_to_bits(nats):.3f} bits",
    ]
    if report.val_nats_per_char is not None:
        bits = nats_to_bits(report.val_nats_per_char)
        words.append(f"val {report.val_nats_per_char:.3f} nats {bits:.3f} bits")
    words.append(f"{report.chars_per_second:,.0f} chars/s")
    words.append(f"{format_duration(report.seconds_left)} left")
    return "  ".join(words)


@contextlib.contextmanager
def make_monitor(
    *, quiet: bool, json: WriteJson | None, color: ColorMode = "auto"
) -> Iterator[PlainMonitor]:
    """Create the monitor of a run and let it handle signals for the block; see ``PlainMonitor``."""
    can_draw = is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb" and not quiet
    monitor = PlainMonitor(quiet=quiet, json=json)
    if can_draw:
        monitor = TerminalMonitor(json=json, color=color)
    before = {number: signal.signal(number, monitor.on_signal) for number in STOP_SIGNALS}
    try:
        with contextlib.ExitStack() as stack:
            if isinstance(monitor, TerminalMonitor):
                stack.enter_context(monitor.drawing())
            yield monitor
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
