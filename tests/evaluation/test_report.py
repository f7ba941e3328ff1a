"""Evaluations against a slow recount, and texts that cannot be evaluated."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from charrnn.corpus.documents import cut_documents
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import build_corpus
from charrnn.errors import TextError
from charrnn.evaluation.evaluate import EvaluationRun, evaluate_text
from charrnn.evaluation.inputs import ValidationText, validation_corpus
from charrnn.evaluation.report import Evaluation
from charrnn.evaluation.score import Score, score
from charrnn.evaluation.surprise import measure_text
from charrnn.model.predictor import Predictor
from charrnn.text.vocabulary import Vocabulary

CHARACTERS = "\n ab\u00e9\u20ac\U0001f600"  # of 1, 1, 1, 1, 2, 3 and 4 bytes

TEXTS = {
    "known": "ba\u00e9 \u20ac\n\U0001f600ab",
    "unknown-inside": "b?a\u00e9x\u20ac\u4e2d\U0001f600\U0001f680 a",
    "unknown-first": "\u4e2d\u00e9a?b\u20ac",
    "unknown-last": "\u20aca\u00e9b\U0001f680",
    "replacement": "a\ufffdb\u00e9",
}

NUMBERS = {"nats_per_char", "nats_per_char_without_memory", "bits_per_char", "bits_per_byte"}
NUMBERS |= {"perplexity", "accuracy"}
COUNTS = {"chars", "bytes", "unknown"}


def evaluate_corpus(network, vocabulary, directory):
    """Return the evaluation of the validation text of a run, without baselines."""
    texts = ValidationText(validation_corpus(vocabulary, directory))
    run = EvaluationRun(network, vocabulary, texts)
    run.run([], print)
    return replace(run.summary, baselines=())


def network_of(checkpoint):
    """Return the network of a model."""
    return Predictor(checkpoint.config, checkpoint.arrays)


def evaluate(checkpoint, *blocks):
    """Return the evaluation of a text in blocks."""
    return evaluate_text(network_of(checkpoint), checkpoint.vocabulary, blocks)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_unknown_characters_are_left_out(make_checkpoint, text):
    """A model without an unknown symbol skips unknown characters."""
    checkpoint = make_checkpoint(characters=CHARACTERS)
    known = "".join(c for c in text if c in CHARACTERS)
    found = evaluate(checkpoint, text)
    ids = np.array([CHARACTERS.index(c) for c in known])
    assert found.score == score(network_of(checkpoint), ids)
    assert found.unknown == len(text) - len(known)
    assert found.num_bytes == sum(len(c.encode()) for c in known[1:])


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_unknown_characters_count_as_the_unknown_symbol(make_checkpoint, text):
    """A model with an unknown symbol predicts it; bytes count the original text."""
    checkpoint = make_checkpoint(characters=CHARACTERS, has_unknown=True)
    found = evaluate(checkpoint, text)
    unknown_id = len(CHARACTERS)
    ids = np.array([CHARACTERS.index(c) if c in CHARACTERS else unknown_id for c in text])
    assert found.score == score(network_of(checkpoint), ids)
    assert found.unknown == sum(c not in CHARACTERS for c in text)
    assert found.num_bytes == sum(len(c.encode()) for c in text[1:])


@pytest.mark.parametrize("has_unknown", [False, True])
@pytest.mark.parametrize("cuts", [[1], [2, 2, 5], list(range(1, 11))], ids=str)
def test_the_blocks_of_a_text_do_not_matter(make_checkpoint, has_unknown, cuts):
    """Blocks of any size, even empty ones, give the same evaluation."""
    checkpoint = make_checkpoint(characters=CHARACTERS, has_unknown=has_unknown)
    text = TEXTS["unknown-inside"]
    borders = [0, *cuts, len(text)]
    blocks = [text[a:b] for a, b in itertools.pairwise(borders)]
    found, whole = evaluate(checkpoint, *blocks), evaluate(checkpoint, text)
    assert found.score.nats == pytest.approx(
        whole.score.nats, rel=1e-7
    )  # float32, in another order
    assert replace(found, score=whole.score) == whole
    assert (found.score.chars, found.score.correct) == (whole.score.chars, whole.score.correct)


def test_a_model_of_bytes_counts_bytes(make_checkpoint):
    """For a model of bytes, characters are bytes."""
    checkpoint = make_checkpoint(characters="".join(map(chr, range(256))), is_bytes=True)
    found = evaluate(checkpoint, TEXTS["known"].encode().decode("latin-1"))
    assert found.num_bytes == found.score.chars == len(TEXTS["known"].encode()) - 1
    assert found.score.bits_per_byte(found.num_bytes) == pytest.approx(found.score.bits_per_char)


@pytest.mark.parametrize("blocks", [[], [""], ["a"], ["", "a", ""], ["??a??"], ["???"]], ids=str)
def test_a_text_without_a_prediction_is_refused(make_checkpoint, blocks):
    """Fewer than two known characters raise a TextError."""
    with pytest.raises(TextError, match=r"^the text has fewer than two characters .*"):
        evaluate(make_checkpoint(characters=CHARACTERS), *blocks)


class UnknownText:
    """A text with two unknown characters."""

    names = ("text",)

    def __init__(self, vocabulary):
        self._vocabulary = vocabulary

    def passages(self, _number, reader, num_best):
        return measure_text(reader, self._vocabulary, cut_documents(["a??b"], ""), num_best)


def test_the_note_says_how_unknown_characters_are_counted(make_checkpoint):
    """The note says whether unknown characters are skipped or counted."""
    for has_unknown, how in [(False, "left out"), (True, "counted as the unknown symbol")]:
        checkpoint = make_checkpoint(characters=CHARACTERS, has_unknown=has_unknown)
        vocabulary, notices = checkpoint.vocabulary, []
        run = EvaluationRun(network_of(checkpoint), vocabulary, UnknownText(vocabulary))
        run.run([], notices.append)
        assert len(notices) == 1
        assert notices[0].endswith(how)


def test_the_json_has_all_numbers():
    """The JSON holds each number of the score under its name."""
    found = Evaluation(Score(16 * math.log(2), 8, 3, 20.0), num_bytes=12, unknown=5)
    values = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert values.keys() == {"schema"} | NUMBERS | COUNTS
    assert values == {
        "schema": 1,
        "nats_per_char": pytest.approx(2 * math.log(2)),
        "nats_per_char_without_memory": 2.5,
        "bits_per_char": pytest.approx(2),
        "bits_per_byte": pytest.approx(4 / 3),
        "perplexity": pytest.approx(4),
        "accuracy": 0.375,
        "chars": 8,
        "bytes": 12,
        "unknown": 5,
    }


@pytest.mark.parametrize("nats", [1e6, math.inf, math.nan])
def test_numbers_that_json_has_not_are_null(nats):
    """Infinities and NaN become null, which every JSON parser reads."""
    found = Evaluation(Score(nats, 10, 0, nats), num_bytes=10, unknown=0)
    values = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert values["perplexity"] is None
    assert (values["nats_per_char"] is None) == (not math.isfinite(nats))


def test_the_table_shows_the_numbers_of_the_json():
    """Table and JSON agree to the digits shown."""
    found = Evaluation(
        Score(20_000 * math.log(2), 8000, 3000, 1.5e4), num_bytes=12_000, unknown=1500
    )
    values = list(found.to_json().values())[1:]  # without the schema number
    lines = found.lines()
    assert len(lines) == len(values)
    for line, value in zip(lines, values, strict=True):
        shown = line.split()[-1].replace(",", "")
        assert float(shown) == pytest.approx(value, abs=5.1e-4)  # half of the last digit, and a bit
    assert len({len(line) for line in lines}) == 1  # aligned


def test_the_table_shows_a_perplexity_beyond_all_numbers():
    """An infinite perplexity does not break the table."""
    assert Evaluation(Score(1e6, 10, 0, 1e6), 10, 0).lines()


TRAIN = "ab\u00e9 \u20ac\U0001f600a\n" * 30
VAL = "a\u00e9qb\u20ac \u4e2d\n\U0001f600" * 20 + "ab"


@pytest.fixture
def corpus(tmp_path):
    """A run directory with a corpus whose validation text has rare characters."""
    (tmp_path / "train.txt").write_text(TRAIN + "qz", encoding="utf-8")
    (tmp_path / "val.txt").write_text(VAL, encoding="utf-8")
    (tmp_path / "run").mkdir()
    options = CorpusOptions(min_count=22, val=str(tmp_path / "val.txt"))
    return build_corpus(tmp_path / "run", [str(tmp_path / "train.txt")], options)


def test_the_validation_text_is_evaluated(make_checkpoint, corpus, tmp_path):
    """The validation part of a corpus scores what its text scores."""
    assert corpus.vocabulary == Vocabulary("".join(sorted(set(TRAIN))), has_unknown=True)
    checkpoint = make_checkpoint(characters=corpus.vocabulary.characters, has_unknown=True)
    network = network_of(checkpoint)
    found = evaluate_corpus(network, checkpoint.vocabulary, tmp_path / "run")
    assert found.score == evaluate(checkpoint, VAL).score
    assert found.score.chars == len(VAL) - 1
    assert found.num_bytes == len(VAL[1:].encode())
    assert found.unknown == sum(c not in TRAIN for c in VAL[1:])


def test_a_share_of_one_text_validates(make_checkpoint, tmp_path):
    """Without a validation file, the end of the training text is evaluated."""
    (tmp_path / "all.txt").write_text(TRAIN, encoding="utf-8")
    corpus = build_corpus(tmp_path, [str(tmp_path / "all.txt")], CorpusOptions(val="0.25"))
    checkpoint = make_checkpoint(characters=corpus.vocabulary.characters)
    found = evaluate_corpus(network_of(checkpoint), checkpoint.vocabulary, tmp_path)
    val = TRAIN[len(TRAIN) * 3 // 4 :]
    assert found == evaluate(checkpoint, val)
    assert found.num_bytes == len(val[1:].encode())


@pytest.mark.parametrize(
    "vocabulary",
    [Vocabulary("ab"), Vocabulary("".join(sorted(set(TRAIN))))],
    ids=["other", "fewer"],
)
def test_the_text_of_another_model_is_refused(make_checkpoint, corpus, tmp_path, vocabulary):
    """A corpus with another vocabulary is refused."""
    assert corpus.vocabulary != vocabulary
    checkpoint = make_checkpoint(characters=vocabulary.characters)
    with pytest.raises(TextError, match=r"not the one it was trained on; give a file"):
        evaluate_corpus(network_of(checkpoint), vocabulary, tmp_path / "run")


def test_a_run_without_a_validation_text_is_refused(make_checkpoint, tmp_path):
    """A run without validation text is refused; the error asks for a file."""
    (tmp_path / "all.txt").write_text(TRAIN, encoding="utf-8")
    corpus = build_corpus(tmp_path, [str(tmp_path / "all.txt")], CorpusOptions(val="0"))
    checkpoint = make_checkpoint(characters=corpus.vocabulary.characters)
    with pytest.raises(TextError, match=r"without a validation text; give a file"):
        evaluate_corpus(network_of(checkpoint), checkpoint.vocabulary, tmp_path)


def test_a_model_without_its_text_is_refused(make_checkpoint, tmp_path):
    """A model without its corpus is refused; the error asks for a file."""
    checkpoint = make_checkpoint()
    with pytest.raises(TextError, match=r"is not there; give a file"):
        evaluate_corpus(network_of(checkpoint), checkpoint.vocabulary, tmp_path)
