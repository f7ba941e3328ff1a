"""The options of ``charrnn sample``: their effects and their limits."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write(invoke: Callable, uniform_model: Path) -> Callable[..., str]:
    """Return a text of a model with eight equally likely characters."""

    def run(*args: str) -> str:
        finished = invoke("sample", "-q", "-m", str(uniform_model), "--seed", "1", *args)
        assert finished.code == 0, finished.stderr
        return finished.text

    return run


def objects(text: str) -> list[dict]:
    """Return the objects of JSON Lines; NaN is refused."""

    def refuse(value: str) -> None:
        raise AssertionError(value)

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


@pytest.mark.parametrize("number", [1, 2, 10, 70])
def test_a_sample_does_not_depend_on_how_many(number: int, write: Callable) -> None:
    """The first samples do not depend on their number."""
    many = write("-n", "20", "-N", "300", "-0").split("\0")[:-1]
    assert len(set(many)) == len(many) == 300
    assert write("-n", "20", "-N", str(number), "-0").split("\0") == [*many[:number], ""]


def test_a_trained_model_writes_each_sample_as_ever(trained, invoke: Callable) -> None:
    """Samples do not depend on their number with real weights, whose products are rounded."""
    args = ["sample", "-q", "-m", str(trained.directory), "--seed", "4", "-n", "80", "-0", "-N"]
    many = invoke(*args, "100").text.split("\0")
    for number in (1, 65):
        assert invoke(*args, str(number)).text.split("\0") == [*many[:number], ""]


@pytest.mark.slow
def test_texts_are_the_same_on_a_terminal(
    on_terminal: Callable, charrnn: Callable, uniform_model: Path
) -> None:
    """A terminal and a pipe receive the same texts."""
    args = ["sample", "-q", "-m", str(uniform_model), "--seed", "2", "-N", "5", "-n", "30"]
    assert on_terminal(*args).text == charrnn(*args).text


def test_each_of_several_texts_is_terminated(invoke: Callable, cycle_model: Path) -> None:
    """Several texts end with a newline each, or NUL, as a shell's loop expects; one is exact."""
    args = ["sample", "-q", "-m", str(cycle_model), "-n", "3"]
    assert invoke(*args, "-N", "3").text == "abc\n" * 3
    assert invoke(*args, "-N", "3", "-0").text == "abc\0" * 3
    assert invoke(*args, "-t", "0", "-t", "1").text == "abc\n" * 2
    assert invoke(*args, "-N", "2", "-n", "0").text == "\n\n"
    assert invoke(*args).text == "abc"
    assert invoke(*args, "-0").text == "abc\0"


@pytest.mark.slow
def test_a_shell_loop_reads_every_text(shell: Callable, cycle_model: Path) -> None:
    """``while read`` sees as many lines as there are texts."""
    line = '"$@" | { n=0; while read -r text; do n=$((n+1)); done; echo "$n"; }'
    assert shell(line, "sample", "-q", "-m", str(cycle_model), "-n", "3", "-N", "3").text == "3\n"


def test_echo_writes_the_prompt_as_it_was(invoke: Callable, cycle_model: Path) -> None:
    """With --echo each text begins with the prompt, byte for byte."""
    args = ["sample", "-q", "-m", str(cycle_model), "-n", "2", "-N", "2", "-0"]
    assert invoke(*args, "--echo", "ab").text == "abcd\0" * 2
    assert invoke(*args, "--no-echo", "ab").text == "cd\0" * 2
    args += ["--echo", "--on-unknown", "skip", "-"]
    assert invoke(*args, stdin=b"a\xffb").stdout == b"a\xffbcd\0" * 2


def test_a_run_as_prompt_is_a_prompt(
    invoke: Callable, write_cycle: Callable, tmp_path: Path
) -> None:
    """The path of a model as prompt is read as text, and a note names the option."""
    write_cycle(tmp_path / "runs" / "x" / "model.safetensors", "\nruns/x", trained_at=1)
    (tmp_path / "runs" / "y").mkdir()
    for path in ("runs/x", "runs/x/model.safetensors"):
        finished = invoke("sample", "-n", "1", "--on-unknown", "skip", path)
        assert finished.code == 0
        note, _ = finished.error_lines
        assert note.startswith(f"charrnn: note: {path!r} ")
        assert "-m" in note
        assert "note" not in invoke("sample", "-m", "runs/x", "--on-unknown", "skip", path).stderr
        assert invoke("sample", "-q", "--on-unknown", "skip", path).stderr == ""
    for path in ("runs/y", "x" * 5000):
        finished = invoke("sample", "-n", "1", "--on-unknown", "skip", path)
        assert (finished.code, len(finished.error_lines)) == (0, 1)


