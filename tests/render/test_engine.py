"""The engine of the page under Node, against NumPy: probabilities, samples, random numbers."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charrnn
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.surprise import measure
from charrnn.generation.generator import sample_rng
from charrnn.library import Model
from charrnn.memory.index import build_index
from charrnn.render.write.pack import pack
from charrnn.text.vocabulary import Vocabulary

ENGINE = Path(__file__).with_name("engine.mjs")
ASSETS = Path(charrnn.__file__).parent / "render" / "assets"
NAMES = "network.js", "lines.js", "contexts.js", "memory.js", "engine.js"
SCRIPTS = [str(ASSETS / name) for name in NAMES]
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node on this machine")


def run(checkpoint, ids, prompt="", seed=0, index=0, length=0, precision="int8", **options) -> Any:
    """Return the packed model and what the engine makes of it."""
    packed = pack(checkpoint, precision, 1_000_000)
    asked = {
        "scripts": SCRIPTS,
        "header": packed.header,
        "data": packed.data,
        "ids": [int(id) for id in ids],
        "prompt": prompt,
        "seed": seed,
        "index": index,
        "length": length,
        "options": options,
    }
    done = subprocess.run(
        [NODE, str(ENGINE)], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return Model(packed.rounded), json.loads(done.stdout)


def with_index(checkpoint, num=400, seed=3):
    """Return a model that remembers a random text."""
    size = checkpoint.vocabulary.size
    ids = np.random.default_rng(seed).integers(0, size, num)
    return replace(checkpoint, index=build_index(np.tile(ids, 2), size))


def repeating(checkpoint, num, seed=1):
    """Return ids that repeat themselves, and a part of the training text."""
    size = checkpoint.vocabulary.size
    ids = np.random.default_rng(seed).integers(0, size, num // 3)
    trained = np.random.default_rng(3).integers(0, size, 400)[: num // 3]
    return np.concatenate([ids, trained, ids])


def check(model: Model, ids, found) -> None:
    """Compare all probabilities with those of NumPy.

    Adam divides by the size of a gradient, so it magnifies what the types of numbers differ in.
    """
    end_id = model.vocabulary.end_id
    reader = Reader(model.network, end_id=end_id, memory=model.memory, part_chars=None)
    nats = measure(reader, np.asarray(ids)).nats[1:]
    np.testing.assert_allclose(np.exp(-np.array(found["nats"])), np.exp(-nats), atol=1e-4)
    np.testing.assert_allclose(found["again"], found["last"], atol=1e-9)


@pytest.mark.slow
def test_every_cell_gives_the_same_probabilities(any_kind, make_checkpoint):
    """With two networks, two layers and the memory of a training text."""
    checkpoint = with_index(
        make_checkpoint(**any_kind, num_layers=2, num_networks=2, hidden_size=9)
    )
    ids = repeating(checkpoint, 2000)  # over which the gate learns 31 times
    model, found = run(checkpoint, ids)
    check(model, ids, found)


@pytest.mark.parametrize("precision", ["int8", "float16"])
def test_documents_and_both_precisions(make_checkpoint, precision):
    """Each document is read from a fresh state, and remembers nothing of another."""
    vocabulary = Vocabulary("abcdef", separator="\n")
    checkpoint = make_checkpoint(characters="abcdefg", scale=3.0)
    checkpoint = with_index(replace(checkpoint, vocabulary=vocabulary))
    ids = np.concatenate([[6], repeating(checkpoint, 120), [6], repeating(checkpoint, 90, 5)])
    model, found = run(checkpoint, ids, precision=precision)
    check(model, ids, found)


def test_words_fields_lines_and_numbers(make_checkpoint):
    """In short lines, which stand above one another, and in one wider than what is known."""
    checkpoint = with_index(make_checkpoint(characters="\n aB12", scale=3.0))
    ids = repeating(checkpoint, 900)
    ids[300:580] = np.where(ids[300:580] == 0, 2, ids[300:580])
    model, found = run(checkpoint, ids)
    check(model, ids, found)


def test_a_large_vocabulary_and_shared_rows(make_checkpoint):
    """3,000 characters; n-grams that share rows of their tables."""
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + 3000)))
    checkpoint = with_index(
        make_checkpoint("gru", characters=characters, ngrams=3, ngram_rows=997, scale=3.0)
    )
    ids = repeating(checkpoint, 150)
    model, found = run(checkpoint, ids)
    check(model, ids, found)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0},
        {"temperature": 0.8},
        {"temperature": 1.3, "topK": 4},
        {"temperature": 1, "topP": 0.7},
        {"temperature": 1, "minP": 0.2},
        {"temperature": 0, "maxCopy": 3},
        {"temperature": 0.7, "maxCopy": 2},
    ],
    ids=str,
)
def test_the_same_seed_gives_the_same_text(make_checkpoint, options):
    """As ``charrnn sample`` writes it, with the memory."""
    checkpoint = with_index(make_checkpoint("lstm", characters="\n abcde", scale=3.0))
    prompt = "abc abc dab"
    model, found = run(checkpoint, [1, 2], prompt, seed=7, length=150, **options)
    names = {
        "temperature": "temperature",
        "topK": "top_k",
        "topP": "top_p",
        "minP": "min_p",
        "maxCopy": "max_copy",
    }
    own = {names[name]: value for name, value in options.items()}
    (sample,) = model.samples(prompt, seed=7, length=150, **own)
    assert found["text"] == sample.text
    assert found["textNats"] == pytest.approx(sample.nats, rel=1e-5)


def test_a_document_goes_on_from_its_prompt(make_checkpoint):
    """The memory knows what the prompt said, and how long ago."""
    checkpoint = make_checkpoint("lstm", characters="abcdefg", scale=3.0)
    vocabulary = Vocabulary("abcdef", separator="\n")
    checkpoint = with_index(replace(checkpoint, vocabulary=vocabulary))
    prompt = "abcfabcdabcfe"
    for seed in range(3):
        model, found = run(checkpoint, [1, 2], prompt, seed=seed, length=30)
        (sample,) = model.samples(prompt, seed=seed, length=30)
        assert found["text"] == sample.text
        assert found["textNats"] == pytest.approx(sample.nats, rel=1e-5)


@pytest.mark.parametrize(("seed", "index"), [(0, 0), (7, 3), (2**40 + 5, 1)])
def test_random_numbers_are_those_of_numpy(make_checkpoint, seed, index):
    """SeedSequence and PCG64."""
    _, found = run(make_checkpoint(), [1, 2], seed=seed, index=index)
    rng = sample_rng(seed, index)
    assert found["numbers"] == [rng.random() for _ in range(5)]
