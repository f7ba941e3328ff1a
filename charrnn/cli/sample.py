"""``charrnn sample``: options in, text on standard output."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from charrnn.cli.command import MODEL_HELP, section
from charrnn.cli.output import Output, log, open_stdout
from charrnn.errors import ConfigError, TextError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from charrnn.generation.chunks import Chunks
    from charrnn.memory.copying import Novelty
    from charrnn.text.vocabulary import Vocabulary

_input = section("Prompt and model")
_drawing = section("How characters are drawn")
_end = section("Where a text ends")
_output = section("Output")


def sample(
    prompt: Annotated[
        str,
        typer.Argument(
            help="Text to continue; - reads it from standard input. Default: none.",
            show_default=False,
        ),
    ] = "",
    model: Annotated[str | None, _input("MODEL", MODEL_HELP, "-m", "--model")] = None,
    prompt_file: Annotated[
        str | None, _input("PATH", "Read the prompt from a file; - is standard input.")
    ] = None,
    on_unknown: Annotated[
        Literal["error", "skip", "replace"],
        _input(
            None, "How to treat characters of the prompt that the model never saw. Default: error."
        ),
    ] = "error",
    temperature: Annotated[
        list[float] | None,
        _drawing(
            "FLOAT",
            "0 takes the likeliest character, 1 draws from the model as trained; lower is safer, "
            "higher is wilder. Repeat it for a sample at each. Default: 0.8.",
            *("-t", "--temp", "--temperature"),
        ),
    ] = None,
    top_k: Annotated[
        int, _drawing("INT", "Keep this many of the likeliest characters. Default: 0, off.")
    ] = 0,
    top_p: Annotated[
        float,
        _drawing(
            "FLOAT", "Keep the fewest characters with this total probability. Default: 1, off."
        ),
    ] = 1.0,
    min_p: Annotated[
        float,
        _drawing(
            "FLOAT", "Keep characters with this share of the highest probability. Default: 0, off."
        ),
    ] = 0.0,
    repeat_penalty: Annotated[
        float,
        _drawing("FLOAT", "Divide the probability of recent characters by this. Default: 1, off."),
    ] = 1.0,
    repeat_last_n: Annotated[
        int, _drawing("INT", "Number of recent characters for --repeat-penalty. Default: 64.")
    ] = 64,
    no_memory: Annotated[
        bool,
        _drawing(None, "Use the networks alone, without the memory. Default: off.", "--no-memory"),
    ] = False,
    set_unit: Annotated[
        list[str] | None,
        _drawing(
            "LAYER:UNIT=VALUE",
            "Hold a hidden unit at a value, as 0:17=1; can be repeated. charrnn look --units finds "
            "units. Default: none.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        _drawing("INT", "Random seed. Default: a random one, reported on standard error."),
    ] = None,
    num_samples: Annotated[
        int,
        _drawing(
            "INT", "Number of samples, for each temperature. Default: 1.", "-N", "--num-samples"
        ),
    ] = 1,
    length: Annotated[
        int,
        _end(
            "INT",
            "Maximum number of new characters; -1 is no limit. Default: 500.",
            *("-n", "--length"),
        ),
    ] = 500,
    stop: Annotated[
        list[str] | None, _end("TEXT", "End before this text; can be repeated. Default: none.")
    ] = None,
    match: Annotated[
        str | None,
        _end(
            "REGEX",
            "Write a text that matches this Python regular expression as a whole; end when the "
            "next choice would break the match. Default: none.",
        ),
    ] = None,
    max_copy: Annotated[
        int | None,
        _end(
            "INT",
            "Write no run of more than this many characters that stands in the training text; end "
            "where nothing else is left. Default: no limit.",
        ),
    ] = None,
    new: Annotated[
        bool,
        _end(
            None,
            "Leave out documents that stand in the training text or were written before. "
            "Default: off.",
            "--new",
        ),
    ] = False,
    echo: Annotated[
        bool, _output(None, "Write the prompt before each text.", "--echo/--no-echo")
    ] = False,
    null: Annotated[
        bool,
        _output(
            None,
            "End each text with NUL. Default: a newline, or nothing after a single text.",
            *("-0", "--null"),
        ),
    ] = False,
    as_json: Annotated[bool, _output(None, "Write a JSON object for each text.", "--json")] = False,
    logprobs: Annotated[
        int | None,
        _output(
            "INT",
            "With --json: add the log-probability of each character and of this many of the "
            "likeliest. Default: none.",
        ),
    ] = None,
    novelty: Annotated[
        bool,
        _output(
            None,
            "Report how much of each text is copied from the training text: with --json in its "
            "object, else on standard error, also with -q.",
            "--novelty",
        ),
    ] = False,
    novel: Annotated[bool, typer.Option("--novel", hidden=True)] = False,
    unbuffered: Annotated[
        bool, _output(None, "Send each character immediately, as on a terminal.", "--unbuffered")
    ] = False,
    quiet: Annotated[bool, _output(None, "Print only errors on stderr.", "-q", "--quiet")] = False,
) -> None:
    """Write text with a model.

    \b
    charrnn sample "NELL:" --temp 0.6 -n 300
    charrnn sample -n -1 | head -c 10000 > novel.txt
    charrnn sample -N 20 --match "[A-Z][a-z]{2,9}"

    The repeat penalty, the match, top-k, top-p and min-p filter the characters in this order; at
    least one remains. The temperature acts on the remaining ones.
    """
    if seed is not None and not 0 <= seed < 2**63:
        raise ConfigError(f"`seed`: {seed} is out of range; give a whole number, 0 or more")
    if logprobs is not None and not (as_json and logprobs >= 0):
        raise ConfigError("`logprobs` needs `as_json` and a number, 0 or more")
    if as_json and null:
        raise ConfigError("`null` and `as_json` exclude each other; give one of the two")
    if prompt_file is not None and prompt:
        raise ConfigError("`prompt_file`: there is a prompt already; give one of the two")

    from charrnn.generation.generator import random_seed
    from charrnn.generation.options import SamplingOptions, split_options
    from charrnn.library import load

    options = SamplingOptions(
        temperature=temperature or [0.8],
        repeat_penalty=repeat_penalty,
        repeat_last_n=repeat_last_n,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        length=None if length == -1 else length,
        stop=stop or [],
        match=match,
        max_copy=max_copy,
        memory=not no_memory,
        on_unknown=on_unknown,
    )
    split_options(**options)  # report mistakes before the model is read
    if model is None and not quiet and _is_model(prompt):
        log(f"charrnn: note: {prompt!r} is read as the prompt; name a model with -m")
    loaded = load(model)
    if set_unit:
        from charrnn.model.units import parse_held_units

        options["held"] = parse_held_units(loaded.checkpoint.config, set_unit)
    if novelty or novel:
        loaded.copy_search()  # report a missing index before anything is written
    prompt = _read_prompt(prompt, prompt_file)
    seed = random_seed() if seed is None else seed
    if not quiet:
        log(f"charrnn: model {str(loaded.path)!r}, seed {seed}")
    if as_json:
        samples = loaded.samples(
            prompt, num_samples=num_samples, seed=seed, logprobs=logprobs or 0, new=new, **options
        )
        with open_stdout() as output:
            for each in samples:
                value = each.to_json(with_prompt=echo, with_logprobs=logprobs is not None)
                if novelty or novel:
                    value["novelty"] = loaded.novelty(_decode(each.data)).to_json()
                output.json(value)
        return
    chunks = loaded.chunks(prompt, num_samples=num_samples, seed=seed, new=new, **options)
    has_many = num_samples * len(temperature or [0.8]) > 1
    vocabulary = loaded.vocabulary
    end = b"\0" if null else vocabulary.to_bytes(vocabulary.separator) or b"\n" * has_many
    begin = prompt.encode("utf-8", "surrogateescape") if echo else b""
    reports: list[Novelty] = []
    with open_stdout() as output:
        for text in _write(output, chunks, vocabulary, begin, end, unbuffered=unbuffered):
            if novelty or novel:
                reports.append(loaded.novelty(_decode(text)))
        for index, report in enumerate(reports):
            log(f"charrnn: {f'text {index}: ' if has_many else ''}{report.line()}")


def _write(
    output: Output,
    chunks: Chunks,
    vocabulary: Vocabulary,
    begin: bytes,
    end: bytes,
    *,
    unbuffered: bool,
) -> Iterator[bytes]:
    """Write texts as they are drawn, between ``begin`` and ``end``; yield each finished text."""
    text = bytearray()
    is_new = True
    for chunk in chunks:
        data = vocabulary.to_bytes(chunk.text)
        text += data
        is_last = bool(chunk.finish_reason)
        output.write(begin * is_new + data + end * is_last)
        is_new = is_last
        if is_last:
            yield bytes(text)
            text.clear()
        if unbuffered:
            output.flush()


def _is_model(path: str) -> bool:
    """Return whether a path is a run directory or model file."""
    from charrnn.model.checkpoint import MODEL_NAME

    with contextlib.suppress(OSError):  # too long for a path
        is_file = path.endswith(".safetensors") and Path(path).is_file()
        return is_file or bool(path and (Path(path) / MODEL_NAME).is_file())
    return False


def _read_prompt(prompt: str, prompt_file: str | None) -> str:
    """Return the prompt, from a file or standard input if the user named one."""
    if prompt_file is not None and prompt_file != "-":
        return _decode(Path(prompt_file).read_bytes())
    if "-" not in (prompt, prompt_file):
        return prompt
    if sys.stdin is None:
        raise TextError("'-': standard input is closed")
    return _decode(sys.stdin.buffer.read())


def _decode(data: bytes) -> str:
    """Return bytes as a prompt: invalid UTF-8 becomes surrogates, as in ``sys.argv``."""
    return data.decode("utf-8", "surrogateescape")
