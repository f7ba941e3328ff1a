"""The program as a library: load, sample and score, without torch."""

from __future__ import annotations

import dataclasses
import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

import charrnn
from charrnn.evaluation.score import score
from charrnn.library import Model, random_seed
from charrnn.memory.index import build_index
from charrnn.memory.memory import Memory
from charrnn.model.checkpoint import MODEL_NAME, write_checkpoint
from charrnn.model.find import MODEL_VARIABLE
from charrnn.model.predictor import Predictor

ALL_BYTES = "".join(map(chr, range(256)))


@pytest.fixture
def model(make_checkpoint):
    """A model of a few characters."""
    return Model(make_checkpoint(num_layers=2, scale=2.0))


@pytest.mark.parametrize("kind_of_path", [str, lambda path: path], ids=["str", "Path"])
@pytest.mark.parametrize("is_folder", [True, False])
def test_a_model_is_loaded_from_its_file_or_folder(
    make_checkpoint, tmp_path, kind_of_path, is_folder
):
    """A model file and its run directory load the same model."""
    checkpoint = make_checkpoint(trained_at=1.0)
    write_checkpoint(tmp_path / MODEL_NAME, checkpoint)
    model = charrnn.load(kind_of_path(tmp_path if is_folder else tmp_path / MODEL_NAME))
    assert isinstance(model, charrnn.Model)
    assert model.vocabulary == checkpoint.vocabulary
    assert model.sample("ab", seed=1) == Model(checkpoint).sample("ab", seed=1)


