"""``charrnn sample --json``: an object for each text, with the probabilities of its characters."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest


def objects(text: str) -> list[dict]:
    """Return the objects of JSON Lines; NaN is refused."""

    def refuse(value: str) -> None:
        raise AssertionError(value)

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def test_json_tells_all_of_a_sample(invoke: Callable, uniform_model: Path) -> None:
    """Each text is one object, with all that reproduces it and its likelihood."""
    args = ["sample", "-q", "-m", str(uniform_model), "--seed", "5", "-n", "7", "-N", "2"]
    args.append("--no-memory")
    plain = invoke(*args, "-0", "ab").text.split("\0")[:-1]
    values = objects(invoke(*args, "--json", "ab").text)
    for index, value in enumerate(values):
        assert value.pop("nats") == pytest.approx(7 * 2.0794415)  # ln 8
        assert value == {
            "schema": 1,
            "index": index,
            "text": plain[index],
            "prompt": "ab",
            "seed": 5,
            "temperature": 0.8,
            "characters": 7,
            "finish_reason": "length",
        }
    (echoed, _) = objects(invoke(*args, "--json", "--echo", "ab").text)
    assert echoed["text"] == "ab" + plain[0]


def test_nats_are_those_of_eval(trained, invoke: Callable, charrnn: Callable) -> None:
    """The nats of a text equal those of ``eval``, whatever filters were used.

    With a memory they do not: what a text wrote itself it remembers later than what it reads.
    """
    directory = str(trained.directory)
    args = ["sample", "-q", "-m", directory, "-n", "60", "--top-k", "5", "-t", "0.5", "--json"]
    args.append("--no-memory")
    (value,) = objects(invoke(*args, "D").text)
    done = charrnn(
        *("eval", "-q", "-m", directory, "--json", "--no-memory", "-"),
        stdin=("D" + value["text"]).encode(),
    )
    (score,) = objects(done.text)
    assert value["nats"] / 60 == pytest.approx(score["nats_per_char"], rel=1e-4)


def test_logprobs_tell_each_step(trained, invoke: Callable) -> None:
    """Each step has its log-probability and the best ones, the likeliest first."""
    args = ["sample", "-q", "-m", str(trained.directory), "-n", "30", "--json", "--logprobs"]
    (value,) = objects(invoke(*args, "4", "-t", "0").text)
    assert "".join(step["character"] for step in value["logprobs"]) == value["text"]
    assert -sum(step["logprob"] for step in value["logprobs"]) == pytest.approx(value["nats"])
    for step in value["logprobs"]:
        assert len(step["best"]) == 4
        assert step["best"] == sorted(step["best"], key=lambda each: -each[1])
        assert step["best"][0] == [step["character"], step["logprob"]]
    (value,) = objects(invoke(*args, "0").text)
    assert {len(step["best"]) for step in value["logprobs"]} == {0}
    (value,) = objects(invoke(*args, "100000").text)
    assert len(value["logprobs"][0]["best"]) > 4


def test_json_of_bytes_holds_them(invoke: Callable, write_cycle: Callable, tmp_path) -> None:
    """JSON includes invalid UTF-8 as base64 too."""
    model = write_cycle(tmp_path / "bytes.safetensors", "\n\xff\x00a", is_bytes=True)
    (value,) = objects(invoke("sample", "-q", "-m", str(model), "-n", "3", "--json").text)
    assert value["text"] == "\ufffd\x00a"
    assert base64.b64decode(value["bytes"]) == b"\xff\x00a"
    assert value["characters"] == 3


def test_a_prompt_of_any_bytes_fits_json(invoke: Callable, cycle_model: Path) -> None:
    """JSON is UTF-8 even if the prompt is not."""
    args = ["sample", "-q", "-m", str(cycle_model), "-n", "1", "--json", "--echo", "-"]
    finished = invoke(*args, "--on-unknown", "skip", stdin=b"a\xff")
    (value,) = objects(finished.text)
    assert (value["prompt"], value["text"]) == ("a\ufffd", "a\ufffdb")
