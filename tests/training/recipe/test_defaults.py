"""What the recipe fills in, and what it leaves alone."""

import dataclasses

import pytest

from charrnn.errors import ConfigError
from charrnn.training.recipe.defaults import (
    DEFAULT_SECONDS,
    MAX_NETWORKS,
    MIN_STEPS,
    MOST_EPOCHS,
    Throughput,
    macs_per_char,
    resolve,
)
from charrnn.training.recipe.settings import Recipe, Settings


def test_what_the_user_fixed_is_unchanged() -> None:
    """Every setting that is given comes back as it is."""
    settings = Settings(
        time=12.5, steps=7, epochs=2.0, cell="gru", hidden_size=33, num_layers=2,
        embedding_size=9, num_networks=3, dropout=0.25, batch_size=3, seq_length=11,
        learning_rate=0.125, clip=0.5, optimizer="sgd", seed=5, memory=900, device="cpu",
        precision="float32", threads=1,
    )  # fmt: skip
    recipe = resolve(settings, num_chars=10_000, vocab_size=50)
    for name in ("cell", "hidden_size", "num_layers", "embedding_size", "num_networks"):
        assert getattr(recipe.model, name) == getattr(settings, name)
    for name in recipe.to_json().keys() - {"init_from", "processes"}:
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
        ({"time": -1.0}, "`time`"),
        ({"time": float("nan")}, "`time`"),
        ({"steps": 0}, "`steps`"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"seq_length": 0}, "`seq_length`"),
        ({"learning_rate": float("inf")}, "`learning_rate`"),
        ({"clip": -0.5}, "`clip`"),
        ({"dropout": 1.0}, "`dropout`"),
        ({"dropout": -0.1}, "`dropout`"),
        ({"optimizer": "adagrad"}, "`optimizer`"),
        ({"device": "tpu"}, "`device`"),
        ({"precision": "float16"}, "`precision`"),
        ({"seed": -1}, "`seed`"),
        ({"threads": 0}, "`threads`"),
    ],
)
def test_a_setting_out_of_range_is_named(settings: dict[str, object], option: str) -> None:
    """A value out of range is refused with the name of its option."""
    with pytest.raises(ConfigError, match=option):
        Settings(**settings)  # type: ignore[arg-type]


def test_dropout_grows_with_the_epochs_that_fit() -> None:
    """What is read four times or less is not dropped; more reading never means less dropout."""
    settings = [Settings(epochs=epochs) for epochs in (0.5, 4, 8, 16, 32, 64, 128, 10**6)]
    shares = [resolve(each, num_chars=10**6, vocab_size=65).dropout for each in settings]
    assert shares[:2] == [0, 0]
    assert 0 < shares[2] < 0.1
    assert shares == sorted(shares)
    assert shares[-1] == 0.5


def networks(**given: object) -> int:
    """Return how many networks a recipe has for a million characters."""
    throughput = given.pop("throughput", None)
    recipe = resolve(Settings(**given), num_chars=10**6, vocab_size=65, throughput=throughput)  # type: ignore[arg-type]
    return recipe.model.num_networks


def test_each_core_trains_a_network_and_time_makes_them_more() -> None:
    """One for each core, up to a limit; never fewer with more time; steps have nothing to do."""
    assert [networks(time=90, throughput=Throughput(threads=n)) for n in (1, 2, 4, 64)] == [
        1,
        2,
        4,
        4,
    ]
    by_time = [networks(time=seconds) for seconds in (1, 30, 90, 300, 600, 3600, 10**6)]
    assert by_time == sorted(by_time)
    assert by_time[:3] == [1, 1, 2]
    assert by_time[-1] == MAX_NETWORKS
    assert networks(steps=10) == networks(steps=10**7) == 2
    assert networks(time=10**6, num_networks=1) == 1


