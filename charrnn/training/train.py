"""From names of texts to a model file: the directory, the corpus, the recipe, the run.

Torch is imported only after the texts are read, so that a mistake in a name is told at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from charrnn.model.checkpoint import RUNS, read_checkpoint
from charrnn.text.corpus import build_corpus
from charrnn.text.options import CorpusOptions
from charrnn.text.reading import find_files
from charrnn.training.choices import Power, resolve
from charrnn.training.directory import locked, make_directory, refuse_run, remove_vain_run
from charrnn.training.monitor import Monitor, Silent
from charrnn.training.recipe import Settings
from charrnn.training.run import SAVE_EVERY, PreviewText, Result, Run
from charrnn.training.transfer import recipe_from, settings_from


def train(
    corpora: Sequence[str],
    *,
    out: Path | None = None,
    options: CorpusOptions | None = None,
    settings: Settings | None = None,
    init_from: Path | None = None,
    monitor: Monitor | None = None,
    preview_every: float = 0.0,
    preview_text: PreviewText | None = None,
    save_every: float = SAVE_EVERY,
    began: float | None = None,
) -> Result:
    """Train a model on texts and leave it in a run directory.

    Args:
        corpora: Files, folders, or ``-`` for standard input.
        out: The run directory; None for a new one below ``./runs``, named after the text.
        options: How to read the texts.
        settings: How to train.
        init_from: A model file whose weights to begin with.
        monitor: Who follows the run.
        preview_every: Seconds between short texts for the monitor; 0 for none.
        preview_text: Makes those texts.
        save_every: Seconds between two times that the state is saved; 0 for at the end only.
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
    source = None if init_from is None else read_checkpoint(init_from)
    if source is not None:
        settings = settings_from(source, settings, is_bytes=options.decoding.is_bytes)
    resolve(settings, num_chars=1, vocab_size=1)
    directory, is_new = make_directory(out, corpora[0])
    with locked(directory, is_new=is_new):
        refuse_run(directory)
        try:
            monitor.notice(f"reading {', '.join(map(repr, corpora))}")
            others = sorted({*directory.parent.glob("*"), *RUNS.glob("*")} - {directory})
            corpus = build_corpus(directory, corpora, options, monitor.notice, others)
            monitor.notice(
                f"{len(corpus.ids):,} characters, {corpus.vocabulary.size:,} distinct; "
                f"{len(corpus.val):,} of them validate"
            )
            if corpus.num_documents:
                monitor.notice(
                    f"{corpus.num_documents:,} documents train; the end of each counts as a "
                    "character"
                )
            recipe = resolve(
                settings,
                num_chars=corpus.num_train,
                vocab_size=corpus.vocabulary.size,
                num_documents=corpus.num_documents,
                power=_power(settings),
            )
            if source is not None:
                recipe = recipe_from(source, recipe)
            run = Run(directory, corpus, options, recipe, monitor, preview_text)
            return run.train(began, preview_every, save_every, source=source)
        except BaseException:
            remove_vain_run(directory)
            raise


def _power(settings: Settings) -> Power | None:
    """Return what the machine can do, if a recipe for these settings depends on it."""
    if settings.steps is not None or settings.epochs is not None:
        return None
    from charrnn.training.machine import prepare_machine
    from charrnn.training.power import measure_power

    return measure_power(prepare_machine(settings.device, settings.precision, settings.threads))
