"""Going on with a run that was stopped, or longer with one that was not."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from charrnn.errors import RunError
from charrnn.model.checkpoint import MODEL_NAME
from charrnn.text.corpus import open_corpus
from charrnn.training.changes import change_recipe, check_corpus, check_texts, has_same_budget
from charrnn.training.directory import find_run, locked
from charrnn.training.monitor import Monitor, Silent
from charrnn.training.run import SAVE_EVERY, PreviewText, Result, Run
from charrnn.training.state import STATE_NAME, read_state


def resume(
    directory: str | Path | None = None,
    corpora: Sequence[str] = (),
    *,
    changes: Mapping[str, Any] | None = None,
    monitor: Monitor | None = None,
    preview_every: float = 0.0,
    preview_text: PreviewText | None = None,
    save_every: float = SAVE_EVERY,
    began: float | None = None,
) -> Result:
    """Go on with a run that was stopped, or longer with one that was not.

    With a number of steps, on the same machine, it ends bit for bit as if it had not been stopped;
    where that cannot be, the monitor is told why.

    Args:
        directory: The run directory; None for that below ``./runs`` that belongs to the texts.
        corpora: The texts of the run, to be held against what it was trained on; they may be left
            out where the directory is given, which has them as numbers.
        changes: What is to be other than it was, by the attributes of ``Settings``; see
            ``change_recipe``.
        monitor: Who follows the run.
        preview_every: Seconds between short texts for the monitor; 0 for none.
        preview_text: Makes those texts.
        save_every: Seconds between two times that the state is saved; 0 for at the end only.
        began: When this process began, by ``time.monotonic``; None for now.

    Returns:
        Where the model is, and how good.

    Raises:
        CharRNNError: If there is no such run, text or vocabulary are others, an option may not
            change, or training fails.
    """
    began = time.monotonic() if began is None else began
    monitor = monitor or Silent()
    directory = find_run(corpora) if directory is None else Path(directory)
    if not (directory / STATE_NAME).exists():
        raise RunError(
            f"{str(directory)!r}: no run was saved here; start it without --resume, in another "
            "directory or after removing this one"
        )
    with locked(directory):
        state = read_state(directory / STATE_NAME)
        recipe = change_recipe(state, changes or {})
        corpus = open_corpus(directory)
        check_corpus(directory, state, corpus)
        if corpora:
            monitor.notice(f"reading {', '.join(map(repr, corpora))}")
            check_texts(directory, corpora, state.options, corpus)
        best = state.tally.best
        is_same = has_same_budget(state.recipe, recipe)
        if state.tally.is_over and is_same and best and (directory / MODEL_NAME).exists():
            monitor.notice(
                f"the run {str(directory)!r} is over: {recipe.budget} are used up; for "
                "more, add a larger --time, --steps or --epochs"
            )
            return Result(directory, best)
        run = Run(directory, corpus, state.options, recipe, monitor, preview_text)
        return run.train(began, preview_every, save_every, state=state)