def test_without_a_path_the_environment_and_the_runs_are_asked(
    make_checkpoint, tmp_path, monkeypatch
):
    """Without a path, load finds the model as the command line does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(MODEL_VARIABLE, raising=False)
    with pytest.raises(charrnn.CharRNNError, match="no model"):
        charrnn.load()
    for name in ("latest", "named"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        checkpoint = make_checkpoint(characters=name[0], trained_at=len(name))
        write_checkpoint(tmp_path / "runs" / name / MODEL_NAME, checkpoint)
    assert charrnn.load().vocabulary.characters == "l"
    monkeypatch.setenv(MODEL_VARIABLE, "runs/named")
    assert charrnn.load().vocabulary.characters == "n"


def test_a_damaged_model_is_refused(tmp_path):
    """A damaged file raises an exception of the package that names it."""
    (tmp_path / MODEL_NAME).write_text("damaged")
    with pytest.raises(charrnn.CharRNNError, match=MODEL_NAME):
        charrnn.load(tmp_path)


def test_a_sample_is_the_stream_as_text(model):
    """Joining the stream gives the sample, which has the given length."""
    text = model.sample("ab", seed=5, length=70)
    assert text == "".join(model.stream("ab", seed=5, length=70))
    assert len(text) == 70
    assert text.startswith("".join(itertools.islice(model.stream("ab", seed=5, length=None), 70)))


def test_a_seed_repeats_a_text_and_none_does_not(model):
    """The same seed gives the same text; without a seed, texts differ."""
    assert model.sample(seed=3) == model.sample(seed=3)
    assert model.sample(seed=3) != model.sample(seed=4)
    assert model.sample(length=200) != model.sample(length=200)


def test_random_seeds_are_short_and_differ():
    """Random seeds have at most ten digits and differ."""
    seeds = {random_seed() for _ in range(20)}
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert len(seeds) > 15  # two of 20 are equal once in 20 million times


def test_a_model_of_bytes_writes_text(make_checkpoint):
    """The bytes of a model of bytes are decoded, invalid UTF-8 as U+FFFD."""
    checkpoint = make_checkpoint(characters=ALL_BYTES, is_bytes=True, scale=0.0)
    checkpoint.arrays["output.bias"][list("\u00e9".encode())] = 50
    model = Model(checkpoint)
    written = "".join(model.stream(seed=0, length=100)).encode("latin-1")
    text = model.sample(seed=0, length=100)
    assert text == written.decode("utf-8", "replace")
    assert set(text) == {"\u00e9", "\ufffd"}


def ids_score(model, ids):
    """Return the score of ids."""
    network = Predictor(model.checkpoint.config, model.checkpoint.arrays)
    return score(network, ids, memory=Memory(model.vocabulary, None))


def test_a_score_is_that_of_the_ids(model):
    """The score of a text is the score of its ids."""
    text = "bad\ncab " * 5
    ids = np.array([model.vocabulary.characters.index(c) for c in text])
    assert model.score(text) == ids_score(model, ids)


@pytest.mark.parametrize("has_index", [False, True])
def test_a_sample_with_a_memory_does_not_depend_on_the_others(make_checkpoint, has_index):
    """Alone or among many, after a long prompt, and where a stream is used again, bit for bit."""
    checkpoint = make_checkpoint("gru", scale=3.0)
    ids = np.random.default_rng(1).integers(0, 7, 3000).astype(np.uint8)
    index = build_index(ids, 7) if has_index else None
    model = Model(dataclasses.replace(checkpoint, index=index))
    prompt = model.vocabulary.decode(ids[:700])
    options = {"seed": 3, "length": 90, "stop": "ab", "logprobs": 1}
    many = list(model.samples(prompt, num_samples=100, **options))
    few = list(model.samples(prompt, num_samples=2, **options))
    assert [each.drawn for each in few] == [each.drawn for each in many[:2]]
    assert len({each.text for each in many}) > 10
    assert few[0].text != next(model.samples(prompt, num_samples=1, memory=False, **options)).text


def test_a_text_is_explained(model):
    """Each character but the first has alternatives and parts; the bits are those of the score."""
    text = "bad\ncab " * 5
    rows = list(model.explain(text, num_best=2))
    assert "".join(row.text for row in rows) == text
    nats = sum(row.bits for row in rows[1:]) * math.log(2)
    assert nats == pytest.approx(model.score(text).nats, rel=1e-6)
    assert rows[0].parts == ()
    assert all(len(row.best) == 2 and row.parts[0]["share"] > 0 for row in rows[1:])
    assert {part["source"] for row in rows for part in row.parts} == {"networks", "read"}


def test_unknown_characters_of_a_scored_text(make_checkpoint):
    """Unknown characters are skipped, or count as the unknown symbol if the model has one."""
    without = Model(make_checkpoint())
    assert without.score("a?bc\u20ac") == without.score("abc")
    with_symbol = Model(make_checkpoint(has_unknown=True))
    ids = with_symbol.vocabulary.encode("a bc ")
    ids[[1, 4]] = with_symbol.vocabulary.unknown_id
    assert with_symbol.score("a?bc\u20ac") == ids_score(with_symbol, ids)


def test_a_model_of_bytes_scores_bytes(make_checkpoint):
    """A model of bytes scores the UTF-8 bytes of a text."""
    model = Model(make_checkpoint(characters=ALL_BYTES, is_bytes=True))
    data = np.frombuffer("n\u00e9\u20ac".encode(), np.uint8)
    assert model.score("n\u00e9\u20ac") == ids_score(model, data)
    assert model.score("n\u00e9\u20ac").chars == 5


@pytest.mark.parametrize("text", ["", "a", "?!", "a?"])
def test_a_text_without_a_prediction_is_refused(model, text):
    """Fewer than two known characters raise an exception of the package."""
    with pytest.raises(charrnn.CharRNNError, match="fewer than two characters"):
        model.score(text)


def test_an_unknown_character_in_a_prompt_is_refused_unless_told(model):
    """Unknown characters of a prompt raise an error by default."""
    with pytest.raises(charrnn.CharRNNError, match=r"U\+003F"):
        model.sample("a?")
    assert model.sample("a?", seed=1, on_unknown="skip") == model.sample("a", seed=1)
    assert model.sample("a?", seed=1, on_unknown="replace") == model.sample("a ", seed=1)


@pytest.mark.parametrize("name", charrnn.__all__)
def test_every_public_name_is_there(name):
    """Every name in ``__all__`` exists."""
    assert getattr(charrnn, name) is not None


def test_another_name_is_not_there():
    """Any other attribute of the package raises ``AttributeError``."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        charrnn.nothing  # noqa: B018


