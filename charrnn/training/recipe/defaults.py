"""What a user leaves open, chosen: sizes, number of networks, dropout, learning rate, budget.

The choices were made by measuring, over texts of several kinds; see docs/experiments.md.

Sizes: B streams, T time steps, V vocabulary, E embedding, H hidden units, L layers, N characters.
"""

import math
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from charrnn.memory.index import DEFAULT_CHARS
from charrnn.model.cells.registry import cell_spec
from charrnn.model.cells.spec import CellSpec
from charrnn.model.config import ModelConfig, parameter_shapes
from charrnn.training.recipe.settings import Recipe, Settings

Value = TypeVar("Value")

DEFAULT_SECONDS = 300.0
SHORT_TEXT = 400_000  # characters; below this size, trigrams fit noise
MAX_NETWORKS = 4  # with more, `sample` is slow
MAX_WEIGHTS = MAX_NETWORKS * 2**2  # of all networks, in those of a usual one: four twice as wide
FEW_EPOCHS = 3.5  # of one network on one core; below, one network on all cores learns more
SOME_EPOCHS = 6  # of one network on one core; up to here 4-grams help
ENOUGH_EPOCHS = 12  # of one network; from about twice as many on, more networks learn more
MOST_EPOCHS = 60  # after these a network knows the text by heart, whatever the dropout

WIDTHS = (4, 2)  # times the usual number of hidden units, on a device that is fast enough
WIDE_TEXT = 100_000  # characters, times the square of the width; of fewer it learns too much
WIDE_EPOCHS = 8  # of a wide network; with fewer it learns less than a narrow one,
WIDE_READING = 60  # unless it reads so many characters for each of its weights, which is a guess

STREAMS, USUAL_LENGTH = 16, 64  # B and T of a text that is long enough
MIN_STEPS = 2000  # a device that could read more streams at once still makes so many updates

INDEXED_PER_SECOND = 100_000  # characters of the memory for each second of the budget

MUON_RATE = 8e-3  # for any cell; a short text, with embedded bigrams only, takes twice that


@dataclass(frozen=True)
class Throughput:
    """What a machine can do.

    Attributes:
        macs_per_second: Weights that one network multiplies each second in training, on one thread;
            see ``measure_throughput``.
        threads: How many of those there are.
        streams: How many streams a network reads at that speed; a GPU is idle with few.
    """

    macs_per_second: float = 25e9
    threads: int = 2
    streams: int = STREAMS

    def rounded(self) -> Self:
        """Return the throughput to the nearest power of two times that of a laptop.

        A noisy measurement then rarely changes the recipe.
        """
        usual = Throughput.macs_per_second
        return replace(
            self, macs_per_second=usual * 2.0 ** round(math.log2(self.macs_per_second / usual))
        )

    def of_several(self, processes: int, parallel: str) -> Self:
        """Return the throughput of several such processes that share networks or streams."""
        if parallel == "data":
            return replace(
                self,
                macs_per_second=processes * self.macs_per_second,
                streams=processes * self.streams,
            )
        return replace(self, threads=processes * self.threads)

    def __str__(self) -> str:
        """Return the throughput for users."""
        return f"{self.macs_per_second:.1e} multiply-adds/s per thread, {self.threads} threads"

    def chars_per_second(self, config: ModelConfig) -> float:
        """Return how many characters one network reads in training, on one thread."""
        return self.macs_per_second / macs_per_char(config)


