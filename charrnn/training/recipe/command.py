"""The command line that repeats a run, with everything in it that the recipe chose."""

from collections.abc import Sequence
from pathlib import Path

from charrnn.corpus.options import CorpusOptions
from charrnn.training.recipe.settings import Recipe

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r", "\0": r"\0"})


def command_line(sources: Sequence[str], options: CorpusOptions, recipe: Recipe) -> list[str]:
    """Return the arguments that repeat a run, the program's name first.

    The same steps give the same model on the same machine; a budget of time gives what the machine
    has time for. The sources are absolute paths, or ``-``.
    """
    model = recipe.model
    values: dict[str, object] = {
        "init-from": recipe.init_from,
        "time": None if recipe.time is None else f"{recipe.time:g}s",
        "steps": recipe.steps,
        "epochs": recipe.epochs,
        "cell": model.cell,
        "nonlinearity": model.nonlinearity if model.cell == "rnn" else None,
        "block": model.block,
        "ngrams": model.ngrams,
        "hidden-size": model.hidden_size,
        "num-layers": model.num_layers,
        "embedding-size": model.embedding_size,
        "num-networks": model.num_networks,
        "memory": recipe.memory,
        "dropout": recipe.dropout,
        "batch-size": recipe.batch_size,
        "seq-length": recipe.seq_length,
        "lr": recipe.learning_rate,
        "clip": recipe.clip,
        "optimizer": recipe.optimizer,
        "seed": recipe.seed,
        "device": recipe.device,
        "precision": recipe.precision,
        "threads": recipe.threads,
        "parallel": recipe.parallel if recipe.processes > 1 else None,
    }
    chosen = [f"--{name}={value}" for name, value in values.items() if value is not None]
    program = ["charrnn"]
    if recipe.processes > 1:
        program = ["torchrun", f"--nproc-per-node={recipe.processes}", "-m", "charrnn"]
    return [*program, "train", *_reading(options), *chosen, "--", *map(from_here, sources)]


def from_here(source: str) -> str:
    """Return a path relative to the current folder, else the file name: folders stay private."""
    path = Path(source)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else path.name


def _val(options: CorpusOptions) -> str:
    """Return the share, or the validation file without private folders."""
    is_file = options.val_fraction is None
    return from_here(str(Path(options.val).resolve())) if is_file else options.val


def _reading(options: CorpusOptions) -> list[str]:
    """Return the options of reading that are not as they are when nothing is said."""
    usual = CorpusOptions()
    decoding = options.decoding
    words = {
        "encoding": (decoding.encoding, usual.decoding.encoding),
        "min-count": (options.min_count, usual.min_count),
        "max-bytes": (options.max_bytes, usual.max_bytes),
        "val": (_val(options), usual.val),
    }
    given = [f"--{name}={value}" for name, (value, usually) in words.items() if value != usually]
    if options.separator is not None:
        given.append(f"--doc-sep={options.separator.translate(_ESCAPES)}")
    if options.glob != usual.glob:
        given += [f"--glob={pattern}" for pattern in options.glob]
    if options.nfc:
        given.append("--nfc")
    return [*given, *(["--bytes"] if decoding.is_bytes else [])]
