"""``charrnn sample``: options in, text on standard output."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from charrnn.cli.output import Output, log, open_stdout
from charrnn.errors import ConfigError, TextError
from charrnn.generation.params import SamplingParams, StopCriteria

if TYPE_CHECKING:
    from collections.abc import Callable

    from charrnn.generation.updates import Pieces
    from charrnn.memory.copying import CopySearch, Novelty
    from charrnn.text.vocabulary import Vocabulary


def sample(
    prompt: Annotated[
        str, typer.Argument(help="What the model reads first; - reads it from standard input.")
    ] = "",
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            help="Model file or run directory. Default: $CHARRNN_MODEL, else the run below ./runs "
            "that was trained last.",
        ),
    ] = None,
    prompt_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Read the prompt from a file.")
    ] = None,
    temperatures: Annotated[
        list[float] | None,
        typer.Option(
            "-t",
            "--temp",
            "--temperature",
            help="0 takes the likeliest character each time; 1 is the model as trained; below 1 is "
            "safer, above 1 wilder. Given several times: a sample for each. Default: 0.8.",
        ),
    ] = None,
    length: Annotated[
        int,
        typer.Option(
            "-n", "--length", help="New characters at the most; -1 goes on until stopped."
        ),
    ] = 500,
    num_samples: Annotated[
        int,
        typer.Option(
            "-N", "--num-samples", help="How many texts; one is the same whatever the number."
        ),
    ] = 1,
    seed: Annotated[
        int | None,
        typer.Option(help="The same seed gives the same text. Default: a random one, told."),
    ] = None,
    repeat_penalty: Annotated[
        float,
        typer.Option(
            help="Divide the probability of characters that came shortly before by this; 1 is off."
        ),
    ] = 1.0,
    repeat_last_n: Annotated[
        int, typer.Option(help="How many characters back --repeat-penalty looks.")
    ] = 64,
    top_k: Annotated[
        int, typer.Option(help="Draw from the K likeliest characters only; 0 is off.")
    ] = 0,
    top_p: Annotated[
        float,
        typer.Option(help="Draw from the fewest that together have this probability; 1 is off."),
    ] = 1.0,
    min_p: Annotated[
        float,
        typer.Option(
            help="Draw from those with this share of the likeliest one's probability; 0 is off."
        ),
    ] = 0.0,
    stop: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="End before this text. May be given several times."),
    ] = None,
    match: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="The whole text matches this regular expression of Python's syntax. It ends where "
            "it matches and the model would go on with what does not.",
        ),
    ] = None,
    on_unknown: Annotated[
        Literal["error", "skip", "replace"],
        typer.Option(help="For characters of the prompt that the model never saw."),
    ] = "error",
    echo: Annotated[
        bool, typer.Option("--echo/--no-echo", help="Write the prompt before each text.")
    ] = False,
    null: Annotated[
        bool, typer.Option("-0", "--null", help="NUL, not a newline, between texts.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object for each text.")] = False,
    logprobs: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="With --json: the probability of each character and of the K best, as logarithms.",
        ),
    ] = None,
    novel: Annotated[
        bool,
        typer.Option(
            "--novel",
            help="Tell at the end, on standard error, -q or not, how much of each text is copied "
            "from the one that the model was trained on; with --json in its object.",
        ),
    ] = False,
    unbuffered: Annotated[
        bool,
        typer.Option("--unbuffered", help="Send each character at once, as on a terminal."),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Only errors on standard error.")
    ] = False,
) -> None:
    """Write text with a model.

    \b
    charrnn sample "NELL:" --temp 0.6 -n 300
    charrnn sample -n -1 | head -c 10000 > novel.txt
    charrnn sample -N 20 --match "[A-Z][a-z]{2,9}"

    Characters are filtered first, by --repeat-penalty, --match, --top-k, --top-p and --min-p in
    this order; what is left, one at least, is drawn from at the temperature.
    """
    params = SamplingParams(
        temperatures=tuple(temperatures or [0.8]),
        repeat_penalty=repeat_penalty,
        repeat_last_n=repeat_last_n,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
    )
    ending = StopCriteria(
        length=None if length == -1 else length, stop=tuple(stop or []), match=match
    )
    if num_samples < 1:
        raise ConfigError(f"--num-samples: {num_samples} is not a number of texts; give 1 or more")
    if seed is not None and not 0 <= seed < 2**63:
        raise ConfigError(f"--seed: {seed} is not a seed; give a whole number, 0 or more")
    if logprobs is not None and not (as_json and logprobs >= 0):
        raise ConfigError("--logprobs: is for --json, 0 or more")
    if as_json and null:
        raise ConfigError("--null: JSON objects are lines; drop one of the two")
    if prompt_file is not None and prompt:
        raise ConfigError("--prompt-file: there is a prompt already; give one of the two")
    total = num_samples * len(params.temperatures)
    if prompt_file is not None:
        prompt = "-" if prompt_file == "-" else _decode(Path(prompt_file).read_bytes())
    if prompt == "-" and prompt_file in (None, "-"):
        prompt = _read_prompt()

    from charrnn.generation.generator import Generator, first_ids, sample_rng
    from charrnn.generation.results import collect
    from charrnn.generation.updates import in_order
    from charrnn.library import Model, random_seed
    from charrnn.model.checkpoint import read_checkpoint
    from charrnn.model.find import find_model

    path = find_model(model)
    loaded = Model(read_checkpoint(path))
    if ending.is_endless and loaded.vocabulary.end_id is None and (as_json or total > 1):
        raise ConfigError(
            "--length: of an endless text there is no end to wait for; give a length, --stop or "
            "--match"
        )
    if novel:
        loaded.copy_search()  # a model without a sketch is told before anything is written
    if seed is None:
        seed = random_seed()
    if not quiet:
        log(f"charrnn: model {str(path)!r}, seed {seed}")
    generator = Generator(
        loaded.network,
        loaded.vocabulary,
        first_ids(loaded.vocabulary, prompt, on_unknown),
        params=params,
        ending=ending,
        num_best=(logprobs or 0) if as_json else None,
    )
    pieces = in_order(generator.write(partial(sample_rng, seed), total))
    with open_stdout() as output:
        if as_json:
            for each in collect(
                pieces,
                loaded.vocabulary,
                prompt=prompt,
                seed=seed,
                temperatures=params.temperatures,
            ):
                value = each.to_json(with_prompt=echo, with_logprobs=logprobs is not None)
                if novel:
                    value["novelty"] = loaded.novelty(each.text).to_json()
                output.json(value)
        else:
            end = loaded.vocabulary.to_bytes(loaded.vocabulary.separator)  # of a document
            layout = _Layout(
                before=prompt.encode("utf-8", "surrogateescape") * echo,
                between=b"\0" if null else end or b"\n",
                is_unbuffered=unbuffered,
            )
            search = loaded.copy_search if novel else None
            copied = _write(output, pieces, loaded.vocabulary, layout, search)
            output.write(layout.between if end else b"")
            for number, novelty in enumerate(copied):
                which = f"text {number}: " if total > 1 else ""
                log(f"charrnn: {which}{novelty.line()}")


class _Layout(NamedTuple):
    """How texts stand in the output.

    Attributes:
        before: What is written before each.
        between: What is written between two.
        is_unbuffered: Whether each piece is sent at once.
    """

    before: bytes
    between: bytes
    is_unbuffered: bool


def _write(
    output: Output,
    pieces: Pieces,
    vocabulary: Vocabulary,
    layout: _Layout,
    copy_search: Callable[[], CopySearch] | None,
) -> list[Novelty]:
    """Write texts as they come.

    Args:
        output: Where to.
        pieces: One text after the other.
        vocabulary: Their characters.
        layout: How they stand there.
        copy_search: Makes a search for what a text has copied; None where nobody asks.

    Returns:
        What each text has copied, if that was asked.
    """
    output.write(layout.before)
    is_finished = False
    copied: list[Novelty] = []
    search = copy_search and copy_search()
    for piece in pieces:
        if is_finished:
            output.write(layout.between + layout.before)
            search = copy_search and copy_search()
        for drawn in piece.drawn:
            output.write(vocabulary.to_bytes(drawn.character))
            if search:
                search.read(vocabulary.look_up(drawn.character))
        is_finished = bool(piece.finish_reason)
        if search and is_finished:
            copied.append(search.result())
        if layout.is_unbuffered:
            output.flush()
    return copied


def _read_prompt() -> str:
    """Return standard input, as what a user would have typed."""
    if sys.stdin is None:
        raise TextError("'-': standard input is closed")
    return _decode(sys.stdin.buffer.read())


def _decode(data: bytes) -> str:
    """Return the prompt that some bytes are."""
    return data.decode("utf-8", "surrogateescape")