def test_a_missing_model_leaves_standard_input_alone(start: Callable) -> None:
    """The model is found and read before the prompt: an error does not wait for standard input."""
    reading, writing = os.pipe()  # never closed by the writer
    with start("sample", "-", "-m", "typo", stdin=reading) as process:
        _, errors = process.communicate(timeout=60)
    os.close(writing)
    os.close(reading)
    assert (process.returncode, b"'typo'" in errors) == (1, True)


def test_the_prompt_may_be_in_a_file(invoke: Callable, cycle_model: Path, tmp_path: Path) -> None:
    """A prompt from a file is all of it, and - is standard input."""
    (tmp_path / "prompt").write_text("dé\n", encoding="utf-8")
    (tmp_path / "dash").write_text("-")
    args = ["sample", "-q", "-m", str(cycle_model), "-n", "2", "--prompt-file"]
    assert invoke(*args, str(tmp_path / "prompt")).text == "ab"
    assert invoke(*args, "-", stdin=b"a").text == "bc"
    finished = invoke(*args, str(tmp_path / "dash"), stdin=b"a")
    assert (finished.code, "never saw '-'" in finished.stderr) == (1, True)
    finished = invoke(*args, str(tmp_path / "missing"))
    assert finished.code == 1
    assert finished.error_lines == [
        f"charrnn: error: {str(tmp_path / 'missing')!r}: No such file or directory"
    ]


def test_each_temperature_has_its_sample(invoke: Callable, trained) -> None:
    """Samples take temperatures in turn and depend on their index and temperature only."""
    args = ["sample", "-q", "-m", str(trained.directory), "--seed", "3", "-n", "40", "--json"]
    mixed = objects(invoke(*args, "-t", "0", "--temp", "0.7", "--temperature", "9", "-N", "2").text)
    assert [each["temperature"] for each in mixed] == [0, 0.7, 9] * 2
    assert mixed[0]["text"] == mixed[3]["text"]
    assert mixed[1]["text"] != mixed[4]["text"]
    plain = objects(invoke(*args, "-t", "0.7", "-N", "6").text)
    assert [mixed[1], mixed[4]] == [plain[1], plain[4]]


def test_filters_narrow_the_text(write: Callable) -> None:
    """Ties between equally likely characters go to the lowest ids."""
    assert set(write("--top-k", "2")) == {"\n", " "}
    assert set(write("--top-p", "0.3")) == {"\n", " ", "a"}
    assert set(write("--min-p", "1", "-n", "300")) == set("\n abcdé漢")


def test_a_penalty_avoids_what_came_before(write: Callable) -> None:
    """A heavy penalty makes characters take turns, including those of the prompt."""
    options = ["--repeat-penalty", "1e12", "--repeat-last-n"]
    text = write(*options, "7", "-n", "64")
    assert all(len(set(text[i : i + 8])) == 8 for i in range(57))
    assert write(*options, "7", "-n", "1", "abcdé漢 ") == "\n"
    assert write(*options, "0") == write()


@pytest.mark.parametrize(
    ("stops", "text", "reason"),
    [
        (["d"], "abc", "stop"),
        (["cd", "d"], "ab", "stop"),
        (["é\na"], "abcd", "stop"),
        (["dé\nb", "é"], "abcd", "stop"),
        (["éa"], "abcdé\nab", "length"),
        (["bcdé\nabd"], "abcdé\nab", "length"),
    ],
    ids=str,
)
def test_a_stop_text_ends_before_it(
    stops: list[str], text: str, reason: str, invoke: Callable, cycle_model: Path
) -> None:
    """A text ends before the first stop text; a mere beginning of one is written."""
    args = ["sample", "-q", "-m", str(cycle_model), "-n", "8"]
    for stop in stops:
        args += ["--stop", stop]
    assert invoke(*args).text == text
    (value,) = objects(invoke(*args, "--json").text)
    assert (value["text"], value["finish_reason"], value["characters"]) == (text, reason, len(text))