def resolve(
    settings: Settings,
    *,
    num_chars: int,
    vocab_size: int,
    num_documents: int = 0,
    throughput: Throughput | None = None,
    processes: int = 1,
) -> Recipe:
    """Choose what the settings leave open; what they fix is in the recipe unchanged.

    Args:
        settings: What the user fixed.
        num_chars: Characters to train on, N.
        vocab_size: Characters in the vocabulary, V.
        num_documents: Documents to train on; 0 for a text in one piece.
        throughput: Throughput of one process; by default that of two laptop cores.
        processes: How many share the work, as ``settings.parallel`` says.

    Raises:
        ConfigError: If a size is out of range.
    """
    throughput = (throughput or Throughput()).of_several(processes, settings.parallel)
    seq_length = settings.seq_length or max(1, min(USUAL_LENGTH, num_chars // 8))
    is_open = settings.time is None and settings.steps is None and settings.epochs is None
    seconds = DEFAULT_SECONDS if is_open else settings.time
    width, model = _default_width(settings, throughput, seconds, num_chars, vocab_size)
    streams = _default_streams(throughput, model, seconds, seq_length, num_chars)
    batch_size = settings.batch_size or _default_batch_size(
        streams, num_chars, seq_length, num_documents
    )
    # How often one network on one thread would read the text.
    limits = [
        settings.epochs,
        None if settings.steps is None else settings.steps * batch_size * seq_length / num_chars,
        None if seconds is None else seconds * throughput.chars_per_second(model) / num_chars,
    ]
    epochs = min(limit for limit in limits if limit is not None)
    num_networks = settings.num_networks
    if num_networks is None:
        is_timed = seconds is not None and epochs == limits[2]
        num_networks = _default_num_networks(throughput.threads, epochs if is_timed else None)
        num_networks = min(num_networks, MAX_WEIGHTS // width**2)
        if settings.parallel == "ensemble":  # each process trains as many as every other
            num_networks = -(-num_networks // processes) * processes
    if seconds is not None:
        epochs /= max(1.0, num_networks / throughput.threads)
    most_epochs = None
    if seconds is not None and settings.steps is None and epochs > MOST_EPOCHS:
        most_epochs = epochs = float(MOST_EPOCHS)
    return Recipe(
        time=seconds,
        steps=settings.steps,
        epochs=_given(settings.epochs, most_epochs),
        model=replace(
            model,
            num_networks=num_networks,
            ngrams=_given(settings.ngrams, _default_ngrams(num_chars, epochs)),
        ),
        memory=_given(settings.memory, _default_memory(seconds)),
        # A network of twice the width knows a text by heart four times as early.
        dropout=_given(settings.dropout, _default_dropout(epochs * width**2)),
        batch_size=batch_size,
        seq_length=seq_length,
        learning_rate=_given(
            settings.learning_rate,
            _default_learning_rate(model.spec, settings.optimizer, num_chars),
        ),
        clip=settings.clip,
        optimizer=settings.optimizer,
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        threads=settings.threads,
        parallel=settings.parallel,
        processes=processes,
    )


def macs_per_char(config: ModelConfig) -> int:
    """Return how many weights of a network are multiplied for each character that it reads."""
    return sum(
        math.prod(shape)
        for name, shape in parameter_shapes(config.one_network).items()
        if len(shape) == 2 and not name.startswith(("embedding", "ngrams"))
    )


def _default_width(
    settings: Settings,
    throughput: Throughput,
    seconds: float | None,
    num_chars: int,
    vocab_size: int,
) -> tuple[int, ModelConfig]:
    """Return how many times as wide as usual a network is, and its sizes.

    It is the widest of ``WIDTHS`` that the text is long enough for and the device fast enough. A
    second layer instead would bring less for the same arithmetic.
    """
    if throughput.streams > STREAMS and seconds is not None and settings.hidden_size is None:
        for width in WIDTHS:
            wide = _default_model(settings, num_chars, vocab_size, width)
            num_read = seconds * throughput.chars_per_second(wide)
            enough = min(WIDE_EPOCHS * num_chars, WIDE_READING * macs_per_char(wide))
            if num_chars >= WIDE_TEXT * width**2 and num_read >= enough:
                return width, wide
    return 1, _default_model(settings, num_chars, vocab_size, width=1)


def _default_model(settings: Settings, num_chars: int, vocab_size: int, width: int) -> ModelConfig:
    """Return the sizes of a network, where they are open of the usual width times a factor."""
    spec = cell_spec(_given(settings.cell, "lstm"))
    block = _given(settings.block, spec.block)
    hidden_size = _given(settings.hidden_size, width * spec.hidden_size(num_chars))
    return ModelConfig(
        vocab_size=vocab_size,
        cell=_given(settings.cell, "lstm"),
        nonlinearity=_given(settings.nonlinearity, "tanh"),
        block=block,
        embedding_size=_given(settings.embedding_size, hidden_size if block == "residual" else 128),
        hidden_size=hidden_size,
        num_layers=_given(settings.num_layers, spec.num_layers),
    )


def _default_streams(
    throughput: Throughput,
    model: ModelConfig,
    seconds: float | None,
    seq_length: int,
    num_chars: int,
) -> int:
    """Return how many streams of a long text a step reads: more where the device would idle."""
    if seconds is None:
        return STREAMS
    epochs = min(seconds * throughput.chars_per_second(model) / num_chars, MOST_EPOCHS)
    affordable = int(epochs * num_chars / (seq_length * MIN_STEPS))
    return max(STREAMS, min(throughput.streams, affordable))


def _default_batch_size(streams: int, num_chars: int, seq_length: int, num_documents: int) -> int:
    """Return the number of streams; a short text still gets a few windows an epoch in each.

    Windows are as wide as the documents that they hold, so short documents are read by more
    streams: a step has about as many characters whatever the text.
    """
    if num_documents:
        streams = streams * USUAL_LENGTH // max(1, min(seq_length, num_chars // num_documents))
        seq_length = min(seq_length, max(1, num_chars // num_documents))
    return max(1, min(streams, num_chars // (4 * seq_length)))


def _default_num_networks(threads: int, epochs: float | None) -> int:
    """Return the number of networks: one per thread, up to ``MAX_NETWORKS``.

    Short of time there is one network on all threads. With time for several passes of
    ``ENOUGH_EPOCHS``, threads train several networks in turn. ``epochs`` is the number of passes
    that one network on one thread has time for; None if time does not limit the run.
    """
    if epochs is None:
        return _networks_at_once(threads)
    if epochs < FEW_EPOCHS:
        return 1
    networks = _networks_at_once(threads)
    if networks < threads:
        return networks  # each has more than one thread already
    rounds = max(1, round(epochs / ENOUGH_EPOCHS))
    return networks * min(rounds, MAX_NETWORKS // networks)


def _networks_at_once(threads: int) -> int:
    """Return the most networks that share the threads evenly, at most 20 % of them idle."""
    return max(
        n for n in range(1, MAX_NETWORKS + 1) if 5 * (threads - threads % n) >= 4 * threads >= 4 * n
    )


def _default_ngrams(num_chars: int, epochs: float) -> int:
    """Return the longest run of characters with an embedding.

    A network memorises longer runs sooner, which does no harm if it reads nothing often.
    """
    if num_chars < SHORT_TEXT:
        return 2
    return 4 if epochs < SOME_EPOCHS else 3


def _default_memory(seconds: float | None) -> int:
    """Return how many characters to remember: an index of more would take over 3 % of the time."""
    return (
        DEFAULT_CHARS if seconds is None else min(DEFAULT_CHARS, int(INDEXED_PER_SECOND * seconds))
    )


def _default_learning_rate(spec: CellSpec, optimizer: str, num_chars: int) -> float:
    """Return the highest learning rate."""
    if optimizer == "muon":
        return 2 * MUON_RATE if num_chars < SHORT_TEXT else MUON_RATE
    return spec.adamw_rate if optimizer == "adamw" else 2e-3


def _default_dropout(epochs: float) -> float:
    """Return a dropout that fits how often a network reads the text.

    One that reads it four times or less cannot learn it by heart; from then on some more for each
    doubling, up to a half.
    """
    return round(min(max(0.07 * math.log2(max(epochs, 1e-9) / 4.3), 0.0), 0.5), 2)


def _given(value: Value | None, otherwise: Value) -> Value:
    """Return a value, or another where none is given."""
    return otherwise if value is None else value
