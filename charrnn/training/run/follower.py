"""A process that follows: it trains what the leader announces, and decides nothing."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from charrnn.corpus.store import Corpus, open_corpus
from charrnn.errors import SaidElsewhereError, TextError, TrainingError
from charrnn.memory.memory import Memory
from charrnn.model.config import ModelConfig
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.devices.memory import one_line_if_out_of_memory
from charrnn.training.processes.group import Group
from charrnn.training.recipe.settings import Recipe
from charrnn.training.run.budget import Budget
from charrnn.training.run.monitor import Monitor
from charrnn.training.run.run import Run
from charrnn.training.run.session import Result, make_trainer


def announce(run: Run) -> None:
    """Tell the followers of a run what to train, and on which text."""
    assert isinstance(run.peers, Group)
    corpus = run.corpus
    run.peers.say(
        "run",
        {
            "directory": str(run.directory.resolve()),
            "recipe": {**run.recipe.to_json(), "model": run.recipe.model.to_json()},
            "vocabulary": corpus.vocabulary.to_json(),
            "num_train": corpus.num_train,
            "fingerprint": corpus.fingerprint,
        },
    )
    _share_text(run.peers, corpus)


def follow(peers: Group, monitor: Monitor) -> Result:
    """Train as the leader says; return its result.

    Raises:
        SaidElsewhereError: If the leader failed.
        TrainingError: If a process was lost.
    """
    run = peers.hear("run")
    try:
        if run is not None:
            _make_calls(peers, monitor, run)
    except TrainingError:
        if peers.has_failed():
            raise SaidElsewhereError from None
        raise
    if peers.hear("end"):
        raise SaidElsewhereError
    return Result.from_json(peers.hear("result"))


def _make_calls(peers: Group, monitor: Monitor, run: dict[str, Any]) -> None:
    """Make the calls that the leader announces, up to the end."""
    recipe = Recipe(**{**run["recipe"], "model": ModelConfig.from_json(run["recipe"]["model"])})
    corpus = _open(run)
    corpus = _share_text(peers, corpus)
    memory = Memory(corpus.vocabulary, None)
    with one_line_if_out_of_memory(recipe):
        budget = Budget(None, None, time.monotonic())
        trainer = make_trainer(recipe, corpus, budget, memory, peers)
        while True:
            name, value = peers.next_call(monitor.stop_signal())
            match name:
                case "end":
                    return
                case "advance":
                    trainer.advance(value)
                case "validate":
                    trainer.validate(int(value))
                case "take_weights" | "load_state_arrays":
                    getattr(trainer, name)({})
                case _:
                    getattr(trainer, name)()


def _open(run: dict[str, Any]) -> Corpus:
    """Return the corpus in the run directory, without ids if that is not on this machine."""
    vocabulary, num_train = Vocabulary.from_json(run["vocabulary"]), int(run["num_train"])
    try:
        corpus = open_corpus(Path(run["directory"]))
        if corpus.fingerprint == run["fingerprint"]:
            return corpus
    except TextError:
        pass
    return Corpus(vocabulary.look_up("")[:0], num_train, vocabulary, 0, ())


def _share_text(peers: Group, corpus: Corpus) -> Corpus:
    """Return the corpus with its ids: if any process has none, the leader sends them to all."""
    lacking = torch.tensor([float(not len(corpus.ids))])
    peers.add(lacking)
    if not lacking.item():
        return corpus
    ids = peers.spread({"ids": corpus.ids})["ids"]
    return corpus if len(corpus.ids) else replace(corpus, ids=ids)
