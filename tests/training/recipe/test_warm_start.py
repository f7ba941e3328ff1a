"""A model's weights under another vocabulary mean what they meant, character by character."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn.corpus.decode import Decoding
from charrnn.corpus.options import CorpusOptions
from charrnn.errors import ConfigError
from charrnn.library import load
from charrnn.model.checkpoint import read_checkpoint, write_checkpoint
from charrnn.model.config import parameter_shapes
from charrnn.model.ngram_embedding import ngram_rows
from charrnn.model.predictor import Predictor
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.api import train
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings
from charrnn.training.recipe.warm_start import (
    describe_transfer,
    recipe_from,
    settings_from,
    transfer,
)

OLD = "\n abcdexyz"


def carried_over(
    source: Any, vocabulary: Vocabulary, seed: int = 1, text: str = ""
) -> tuple[Any, dict]:
    """Return the sizes and weights of a model for another vocabulary and a text."""
    settings = settings_from(source, Settings(steps=1), is_bytes=False)
    recipe = resolve(settings, num_chars=99, vocab_size=vocabulary.size)
    recipe = recipe_from(source, recipe, "model")
    rng = np.random.default_rng(seed)
    fresh = {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in parameter_shapes(recipe.model).items()
    }
    return recipe.model, transfer(source, recipe.model, vocabulary, fresh, vocabulary.encode(text))


def scores(config: Any, arrays: Any, vocabulary: Vocabulary, text: str, of: str) -> np.ndarray:
    """Return the logits of the characters ``of`` after each character of a text."""
    network = Predictor(config, arrays)
    (recent,), *layers = network.initial_state(1)
    columns = vocabulary.look_up(of)
    # At the start of a text id 0 stands for what was before, which may be another character now.
    state = ((np.full_like(recent, columns[0]),), *layers)
    (logits,), _ = network.each_forward(vocabulary.encode(text)[None], state)
    return logits[0][:, columns]


@pytest.mark.parametrize("new", ["abcde", "\n abcdeXYZß漢", "dz", OLD + "!", OLD])
def test_shared_characters_keep_their_meaning(any_kind, make_checkpoint, new: str) -> None:
    """A text of shared characters gets the same logits for them, whatever their ids are now."""
    more = dict(any_kind)
    if "ngram_rows" in more and new != OLD:
        more["ngram_rows"] = 1 << 15  # where runs share rows, a row is not all one's own
    source = make_checkpoint(**more, characters=OLD, num_layers=2)
    vocabulary = Vocabulary("".join(sorted(new)))
    shared = "".join(sorted(set(new) & set(OLD)))
    text = (shared * 9)[::2][:20]
    config, arrays = carried_over(source, vocabulary, text=shared[0] * 9 + text)
    before = scores(source.config, source.arrays, source.vocabulary, text, shared)
    after = scores(config, arrays, vocabulary, text, shared)
    # BLAS adds a product of another width in another order.
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)


def test_new_characters_begin_as_in_a_new_model(make_checkpoint) -> None:
    """Rows of new characters are those of the new model; runs with them begin as nothing."""
    source = make_checkpoint("gru", ngrams=2, characters="ab")
    vocabulary = Vocabulary("bß")
    config, arrays = carried_over(source, vocabulary, seed=5)
    _, others = carried_over(source, vocabulary, seed=6)
    for name in ("embedding.weight", "output.weight", "output.bias"):
        assert (arrays[name][0] == others[name][0]).all()
        assert (arrays[name][1] != others[name][1]).all()
    np.testing.assert_array_equal(arrays["ngrams.2.weight"][1:], 0)
    assert config.vocab_size == 2


def test_the_unknown_symbol_goes_with_the_unknown_symbol(make_checkpoint) -> None:
    """Where both have one its row is kept; where the new one has none it is dropped."""
    source = make_checkpoint("gru", characters="abc", has_unknown=True)
    _, arrays = carried_over(source, Vocabulary("ac", has_unknown=True))
    np.testing.assert_array_equal(arrays["output.bias"], source.arrays["output.bias"][[0, 2, 3]])
    _, arrays = carried_over(source, Vocabulary("ac"))
    np.testing.assert_array_equal(arrays["output.bias"], source.arrays["output.bias"][[0, 2]])


def test_the_end_symbol_goes_with_the_end_symbol(make_checkpoint) -> None:
    """The end of documents keeps its meaning, whatever separates them in the text."""
    source = make_checkpoint("gru", characters="abc", separator="\n")
    _, arrays = carried_over(source, Vocabulary("ac", separator="--"))
    np.testing.assert_array_equal(arrays["output.bias"], source.arrays["output.bias"][[0, 2, 3]])


def test_what_is_kept_and_dropped_is_said() -> None:
    """Lines name the characters, the first of many."""
    lines = describe_transfer(Vocabulary("\nabc"), Vocabulary("bcß漢"))
    assert lines == [
        "2 of 4 characters are known to the model",
        "2 new to it: ß 漢",
        "2 not in the text and dropped: \\n a",
    ]
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 30)))
    assert describe_transfer(Vocabulary("a"), Vocabulary(many))[1].endswith(" and 10 more")
    assert describe_transfer(Vocabulary("ab"), Vocabulary("ab")) == [
        "2 of 2 characters are known to the model"
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hidden_size": 99}, "`hidden_size`: the model of `init_from` has 5, not 99"),
        ({"cell": "gru"}, "`cell`: the model of `init_from` has lstm, not gru"),
        ({"num_layers": 4}, "`num_layers`: the model of `init_from` has 1, not 4"),
        ({"block": "residual"}, "`block`: the model of `init_from` has plain, not residual"),
    ],
    ids=str,
)
def test_another_architecture_is_refused(make_checkpoint, given: dict, message: str) -> None:
    """An option that contradicts the model is refused; one that repeats it is not."""
    source = make_checkpoint("lstm")
    with pytest.raises(ConfigError, match=message):
        settings_from(source, Settings(**given), is_bytes=False)
    assert settings_from(source, Settings(cell="lstm"), is_bytes=False).hidden_size == 5


def test_bytes_are_no_characters(make_checkpoint, tmp_path: Path) -> None:
    """A model of bytes needs a text of bytes, and the other way round."""
    for is_bytes, advice in [(True, "add `as_bytes`"), (False, "drop `as_bytes`")]:
        source = make_checkpoint("rnn", is_bytes=is_bytes)
        write_checkpoint(tmp_path / "m.safetensors", source)
        (tmp_path / "text.txt").write_text("abc " * 30)
        options = CorpusOptions(decoding=Decoding(is_bytes=not is_bytes))
        with pytest.raises(ConfigError, match=advice):
            train(
                [str(tmp_path / "text.txt")],
                out=tmp_path / "run",
                options=options,
                init_from=tmp_path / "m.safetensors",
            )
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("shared", [3, 80])
def test_runs_of_three_and_four_are_matched(make_checkpoint, shared: int) -> None:
    """However many characters are shared, every run of the text keeps its own row."""
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + shared)))
    source = make_checkpoint("gru", ngrams=4, ngram_rows=1 << 20, characters=characters)
    vocabulary = Vocabulary("ß" + characters[:-1])
    text = (characters[:-1] * 2)[: shared + 3]
    config, arrays = carried_over(source, vocabulary, text=text + "ß" + text)
    new, old = (
        ngram_rows(each, kinds.encode(text)[:, None].astype(np.int64))
        for each, kinds in ((config, vocabulary), (source.config, source.vocabulary))
    )
    for length, new_rows, old_rows in zip((2, 3, 4), new, old, strict=True):
        name = f"ngrams.{length}.weight"
        np.testing.assert_array_equal(arrays[name][new_rows], source.arrays[name][old_rows])


def test_of_runs_that_share_a_row_the_most_frequent_decides(make_checkpoint) -> None:
    """The table of the new model has a single row for all pairs."""
    source = make_checkpoint("gru", ngrams=2, ngram_rows=1000, characters="abc")
    vocabulary = Vocabulary("ab")
    config = dataclasses.replace(source.config, vocab_size=2, ngram_rows=1)
    fresh = {name: np.zeros(shape, np.float32) for name, shape in parameter_shapes(config).items()}
    arrays = transfer(source, config, vocabulary, fresh, vocabulary.encode("ab" * 9 + "bb"))
    pair = source.vocabulary.encode("ab")[:, None].astype(np.int64)
    (row,) = ngram_rows(source.config, pair)
    name = "ngrams.2.weight"
    np.testing.assert_array_equal(arrays[name][0], source.arrays[name][row.item()])


@pytest.mark.slow
def test_a_start_from_a_model_is_ahead_of_a_fresh_one(tmp_path: Path) -> None:
    """After a few steps on a like text, what began with a model is better, and a run of its own."""
    (tmp_path / "one.txt").write_text("the sea sang to the boat and the boat to the sea. " * 40)
    (tmp_path / "two.txt").write_text("The boat sang; the sea, to the sand! " * 40)
    settings = Settings(
        steps=150, cell="gru", hidden_size=24, seq_length=16, batch_size=4, threads=1,
        learning_rate=0.01, dropout=0.0,
    )  # fmt: skip
    model = train([str(tmp_path / "one.txt")], out=tmp_path / "one", settings=settings).model
    short = Settings(steps=8, seq_length=16, batch_size=4, threads=1, learning_rate=0.003)
    begun = train(
        [str(tmp_path / "two.txt")], out=tmp_path / "two", settings=short, init_from=model
    )
    assert read_checkpoint(begun.model).config.hidden_size == 24
    fresh = Settings(
        steps=8, cell="gru", hidden_size=24, seq_length=16, batch_size=4, threads=1,
        learning_rate=0.003,
    )  # fmt: skip
    alone = train([str(tmp_path / "two.txt")], out=tmp_path / "alone", settings=fresh)
    text = "The boat sang; the sea, to the sand! " * 4
    losses = [load(each.model).score(text).nats_per_char_without_memory for each in (begun, alone)]
    assert losses[0] < losses[1] - 0.3