CHECK = "\nimport sys\nif 'torch' in sys.modules: sys.exit('torch was imported')\n"


def run_check(program, cwd):
    """Run a program followed by a check that torch was not imported; return the process."""
    return subprocess.run(
        [sys.executable, "-c", program + CHECK],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_loading_sampling_and_scoring_do_without_torch(make_checkpoint, tmp_path):
    """Loading, sampling and scoring never import torch."""
    write_checkpoint(tmp_path / MODEL_NAME, make_checkpoint())
    program = (
        "import charrnn\n"
        "model = charrnn.load('model.safetensors')\n"
        "print(len(model.sample('ab', length=7, seed=0)), model.score('abc').chars)"
    )
    done = run_check(program, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "7 2\n", "")


@pytest.mark.slow
def test_the_check_for_torch_can_fail(tmp_path):
    """The check of the test above detects an import of torch."""
    done = run_check("import charrnn.training.run.loop", tmp_path)
    assert done.returncode == 1
    assert "torch was imported" in done.stderr


def test_samples_are_as_ever_one_by_one(model):
    """Sample 0 is what ``sample`` returns, and no sample depends on their number."""
    options = {"seed": 5, "length": 40, "top_k": 4, "temperature": 1.1}
    samples = list(model.samples("ab", num_samples=70, **options))
    assert samples[0].text == model.sample("ab", **options)
    assert [sample.index for sample in samples] == list(range(70))
    few = list(model.samples("ab", num_samples=3, **options))
    assert [sample.text for sample in few] == [sample.text for sample in samples[:3]]
    assert {sample.prompt for sample in few} == {"ab"}


def test_samples_take_temperatures_in_turn(model):
    """Samples take several temperatures in turn, ``num_samples`` for each."""
    samples = list(model.samples(num_samples=2, temperature=[0.5, 2], seed=1, length=5))
    assert [sample.temperature for sample in samples] == [0.5, 2, 0.5, 2]


def test_a_sample_may_have_to_match(model):
    """Keyword options set stop criteria too."""
    text = model.sample(match="[a-c]{3}\n", seed=2)
    assert len(text) == 4
    assert set(text[:3]) <= set("abc")
    assert "a" not in model.sample(stop=["a"], seed=2)


def test_a_string_is_one_stop_text(model):
    """A text ends before the whole string, not before one of its characters."""
    endless = model.sample(seed=2, length=2000)
    pair = endless[40:42]
    assert model.sample(stop=pair, seed=2) == endless[: endless.index(pair)]


def test_several_endless_texts_are_refused(model):
    """An endless text cannot be followed by a second one, nor returned as a whole."""
    with pytest.raises(charrnn.CharRNNError, match=r"^`length`: "):
        model.samples(length=None)
    with pytest.raises(charrnn.CharRNNError, match=r"^`length`: "):
        model.chunks(seed=1, num_samples=2, length=None)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1},
        {"top_p": 2.0},
        {"length": -1},
        {"length": 3, "match": "a{4}"},
        {"stop": ["a", ""]},
        {"stop": "?"},
        {"match": "("},
        {"seed": -1},
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(model, options):
    """A wrong value is an error about its parameter before any text is drawn."""
    with pytest.raises(charrnn.CharRNNError, match=f"^`{next(iter(options))}`: "):
        model.stream(**options)


def test_a_number_of_samples_out_of_range_is_refused(model):
    """``num_samples`` is 1 or more."""
    with pytest.raises(charrnn.CharRNNError, match=r"^`num_samples`: "):
        model.samples(num_samples=0)
