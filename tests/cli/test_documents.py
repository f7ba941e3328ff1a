"""Documents through the real program: lines in, lines out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from charrnn.cli.progress import MAX_PREVIEW_DOCUMENTS, preview_text
from charrnn.cli.values import parse_separator
from charrnn.errors import ConfigError

pytestmark = pytest.mark.slow

NAMES = Path(__file__).parents[2] / "corpora" / "names.txt"


@pytest.fixture(scope="module")
def names_run(charrnn: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the shipped names, trained long enough to end them."""
    folder = tmp_path_factory.mktemp("names")
    how = ["--steps", "60", "--cell", "gru", "--hidden-size", "48", "--threads", "1"]
    finished = charrnn("train", str(NAMES), "--lines", *how, "-o", "run", "--json", cwd=folder)
    assert finished.code == 0, finished.stderr
    assert "2,733 documents" in finished.stderr
    reports = [json.loads(line) for line in finished.text.splitlines()]
    assert reports[-1]["val_nats_per_char"] < 2.7
    return folder / "run"


def test_a_sample_is_a_line(names_run: Path, charrnn: Callable) -> None:
    """A model of lines writes one terminated line, shorter than the limit."""
    finished = charrnn("sample", "-m", str(names_run), "--seed", "3", "-q")
    assert finished.code == 0
    assert finished.text.endswith("\n")
    assert finished.text.count("\n") == 1
    assert 1 < len(finished.text) < 60  # the length that may be is 500


def test_names_in_a_pipe_stand_one_a_line(names_run: Path, shell: Callable) -> None:
    """A shell loop gives one line for each sample, all different."""
    loop = 'for s in 1 2 3; do "$@" --seed $s || exit; done'
    finished = shell(loop, "sample", "-m", str(names_run), "-q")
    assert finished.code == 0
    names = finished.text.splitlines()
    assert len(set(names)) == 3
    assert all(names)


def test_a_prompt_may_come_from_echo(names_run: Path, shell: Callable) -> None:
    """A newline after a prompt from standard input is not part of the document."""
    finished = shell('echo Al | "$@"', "sample", "-", "-m", str(names_run), "-q", "--seed", "1")
    typed = shell('"$@"', "sample", "Al", "-m", str(names_run), "-q", "--seed", "1")
    assert (finished.code, finished.stdout) == (0, typed.stdout)


def test_eval_scores_each_line_by_itself(
    names_run: Path, charrnn: Callable, tmp_path: Path
) -> None:
    """The score of a file of lines does not depend on their order or on a split into files."""
    lines = NAMES.read_text(encoding="utf-8").splitlines()[-300:]

    def evaluate(*texts: str) -> dict[str, float]:
        files = [tmp_path / f"{number}.txt" for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text, encoding="utf-8")
        finished = charrnn("eval", "-m", str(names_run), "-q", "--json", *map(str, files))
        assert finished.code == 0, finished.stderr
        found = json.loads(finished.stdout)
        return {name: found[name] for name in ("nats_per_char", "accuracy", "chars", "bytes")}

    whole = evaluate("\n".join(lines) + "\n")
    assert whole["chars"] == sum(len(line) + 1 for line in lines)
    assert whole["bytes"] == sum(len(line.encode()) + 1 for line in lines)
    turned = evaluate("\n\n".join(lines[::-1]))
    assert turned == pytest.approx(whole, rel=1e-6)
    halves = evaluate("\n".join(lines[:7]), "\n".join(lines[7:]))
    assert halves == pytest.approx(whole, rel=1e-6)


def test_eval_without_a_file_is_the_validation(names_run: Path, charrnn: Callable) -> None:
    """Without a file, eval scores the validation documents."""
    finished = charrnn("eval", "-m", str(names_run), "-q", "--json")
    found = json.loads(finished.stdout)["nats_per_char"]
    reports = (names_run / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line).get("val_nats_per_char") for line in reports]
    # bfloat16 in training, float32 here
    assert found == pytest.approx(min(loss for loss in losses if loss), rel=0.01)


