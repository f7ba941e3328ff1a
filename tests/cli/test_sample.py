"""``charrnn sample``: the text on standard output, to the character, and nothing else there."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

MODEL_LINE = r"charrnn: model '[^']+', seed (\d+)"


def test_length_is_exact(charrnn: Callable, uniform_model: Path) -> None:
    """Standard output has exactly the given number of characters, without an extra newline."""
    finished = charrnn("sample", "-m", str(uniform_model), "-n", "1000")
    assert finished.code == 0
    assert len(finished.text) == 1000


@pytest.mark.parametrize("length", [0, 1, 2])
def test_short_length_is_exact(length: int, invoke: Callable, uniform_model: Path) -> None:
    """A text can have one character, or none."""
    assert len(invoke("sample", "-m", str(uniform_model), "-n", str(length)).text) == length


def test_default_length_is_five_hundred(invoke: Callable, uniform_model: Path) -> None:
    """The default length is 500 characters."""
    assert len(invoke("sample", "-m", str(uniform_model)).text) == 500


def test_text_of_a_trained_model_is_of_its_characters(trained, invoke: Callable, text: str) -> None:
    """A trained model writes only characters of its corpus."""
    finished = invoke("sample", "-m", str(trained.directory), "-n", "1000", "--temp", "1.5")
    assert finished.code == 0
    assert len(finished.text) == 1000
    assert set(finished.text) <= set(text)


def test_text_is_what_the_weights_say(invoke: Callable, cycle_model: Path) -> None:
    """Without a prompt the model begins a line; each character follows from the one before."""
    finished = invoke("sample", "-m", str(cycle_model), "-n", "13")
    assert finished.text == "abcdé\nabcdé\na"


def test_prompt_is_read_and_not_repeated(invoke: Callable, cycle_model: Path) -> None:
    """The text continues the prompt and does not include it."""
    assert invoke("sample", "-m", str(cycle_model), "-n", "4", "ab").text == "cdé\n"


@pytest.mark.slow
def test_same_seed_is_same_text_wherever_it_goes(
    charrnn: Callable, shell: Callable, uniform_model: Path, tmp_path: Path
) -> None:
    """A seed fixes the text, in a pipe, in a file and from run to run."""
    args = ["sample", "-m", str(uniform_model), "-n", "200", "--seed"]
    first = charrnn(*args, "7").stdout
    assert shell('"$@" > text', *args, "7", cwd=tmp_path).code == 0
    assert (tmp_path / "text").read_bytes() == first


def test_longer_text_begins_with_the_shorter(invoke: Callable, uniform_model: Path) -> None:
    """The length changes where a text ends and nothing before."""
    args = ["sample", "-m", str(uniform_model), "--seed", "3", "-n"]
    assert invoke(*args, "90").stdout.startswith(invoke(*args, "50").stdout)


def test_told_seed_replays_the_text(invoke: Callable, uniform_model: Path) -> None:
    """The random seed is reported on one line and reproduces the text."""
    args = ["sample", "-m", str(uniform_model), "-n", "200"]
    first = invoke(*args)
    (line,) = first.error_lines
    told = re.fullmatch(MODEL_LINE, line)
    assert told, line
    assert invoke(*args, "--seed", told[1]).stdout == first.stdout
    assert invoke(*args).stdout != first.stdout


def test_quiet_says_nothing(invoke: Callable, uniform_model: Path) -> None:
    """With -q standard error stays empty."""
    assert invoke("sample", "-q", "-m", str(uniform_model)).stderr == ""


def test_temperature_zero_leaves_nothing_to_chance(trained, invoke: Callable) -> None:
    """At temperature 0 every seed gives one text."""
    args = ["sample", "-m", str(trained.directory), "--temp", "0", "-n", "100", "--seed"]
    assert invoke(*args, "1").stdout == invoke(*args, "2").stdout


@pytest.mark.parametrize("temperature", ["1e-300", "1e-9", "0.8", "1e9", "1e300"])
def test_any_temperature_gives_text(temperature: str, trained, invoke: Callable) -> None:
    """Extreme temperatures neither fail nor warn."""
    finished = invoke("sample", "-m", str(trained.directory), "--temp", temperature, "-n", "50")
    assert finished.code == 0
    assert len(finished.text) == 50


def test_a_small_temperature_is_nearly_the_likeliest(trained, invoke: Callable) -> None:
    """A very low temperature gives the text of temperature 0."""
    args = ["sample", "-m", str(trained.directory), "-n", "100", "--seed", "1", "--temp"]
    assert invoke(*args, "1e-12").stdout == invoke(*args, "0").stdout


def test_prompt_from_standard_input(charrnn: Callable, cycle_model: Path) -> None:
    """The prompt - is all of standard input, its last newline included."""
    args = ["sample", "-m", str(cycle_model), "-n", "2", "-"]
    assert charrnn(*args, stdin="dé\n".encode()).text == "ab"
    assert charrnn(*args, stdin=b"").text == "ab"


def test_prompt_may_begin_with_a_dash(invoke: Callable, write_cycle: Callable, tmp_path) -> None:
    """After -- a prompt can look like an option."""
    model = write_cycle(tmp_path / "dash.safetensors", "\n-n 5")
    finished = invoke("sample", "-m", str(model), "-n", "3", "--", "-n")
    assert (finished.code, finished.text) == (0, " 5\n")


def test_unknown_character_is_named(invoke: Callable, cycle_model: Path) -> None:
    """The error names the unknown character, its code point, its position and a remedy."""
    finished = invoke("sample", "-q", "-m", str(cycle_model), "aЖb")
    assert (finished.code, finished.stdout) == (1, b"")
    (line,) = finished.error_lines
    assert line.startswith("charrnn: error: the model never saw 'Ж' (U+0416), character 2 of the")
    assert "--on-unknown skip or replace" in line


@pytest.mark.parametrize(
    ("cycle", "prompt", "how", "text"),
    [
        ("\nabc", "aЖ", "skip", "b"),
        ("\nabc", "ЖЖ", "skip", "a"),
        ("\na bc", "cЖ", "replace", "b"),
        ("abc", "cЖ", "replace", "b"),
    ],
    ids=["skip one", "skip all", "replace by a space", "replace by the first"],
)
def test_unknown_characters_can_be_passed_over(
    cycle: str, prompt: str, how: str, text: str, write_cycle: Callable, invoke: Callable, tmp_path
) -> None:
    """Unknown characters of a prompt are skipped, or read as a space or the first character."""
    model = write_cycle(tmp_path / "cycle.safetensors", cycle)
    finished = invoke("sample", "-m", str(model), "-n", "1", "--on-unknown", how, prompt)
    assert (finished.code, finished.text) == (0, text)


def test_model_is_a_file_or_a_run_directory(trained, invoke: Callable) -> None:
    """A run directory stands for the model file in it."""
    args = ["sample", "--seed", "1", "-m"]
    from_directory = invoke(*args, str(trained.directory))
    assert from_directory.code == 0
    file = trained.directory / "model.safetensors"
    assert invoke(*args, str(file)).stdout == from_directory.stdout
    assert repr(str(file)) in from_directory.stderr


def test_model_is_the_run_trained_last(
    write_cycle: Callable, invoke: Callable, tmp_path: Path
) -> None:
    """The default model is the latest run by training time, not by file time."""
    for name, trained_at, modified in [("old", 1000, 3000), ("new", 2000, 2000), ("odd", 0, 9000)]:
        path = tmp_path / "runs" / name / "model.safetensors"
        write_cycle(path, f"\n{name}", trained_at=trained_at)
        os.utime(path, (modified, modified))
    (tmp_path / "runs" / "odd" / "model.safetensors").write_bytes(b"no model")
    finished = invoke("sample", "-n", "3")
    assert (finished.code, finished.text) == (0, "new")
    assert "model 'runs/new/model.safetensors'" in finished.stderr


def test_model_may_stand_in_the_environment(
    write_cycle: Callable, invoke: Callable, tmp_path: Path, monkeypatch
) -> None:
    """CHARRNN_MODEL goes before the runs, and -m before CHARRNN_MODEL."""
    for name in ("one", "two", "runs/run"):
        write_cycle(tmp_path / name / "model.safetensors", f"\n{name[-3:]}", trained_at=1)
    assert invoke("sample", "-n", "3").text == "run"
    monkeypatch.setenv("CHARRNN_MODEL", "one")
    assert invoke("sample", "-n", "3").text == "one"
    assert invoke("sample", "-n", "3", "-m", "two").text == "two"


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=["C", "ascii"],
)
def test_text_is_utf8_in_every_locale(
    environment: dict[str, str], charrnn: Callable, cycle_model: Path
) -> None:
    """The bytes of a text do not depend on the locale."""
    args = ["sample", "-q", "-m", str(cycle_model), "-n", "12"]
    finished = charrnn(*args, env=environment)
    assert (finished.code, finished.stdout) == (0, "abcdé\nabcdé\n".encode())


def test_error_line_fits_the_locale(charrnn: Callable, cycle_model: Path) -> None:
    """An error message escapes characters that standard error cannot encode."""
    args = ["sample", "-q", "-m", str(cycle_model), "Ж"]
    finished = charrnn(*args, env={"PYTHONIOENCODING": "ascii"})
    assert finished.code == 1
    assert "never saw '\\u0416'" in finished.stderr


def test_prompt_is_read_in_the_c_locale(charrnn: Callable, cycle_model: Path) -> None:
    """The C locale reads prompts beyond ASCII."""
    args = ["sample", "-m", str(cycle_model), "-n", "2", "dé"]
    assert charrnn(*args, env={"LC_ALL": "C"}).text == "\na"


def test_prompt_of_broken_utf8_is_one_line(invoke: Callable, cycle_model: Path) -> None:
    """Invalid UTF-8 is an unknown character, not a crash."""
    finished = invoke("sample", "-q", "-m", str(cycle_model), "-", stdin=b"a\xff")
    assert (finished.code, len(finished.error_lines)) == (1, 1)
    assert "'\\udcff'" in finished.stderr


def test_bytes_of_a_model_of_bytes_are_exact(
    invoke: Callable, write_cycle: Callable, tmp_path: Path
) -> None:
    """A model of bytes writes its bytes as they are, and reads a prompt as bytes."""
    model = write_cycle(tmp_path / "bytes.safetensors", "\n\xff\x00\xc3\x1b", is_bytes=True)
    args = ["sample", "-q", "-m", str(model), "-n", "5"]
    assert invoke(*args).stdout == b"\xff\x00\xc3\x1b\n"
    assert invoke(*args, "-", stdin=b"\xc3").stdout == b"\x1b\n\xff\x00\xc3"


def test_control_characters_in_a_pipe_are_exact(
    charrnn: Callable, write_cycle: Callable, tmp_path: Path
) -> None:
    """A pipe receives the exact text, control characters included."""
    model = write_cycle(tmp_path / "control.safetensors", "\n\x1b\x07\x9b\r\x00é\u202e\t")
    finished = charrnn("sample", "-m", str(model), "-n", "9", env={"FORCE_COLOR": "1"})
    assert finished.stdout == "\x1b\x07\x9b\r\x00é\u202e\t\n".encode()


def test_uniform_model_is_uniform(invoke: Callable, uniform_model: Path) -> None:
    """At temperature 1 frequencies match probabilities within five standard deviations."""
    args = ["sample", "-m", str(uniform_model), "-n", "4000", "--temp", "1", "--seed", "5"]
    text = invoke(*args).text
    deviation = math.sqrt(4000 * (1 / 8) * (7 / 8))
    assert {character: abs(text.count(character) - 500) < 5 * deviation for character in text} == (
        dict.fromkeys("\n abcdé漢", True)
    )
