"""Training in one call: from file names to a run directory with a model.

Torch is imported only after the texts are read, so that a wrong file name is reported quickly.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from charrnn.corpus.find import find_files
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import build_corpus, open_corpus
from charrnn.errors import ConfigError, RunError
from charrnn.model.checkpoint import MODEL_NAME, read_checkpoint
from charrnn.model.find import RUNS
from charrnn.training.processes.peers import Alone, is_one_of_several
from charrnn.training.recipe.command import from_here
from charrnn.training.recipe.defaults import Throughput, resolve
from charrnn.training.recipe.overrides import change_recipe, has_same_budget
from charrnn.training.recipe.settings import Recipe, Settings
from charrnn.training.recipe.warm_start import recipe_from, settings_from
from charrnn.training.run.directory import (
    find_run,
    locked,
    make_directory,
    refuse_run,
    remove_vain_run,
)
from charrnn.training.run.monitor import Monitor, Silent
from charrnn.training.run.run import PreviewText
from charrnn.training.run.same_corpus import check_corpus, check_texts
from charrnn.training.run.session import SAVE_EVERY, Result, Session
from charrnn.training.run.state import STATE_NAME, read_state


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
    """Train a model on texts and save it in a run directory.

    Args:
        corpora: Files, folders, or ``-`` for standard input.
        out: The run directory; None for a new one below ``./runs``, named after the text.
        options: How to read the texts.
        settings: How to train.
        init_from: A model file with the initial weights; None for random weights.
        monitor: Receives reports and notices.
        preview_every: Seconds between sample texts for the monitor; 0 for none.
        preview_text: Generates those texts.
        save_every: Seconds between saves of the state; 0 to save only at the end.
        began: Start of the time budget, by ``time.monotonic``; None for now.

    Returns:
        The run directory and its best report.

    Raises:
        CharRNNError: If a text, an option or the directory cannot be used, or training fails.
    """
    began = time.monotonic() if began is None else began
    monitor = monitor or Silent()
    how = (preview_every, preview_text, save_every, began)

    def run(peers: Alone) -> Result:
        before = peers.heard_before("directory") if peers.is_restart else None
        if before is not None and (Path(before) / STATE_NAME).exists():
            return _resume(peers, monitor, Path(before), (), {}, *how)
        return _train(peers, monitor, corpora, out, options, settings, init_from, *how)

    return _led(monitor, run)


def _train(
    peers: Alone,
    monitor: Monitor,
    corpora: Sequence[str],
    out: Path | None,
    options: CorpusOptions | None,
    settings: Settings | None,
    init_from: Path | None,
    preview_every: float,
    preview_text: PreviewText | None,
    save_every: float,
    began: float,
) -> Result:
    """Train in the leading process; see ``train``."""
    options = options or CorpusOptions()
    settings = settings or Settings()
    parallel = _choose_parallel(settings.parallel, settings, peers)
    settings = dataclasses.replace(settings, parallel=parallel)
    find_files(corpora, options.glob)  # reports mistakes before anything is made
    source = None if init_from is None else read_checkpoint(init_from)
    if source is not None:
        settings = settings_from(source, settings, is_bytes=options.decoding.is_bytes)
    resolve(settings, num_chars=1, vocab_size=1)
    directory, is_new = make_directory(out, corpora[0])
    peers.say("directory", str(directory.resolve()), for_restarts=True)
    with locked(directory, is_new=is_new, notice=monitor.notice):
        refuse_run(directory)
        try:
            monitor.notice(f"reading {', '.join(map(repr, corpora))}")
            others = sorted({*directory.parent.glob("*"), *RUNS.glob("*")} - {directory})
            corpus = build_corpus(directory, corpora, options, monitor.notice, others)
            monitor.notice(
                f"{len(corpus.ids):,} characters, {corpus.vocabulary.size:,} distinct; "
                f"{len(corpus.val):,} held out for validation"
            )
            if corpus.num_documents:
                monitor.notice(
                    f"{corpus.num_documents:,} documents to train on; each ends with an end symbol"
                )
            recipe = resolve(
                settings,
                num_chars=corpus.num_train,
                vocab_size=corpus.vocabulary.size,
                num_documents=corpus.num_documents,
                throughput=_measure(settings, monitor),
                processes=peers.size,
            )
            if source is not None and init_from is not None:
                recipe = recipe_from(source, recipe, from_here(str(Path(init_from).resolve())))
            session = Session(directory, corpus, options, recipe, monitor, preview_text, peers)
            return session.train(began, preview_every, save_every, source=source)
        except BaseException:
            remove_vain_run(directory)
            raise


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
    """Resume a stopped run, or extend a finished one; see ``train`` for the options of both.

    Resuming by steps on the same machine is exact: it gives bit for bit the model of a run without
    a stop. Otherwise the monitor gets the reason.

    Without a directory, the run is the latest one below ``./runs`` on these texts. With one, the
    texts are optional, because it holds the encoded corpus; if given, they must be unchanged. The
    changes are new values of settings; see ``change_recipe``.

    Raises:
        CharRNNError: If there is no such run, the text changed, an option may not change, or
            training fails.
    """
    began = time.monotonic() if began is None else began
    monitor = monitor or Silent()
    how = (preview_every, preview_text, save_every, began)
    return _led(
        monitor, lambda peers: _resume(peers, monitor, directory, corpora, changes or {}, *how)
    )


def _resume(
    peers: Alone,
    monitor: Monitor,
    directory: str | Path | None,
    corpora: Sequence[str],
    changes: Mapping[str, Any],
    preview_every: float,
    preview_text: PreviewText | None,
    save_every: float,
    began: float,
) -> Result:
    """Resume in the leading process; see ``resume``."""
    directory = find_run(corpora) if directory is None else Path(directory)
    if not (directory / STATE_NAME).exists():
        raise RunError(
            f"{str(directory)!r}: no run was saved here; start a new one without `resume`"
        )
    with locked(directory, notice=monitor.notice):
        state = read_state(directory / STATE_NAME)
        recipe = change_recipe(state, changes)
        before = "auto" if peers.size == 1 else recipe.parallel
        parallel = _choose_parallel(changes.get("parallel", before), recipe, peers)
        recipe = dataclasses.replace(recipe, parallel=parallel, processes=peers.size)
        corpus = open_corpus(directory)
        check_corpus(directory, state, corpus)
        if corpora:
            monitor.notice(f"reading {', '.join(map(repr, corpora))}")
            check_texts(directory, corpora, state.options, corpus)
        best = state.loop_state.best
        is_same = has_same_budget(state.recipe, recipe)
        if state.loop_state.is_over and is_same and best and (directory / MODEL_NAME).exists():
            monitor.notice(
                f"the run {str(directory)!r} is finished ({recipe.budget}); to extend it, give a "
                "larger --time, --steps or --epochs"
            )
            return Result(directory, best)
        session = Session(directory, corpus, state.options, recipe, monitor, preview_text, peers)
        return session.train(began, preview_every, save_every, state=state)


def _led(monitor: Monitor, run: Callable[[Alone], Result]) -> Result:
    """Run something if this process is alone or leads others; else follow the one that leads."""
    if not is_one_of_several():
        return run(Alone())
    from charrnn.training.processes.group import Group
    from charrnn.training.run.follower import follow

    peers = Group()
    if peers.rank:
        result = follow(peers, monitor)
    else:
        with peers.leading():
            result = run(peers)
            peers.say("result", result.to_json())
    peers.leave()
    return result


def _choose_parallel(given: str, where: Settings | Recipe, peers: Alone) -> str:
    """Return what the processes of a run share out, of which ``given`` may be ``auto``.

    Raises:
        ConfigError: If there is only one process and something else is given.
    """
    if peers.size > 1 and given == "auto":
        from charrnn.training.devices.backend import prepare_backend

        backend = prepare_backend(where.device, where.precision, where.threads, peers.device)
        return "ensemble" if backend.device.type == "cpu" else "data"
    if peers.size == 1 and given != "auto":
        raise ConfigError(
            "`parallel`: there is only one process; start several with torchrun, see "
            "docs/several-machines.md"
        )
    return given


def _measure(settings: Settings, monitor: Monitor) -> Throughput | None:
    """Measure how fast the machine trains, if the recipe for these settings depends on it."""
    if settings.steps is not None or settings.epochs is not None:
        return None
    from charrnn.training.devices.backend import prepare_backend
    from charrnn.training.devices.throughput import measure_throughput

    measured = measure_throughput(
        prepare_backend(settings.device, settings.precision, settings.threads)
    )
    monitor.notice(f"measured {measured}")
    return measured.rounded()