def test_a_preview_shows_several_documents(make_checkpoint: Callable) -> None:
    """A preview of short documents shows several, in limited number."""
    lines = preview_text(make_checkpoint(characters="ab", separator="\n", scale=0.0)).split("\n")
    assert 2 <= len(lines) <= MAX_PREVIEW_DOCUMENTS
    nothing = make_checkpoint(characters="ab", separator="\n", scale=0.0)
    nothing.arrays["output.bias"][2] = 100  # all documents are empty
    assert preview_text(nothing) == ""


def test_stanzas(invoke: Callable, tmp_path: Path, tiny: list[str]) -> None:
    """Documents separated by an empty line are written with one."""
    poem = "\n\n".join(f"stanza {n}\nis no {n * n}" for n in range(40)) + "\n"
    (tmp_path / "poem.txt").write_text(poem)
    train = invoke("train", "poem.txt", "--doc-sep", r"\n\n", "--steps", "5", "-o", "run", *tiny)
    assert train.code == 0, train.stderr
    sample = invoke("sample", "-m", "run", "-q", "-n", "5")
    assert sample.text.endswith("\n\n")
    assert len(sample.text) <= 7


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--lines", "--doc-sep", "x"], 2, "--lines and --doc-sep exclude each other"),
        (["--doc-sep", ""], 2, "--doc-sep: empty"),
        (["--doc-sep", r"\x"], 2, r"--doc-sep: unknown escape '\\x'"),
        (["--doc-sep", "<|end|>"], 1, "the text is one document"),
    ],
)
def test_mistakes(invoke: Callable, tmp_path: Path, args: list[str], code: int, message: str):
    """A mistake is one line, and no run directory is left."""
    (tmp_path / "text.txt").write_text("a line of a text\n" * 9)
    finished = invoke("train", "text.txt", *args)
    assert finished.code == code
    assert finished.error_lines[-1].startswith(f"charrnn: error: {message}")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (r"\n", "\n"),
        (r"\n\n", "\n\n"),
        (r"\t", "\t"),
        (r"\r\n", "\r\n"),
        (r"\0", "\0"),
        (r"\\n", r"\n"),
        (r"\n%\n", "\n%\n"),
        ("<|endoftext|>", "<|endoftext|>"),
        ("\n", "\n"),
        (" · ", " · "),
    ],
)
def test_what_is_hard_to_type(typed: str, meant: str) -> None:
    """Escapes mean newline, tab, carriage return, NUL and backslash."""
    assert parse_separator(False, typed) == meant


def test_lines_are_a_separator() -> None:
    """--lines means --doc-sep with a newline; without either, the text is one document."""
    assert parse_separator(True, None) == "\n"
    assert parse_separator(False, None) is None


@pytest.mark.parametrize("typed", ["\\", "a\\", "\\x41", "\\\n"])
def test_a_backslash_before_anything_else(typed: str) -> None:
    """An unknown escape is an error."""
    with pytest.raises(ConfigError, match="unknown escape"):
        parse_separator(False, typed)


def test_a_run_that_goes_on_keeps_its_documents(
    invoke: Callable, tmp_path: Path, tiny: list[str]
) -> None:
    """A resumed run keeps its separator and refuses another one."""
    (tmp_path / "text.txt").write_text("".join(f"a line {n} of a text\n" for n in range(60)))
    train = ["train", "text.txt", "-o", "run"]
    assert invoke(*train, "--lines", "--steps", "4", *tiny).code == 0
    assert invoke(*train, "--resume", "--steps", "6").code == 0
    assert invoke(*train, "--resume", "--lines", "--steps", "8").code == 0
    refused = invoke(*train, "--resume", "--doc-sep", "x", "--steps", "10")
    assert refused.code == 2
    assert "--lines or --doc-sep: the run has " in refused.stderr
    sample = invoke("sample", "-m", "run", "-q", "-n", "9")
    assert sample.text.count("\n") == 1