def test_networks_leave_no_thread_to_waste() -> None:
    """Networks share threads evenly, and at most a fifth of the threads idles."""
    for threads in range(1, 65):
        for seconds in (90, 10**6):
            number = networks(time=seconds, throughput=Throughput(threads=threads))
            assert number <= MAX_NETWORKS
            used = threads if number > threads else number * (threads // number)
            assert used >= 0.8 * threads, (threads, number)
    assert networks(time=90, throughput=Throughput(threads=6)) == 3


def test_noise_of_a_measurement_rarely_changes_the_recipe() -> None:
    """A measurement 30 % off gives the same rounded throughput as the usual machine."""
    usual = Throughput()
    for factor in (0.75, 1.0, 1.3):
        assert Throughput(usual.macs_per_second * factor).rounded() == usual
    assert Throughput(usual.macs_per_second * 7).rounded().macs_per_second > 150e9


@pytest.mark.parametrize(
    "values", [{"batch_size": "16"}, {"seed": 1.5}, {"steps": True}, {"cell": 3}]
)
def test_a_setting_of_another_type_is_named(values: dict[str, object]) -> None:
    """Settings, and so the recipe of a state file, check types."""
    with pytest.raises(ConfigError, match=f"`{next(iter(values))}`: .* is not "):
        Settings(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values", [{"batch_size": "16"}, {"learning_rate": None}, {"steps": None}, {"seed": -1}]
)
def test_a_recipe_has_no_gaps(values: dict[str, object]) -> None:
    """A recipe without a value, or without an end, is refused."""
    recipe = resolve(Settings(steps=5), num_chars=1000, vocab_size=9)
    with pytest.raises(ConfigError, match=f"`{next(iter(values))}`"):
        dataclasses.replace(recipe, **values)  # type: ignore[arg-type]


def test_longer_runs_are_embedded_where_nothing_is_read_often() -> None:
    """Pairs alone of a short text; of a long one the longer, the less often it is read."""
    few, many = (
        [
            resolve(Settings(time=seconds), num_chars=num_chars, vocab_size=65).model.ngrams
            for num_chars in (10**5, 10**6, 10**8)
        ]
        for seconds in (1, 300)
    )
    assert (few, many) == ([2, 4, 4], [2, 3, 4])
    given = Settings(time=1, ngrams=1)
    assert resolve(given, num_chars=10**6, vocab_size=65).model.ngrams == 1


def test_the_learning_rate_is_that_of_the_optimizer_and_the_text() -> None:
    """One for all cells with Muon, twice as high for a short text; one for each with AdamW."""

    def rates(num_chars: int, **given: object) -> list[float]:
        settings = [Settings(cell=cell, **given) for cell in ("lstm", "mingru", "rnn")]  # type: ignore[arg-type]
        recipes = [resolve(each, num_chars=num_chars, vocab_size=65) for each in settings]
        return [recipe.learning_rate for recipe in recipes]

    assert rates(10**6) == [8e-3] * 3
    assert rates(10**5) == [16e-3] * 3
    assert (
        rates(10**5, optimizer="adamw") == rates(10**6, optimizer="adamw") == [8e-3, 4e-3, 1.5e-3]
    )
    assert rates(10**5, optimizer="sgd", learning_rate=0.5) == [0.5] * 3


def test_a_faster_machine_reads_more_and_drops_more() -> None:
    """What fits into the time is what the machine can do, not what another one could."""
    slow, fast = (
        resolve(
            Settings(time=60, num_networks=2),
            num_chars=10**6,
            vocab_size=65,
            throughput=Throughput(macs_per_second),
        )
        for macs_per_second in (10e9, 100e9)
    )
    assert slow.dropout < fast.dropout


def test_a_short_text_is_not_read_for_ever() -> None:
    """Where the time would do for more, the passes over the text are limited; never otherwise."""
    short = resolve(Settings(time=600), num_chars=10_000, vocab_size=65)
    assert (short.time, short.epochs) == (600, MOST_EPOCHS)
    assert resolve(Settings(time=600), num_chars=10**6, vocab_size=65).epochs is None
    assert resolve(Settings(time=600, epochs=7), num_chars=10_000, vocab_size=65).epochs == 7
    assert resolve(Settings(steps=10**6), num_chars=10_000, vocab_size=65).epochs is None


def test_products_are_those_of_the_matrices() -> None:
    """One layer, counted by hand; how many networks there are is another matter."""
    sizes = {"hidden_size": 10, "embedding_size": 7, "num_layers": 1, "num_networks": 3}
    recipe = resolve(Settings(cell="lstm", **sizes), num_chars=1000, vocab_size=5)  # type: ignore[arg-type]
    assert macs_per_char(recipe.model) == 4 * 10 * 7 + 4 * 10 * 10 + 5 * 10


H100 = Throughput(2e12, threads=1, streams=256)


def on_gpu(num_chars: int = 10**6, **given: object) -> Recipe:
    """Return the recipe for a GPU."""
    return resolve(Settings(**given), num_chars=num_chars, vocab_size=65, throughput=H100)  # type: ignore[arg-type]


def test_a_gpu_trains_wider_networks_on_more_streams() -> None:
    """As far as time and text allow; what the user fixed is left alone."""
    recipe = on_gpu(time=60)
    assert (recipe.model.hidden_size, recipe.batch_size) == (512, 256)
    assert recipe.dropout > resolve(Settings(time=60), num_chars=10**6, vocab_size=65).dropout
    assert on_gpu(time=1).batch_size < 64
    for num_chars, *widths in [(20_000, 256, 256), (10**6, 512, 512), (10**9, 512, 1024)]:
        found = [on_gpu(num_chars, time=seconds).model.hidden_size for seconds in (60, 1200)]
        assert found == widths
    assert on_gpu(10**9, time=10).model.hidden_size == 256
    assert on_gpu(10**6, time=10**4).model.num_networks == MAX_NETWORKS
    assert on_gpu(10**7, time=10**4).model.num_networks == 1
    given = on_gpu(time=60, hidden_size=40, batch_size=5)
    assert (given.model.hidden_size, given.batch_size) == (40, 5)
    assert given.dropout < recipe.dropout


def test_a_gpu_still_makes_enough_updates() -> None:
    """Streams grow no further than leaves ``MIN_STEPS`` steps, and never below the usual."""
    for seconds in (1, 5, 15, 60, 600):
        recipe = on_gpu(time=seconds)
        read = min(seconds * H100.chars_per_second(recipe.model), MOST_EPOCHS * 10**6)
        steps = read / (recipe.batch_size * recipe.seq_length)
        assert steps >= MIN_STEPS or recipe.batch_size == 16


def test_a_gpu_reads_short_documents_in_more_streams_too() -> None:
    """A step has as many characters whatever the length of documents."""
    whole = on_gpu(time=60)
    names = resolve(
        Settings(time=60), num_chars=10**6, vocab_size=65, num_documents=10**5, throughput=H100
    )
    assert names.batch_size * 10 == pytest.approx(whole.batch_size * 64, rel=0.1)
