"""What the recipe fills in, and what it leaves alone."""

import pytest

from charrnn.errors import ConfigError
from charrnn.training.recipe import DEFAULT_SECONDS, Settings, resolve


def test_what_the_user_fixed_is_unchanged() -> None:
    """Every setting that is given comes back as it is."""
    settings = Settings(
        time=12.5, steps=7, epochs=2.0, cell="gru", hidden_size=33, num_layers=2,
        embedding_size=9, dropout=0.25, batch_size=3, seq_length=11, learning_rate=0.125,
        clip=0.5, optimizer="sgd", seed=5, device="cpu", precision="float32", threads=1,
    )  # fmt: skip
    recipe = resolve(settings, num_chars=10_000, vocab_size=50)
    for name in ("cell", "hidden_size", "num_layers", "embedding_size"):
        assert getattr(recipe.model, name) == getattr(settings, name)
    for name in recipe.to_json():
        assert getattr(recipe, name) == getattr(settings, name), name


def test_without_a_limit_there_is_the_default_time() -> None:
    """A run that nobody limits takes five minutes; any other limit stands alone."""
    assert resolve(Settings(), num_chars=10_000, vocab_size=50).time == DEFAULT_SECONDS == 300
    assert resolve(Settings(steps=5), num_chars=10_000, vocab_size=50).time is None


@pytest.mark.parametrize("num_chars", [1, 2, 20, 180, 1000, 10**6, 10**9])
@pytest.mark.parametrize("vocab_size", [1, 2, 65, 8000])
def test_every_text_gets_a_recipe(num_chars: int, vocab_size: int) -> None:
    """However short the text, there is a stream and a window, and never more than the text."""
    recipe = resolve(Settings(), num_chars=num_chars, vocab_size=vocab_size)
    assert recipe.batch_size >= 1
    assert recipe.seq_length >= 1
    assert recipe.batch_size * recipe.seq_length <= max(num_chars, 1)


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"time": -1.0}, "--time"),
        ({"time": float("nan")}, "--time"),
        ({"steps": 0}, "--steps"),
        ({"batch_size": 0}, "--batch-size"),
        ({"seq_length": 0}, "--seq-length"),
        ({"learning_rate": float("inf")}, "--learning-rate"),
        ({"clip": -0.5}, "--clip"),
        ({"dropout": 1.0}, "--dropout"),
        ({"dropout": -0.1}, "--dropout"),
        ({"optimizer": "adagrad"}, "--optimizer"),
        ({"device": "tpu"}, "--device"),
        ({"precision": "float16"}, "--precision"),
        ({"seed": -1}, "--seed"),
        ({"threads": 0}, "--threads"),
    ],
)
def test_a_setting_out_of_range_is_named(settings: dict[str, object], option: str) -> None:
    """A value out of range is refused with the name of its option."""
    with pytest.raises(ConfigError, match=option):
        Settings(**settings)  # type: ignore[arg-type]


def test_dropout_grows_with_the_epochs_that_fit() -> None:
    """What is read three times or less is not dropped; more reading never means less dropout."""
    settings = [Settings(epochs=epochs) for epochs in (0.5, 3, 6, 12, 24, 48, 96, 1000)]
    shares = [resolve(each, num_chars=10**6, vocab_size=65).dropout for each in settings]
    assert shares[:3] == [0, 0, 0.1]
    assert shares == sorted(shares)
    assert shares[-1] == 0.5


def test_a_longer_text_has_a_wider_network() -> None:
    """The width never shrinks as the text grows."""
    lengths = (100, 10**4, 10**5, 10**6, 10**8)
    widths = [resolve(Settings(), num_chars=n, vocab_size=65).model.hidden_size for n in lengths]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_pairs_have_embeddings_where_each_has_a_row() -> None:
    """Pairs of characters are embedded as long as no two of them share a row."""
    by_size = {
        size: resolve(Settings(), num_chars=10**6, vocab_size=size).model.ngrams
        for size in (2, 65, 90, 91, 5000)
    }
    assert by_size == {2: 2, 65: 2, 90: 2, 91: 1, 5000: 1}
