"""A run: its directory, its text, its recipe, and its monitor."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import Corpus
from charrnn.model.checkpoint import Checkpoint
from charrnn.training.processes.peers import Alone
from charrnn.training.recipe.command import command_line
from charrnn.training.recipe.settings import Recipe
from charrnn.training.run.monitor import Monitor

PreviewText = Callable[[Checkpoint], str]
"""Generates a short text with a model; a parameter, because training must not import sampling."""


@dataclass(frozen=True)
class Run:
    """A run.

    Attributes:
        directory: The run directory, locked.
        corpus: The text.
        options: How the text was read.
        recipe: What to train, and how.
        monitor: Receives reports and notices.
        preview_text: Generates short texts with a model.
        peers: The processes of the run.
    """

    directory: Path
    corpus: Corpus
    options: CorpusOptions
    recipe: Recipe
    monitor: Monitor
    preview_text: PreviewText | None
    peers: Alone = field(default_factory=Alone)

    @property
    def command(self) -> list[str]:
        """The command line that repeats the run; see ``command_line``."""
        return command_line(self.corpus.sources, self.options, self.recipe)