def test_an_endless_text_may_stop(invoke: Callable, cycle_model: Path) -> None:
    """A stop text ends a text without a length limit."""
    assert invoke("sample", "-m", str(cycle_model), "-n", "-1", "--stop", "\n").text == "abcdé"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("expression", "length"),
    [("[a-d]{3,5}", 9), ("a+(b|c)漢", 3), ("(ab|cd)* é", 8), ("[^\n]{4}\n", 5), ("", 5)],
)
def test_a_text_matches(expression: str, length: int, seed: int, invoke, uniform_model) -> None:
    """The whole text matches within its length, for any seed."""
    args = ["sample", "-q", "-m", str(uniform_model), "-N", "40", "-0", "--seed", str(seed)]
    texts = invoke(*args, "-n", str(length), "--match", expression).text.split("\0")
    assert texts.pop() == ""
    assert len(texts) == 40
    for text in texts:
        assert re.fullmatch(expression, text)
        assert len(text) <= length


def test_a_match_ends_where_the_model_prefers_to(invoke: Callable, cycle_model: Path) -> None:
    """A matching text ends when the next choice would break the match."""
    args = ["sample", "-q", "-m", str(cycle_model), "--json", "-n"]
    for expression, length, text, reason in [
        ("[a-z]+", "20", "abcd", "match"),
        ("[a-zé]+", "20", "abcdé", "match"),
        ("[a-zé]+", "3", "abc", "length"),
        ("(?s).+", "20", "abcdé\nabcdé\nabcdé\nab", "length"),
        ("abc", "3", "abc", "length"),
        ("abc", "-1", "abc", "match"),
    ]:
        (value,) = objects(invoke(*args, length, "--match", expression).text)
        assert (value["text"], value["finish_reason"]) == (text, reason)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--match", "x+"], "--match: "),
        (["--match", "a{5}", "-n", "4"], "--length: the shortest match has 5 "),
        (["--match", "("], "--match: invalid regular expression '('"),
        (["--match", "a", "--stop", "b"], "--stop and --match exclude each other"),
        (["--stop", ""], "--stop: "),
        (["--stop", "x"], "--stop: 'x' "),
        (["--top-k", "-1"], "--top-k: -1 "),
        (["--top-p", "nan"], "--top-p: nan "),
        (["--min-p", "-0.5"], "--min-p: -0.5 "),
        (["--temp", "0.5", "--temp", "nan"], "--temp: nan "),
        (["--repeat-penalty", "0"], "--repeat-penalty: 0.0 "),
        (["--repeat-last-n", "-1"], "--repeat-last-n: -1 "),
        (["-N", "0"], "--num-samples: 0 "),
        (["-n", "-1", "-N", "2"], "--length: without a limit, this needs --stop or --match"),
        (["-n", "-1", "--json"], "--length: without a limit"),
        (["-n", "-1", "-t", "1", "-t", "2"], "--length: without a limit"),
        (["--logprobs", "2"], "--logprobs needs --json"),
        (["--json", "--logprobs", "-1"], "--logprobs needs --json"),
        (["--json", "-0"], "--null and --json exclude each other"),
        (["a", "--prompt-file", "b"], "--prompt-file: there is a prompt already"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line(
    args: list[str], said: str, invoke: Callable, uniform_model: Path
) -> None:
    """Options out of range or in contradiction are one line and exit code 2."""
    finished = invoke("sample", "-q", "-m", str(uniform_model), *args)
    assert (finished.code, finished.stdout) == (2, b"")
    (line,) = finished.error_lines
    assert said in line


def test_unbuffered_text_leaves_at_once(start: Callable, uniform_model: Path) -> None:
    """With --unbuffered a pipe receives characters as they are drawn."""
    args = ["sample", "-q", "-m", str(uniform_model), "-n", "-1", "--unbuffered"]
    with start(*args) as process:
        sizes = []
        for _ in range(20):
            sizes.append(len(os.read(process.stdout.fileno(), 65536)))
            time.sleep(0.001)
        process.kill()
    assert min(sizes) < 1000


def test_many_samples_take_little_memory(invoke: Callable, uniform_model: Path) -> None:
    """A thousand texts come in order."""
    args = ["sample", "-q", "-m", str(uniform_model), "-N", "1000", "-n", "3", "--json"]
    values = objects(invoke(*args).text)
    assert [value["index"] for value in values] == list(range(1000))


def test_the_reader_of_many_may_leave(shell: Callable, uniform_model: Path) -> None:
    """When the reader closes the pipe, the remaining texts are not drawn."""
    args = ["sample", "-q", "-m", str(uniform_model), "-N", "100000000", "-n", "50", "--json"]
    finished = shell('{ "$@"; echo "code $?" >&2; } | head -n 2', *args)
    assert len(finished.text.splitlines()) == 2
    assert finished.error_lines == ["code 0"]
