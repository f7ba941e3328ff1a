"""A progress bar on standard error for work of seconds."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import IO, cast

from charrnn.cli.output import Stderr, is_terminal


@contextlib.contextmanager
def progress_bar(words: str, *, quiet: bool) -> Iterator[Callable[[float], None]]:
    """Show a bar until the block ends, on a terminal only.

    Yields:
        What takes the share of the work that is done, 0 to 1.
    """
    if quiet or not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(file=cast(IO[str], Stderr()), highlight=False)
    columns = BarColumn(), TextColumn("{task.description}", markup=False)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(words, total=1.0)
        yield lambda share: bar.update(task, completed=share)
