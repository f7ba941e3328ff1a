"""Each document is scored by itself: from the end symbol, to its end."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from charrnn.corpus.document_streams import MAX_MEASURED_CHARS
from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import build_corpus
from charrnn.errors import TextError
from charrnn.evaluation.evaluate import EvaluationRun, evaluate_text
from charrnn.evaluation.inputs import ValidationText, validation_corpus
from charrnn.evaluation.score import score
from charrnn.library import Model
from charrnn.model.predictor import Predictor

DOCUMENTS = ["abba", "c", "deed bead", "a" * 70, "cab", "bad"]


def evaluate_corpus(network, vocabulary, directory):
    """Return the evaluation of the validation text of a run, without baselines."""
    texts = ValidationText(validation_corpus(vocabulary, directory))
    run = EvaluationRun(network, vocabulary, texts)
    run.run([], print)
    return replace(run.summary, baselines=())


@pytest.fixture
def checkpoint(make_checkpoint, any_kind):
    """A model of documents, one a line, of each kind in turn."""
    return make_checkpoint(**any_kind, characters=" abcde", separator="\n", scale=2.0)


def nats_of(checkpoint, document):
    """Return how surprising a document is, one character at a time."""
    network = Predictor(checkpoint.config, checkpoint.arrays)
    end = checkpoint.vocabulary.end_id
    state = network.initial_state(1)
    read, total = end, 0.0
    for wanted in [*checkpoint.vocabulary.encode(document).tolist(), end]:
        logits, state = network.forward(np.array([[read]]), state)
        exact = logits[0, 0].astype(np.float64)
        total += math.log(np.exp(exact).sum()) - exact[wanted]
        read = wanted
    return total


def ids_of(checkpoint, documents):
    """Return the ids of documents as a corpus holds them."""
    end = checkpoint.vocabulary.end_id
    parts = [[*checkpoint.vocabulary.encode(document).tolist(), end] for document in documents]
    return np.array([end, *itertools.chain.from_iterable(parts)])


def test_a_score_is_the_sum_of_those_of_its_documents(checkpoint):
    """They are read side by side, and the sum is that of each, spelled out."""
    network, end = Predictor(checkpoint.config, checkpoint.arrays), checkpoint.vocabulary.end_id
    ids = ids_of(checkpoint, DOCUMENTS)
    found = score(network, ids, end_id=end)
    expected = sum(nats_of(checkpoint, document) for document in DOCUMENTS)
    assert found.nats == pytest.approx(expected, rel=1e-5)
    assert found.chars == len(ids) - 1 == sum(len(document) + 1 for document in DOCUMENTS)


def test_a_document_does_not_depend_on_its_neighbours(checkpoint):
    """Its score is the same alone, among others, and in another order."""
    network, end = Predictor(checkpoint.config, checkpoint.arrays), checkpoint.vocabulary.end_id
    alone = sum(score(network, ids_of(checkpoint, [d]), end_id=end).nats for d in DOCUMENTS)
    for documents in (DOCUMENTS, DOCUMENTS[::-1], sorted(DOCUMENTS)):
        batched_matmul = score(network, ids_of(checkpoint, documents), end_id=end).nats
        assert batched_matmul == pytest.approx(alone, rel=1e-6)


def test_the_law_can_fail(make_checkpoint):
    """Read as one text, with state carried over, the same documents have another score."""
    checkpoint = make_checkpoint(characters=" abcde", separator="\n", scale=2.0)
    network, end = Predictor(checkpoint.config, checkpoint.arrays), checkpoint.vocabulary.end_id
    ids = ids_of(checkpoint, DOCUMENTS)
    apart, carried = score(network, ids, end_id=end).nats, score(network, ids).nats
    assert abs(apart - carried) > 1e-3 * apart


def test_the_end_is_part_of_a_document(make_checkpoint):
    """The model that finds all equally likely needs ln V for each character and for each end.

    In documents of one character, the memory knows of none that came before.
    """
    checkpoint = make_checkpoint(characters="ab", separator="\n", scale=0.0)
    found = Model(checkpoint).score("a\n\nb\n")
    assert found.chars == 4
    assert found.nats == pytest.approx(4 * math.log(3))


def test_parts_of_a_long_document_know_what_was_before(make_checkpoint):
    """A document that is longer than what is read in one go scores nearly as if read in one."""
    checkpoint = make_checkpoint("gru", characters=" abcde", separator="\n")  # of short memory
    rng = np.random.default_rng(1)
    long = "".join(rng.choice(list("abcde "), MAX_MEASURED_CHARS + 100))
    network, end = Predictor(checkpoint.config, checkpoint.arrays), checkpoint.vocabulary.end_id
    found = score(network, ids_of(checkpoint, [long]), end_id=end)
    assert found.chars == len(long) + 1
    assert found.nats == pytest.approx(nats_of(checkpoint, long), rel=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_text_is_cut_as_for_training(make_checkpoint, size):
    """However the text comes in parts, its lines are the documents; empty ones are none."""
    checkpoint = make_checkpoint(characters=" abcde", separator="\n", scale=2.0)
    network = Predictor(checkpoint.config, checkpoint.arrays)
    text = "\n\n".join(DOCUMENTS)
    blocks = [text[begin : begin + size] for begin in range(0, len(text), size)]
    report = evaluate_text(network, checkpoint.vocabulary, blocks)
    expected = sum(nats_of(checkpoint, document) for document in DOCUMENTS)
    assert report.score.nats == pytest.approx(expected, rel=1e-5)
    assert report.num_bytes == len("\n".join([*DOCUMENTS, ""]))
    assert report.unknown == 0


@pytest.mark.parametrize("size", [1, 2, 100])
def test_characters_that_are_left_out_do_not_move_ends(make_checkpoint, size):
    """Documents are those of the text without what the model never saw."""
    checkpoint = make_checkpoint(characters=" abcde", separator="\n", scale=2.0)
    network = Predictor(checkpoint.config, checkpoint.arrays)
    text = "xaxb\nxx\ncx\n"
    blocks = [text[begin : begin + size] for begin in range(0, len(text), size)]
    report = evaluate_text(network, checkpoint.vocabulary, blocks)
    expected = sum(nats_of(checkpoint, document) for document in ["ab", "", "c"])
    assert report.score.nats == pytest.approx(expected, rel=1e-6)
    assert (report.score.chars, report.unknown, report.num_bytes) == (6, 5, 6)


def test_unknown_characters_count_as_the_symbol(make_checkpoint):
    """With an unknown symbol each of them is predicted, and bytes are those of the text."""
    checkpoint = make_checkpoint(characters=" abc", has_unknown=True, separator="·", scale=0.0)
    network = Predictor(checkpoint.config, checkpoint.arrays)
    report = evaluate_text(network, checkpoint.vocabulary, ["xa·漢·"])
    assert report.score.nats == pytest.approx(5 * math.log(6))
    assert (report.score.chars, report.unknown) == (5, 2)
    assert report.num_bytes == len("xa·漢·".encode())


@pytest.mark.parametrize("text", ["", "\n\n", "\n"])
def test_a_text_without_documents_is_reported(make_checkpoint, text):
    """There is nothing to predict."""
    model = Model(make_checkpoint(separator="\n", characters="ab"))
    with pytest.raises(TextError, match="nothing to predict"):
        model.score(text)


@pytest.mark.parametrize("separator", ["\n", "·"])
def test_the_corpus_is_evaluated_like_its_text(make_checkpoint, tmp_path, separator):
    """The validation part beside a model has the score of a file with its documents."""
    source = tmp_path / "source.txt"
    source.write_text(separator.join([*DOCUMENTS, "abcde "] * 5))
    corpus = build_corpus(tmp_path, [str(source)], CorpusOptions(separator=separator, val="0.3"))
    checkpoint = make_checkpoint(
        characters=corpus.vocabulary.characters, separator=separator, scale=2.0
    )
    network = Predictor(checkpoint.config, checkpoint.arrays)
    found = evaluate_corpus(network, checkpoint.vocabulary, tmp_path)
    text = corpus.vocabulary.decode(corpus.val[1:])
    assert found == evaluate_text(network, checkpoint.vocabulary, [text])
    assert found.num_bytes == len(text.encode())
