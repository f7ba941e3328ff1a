"""Units that follow something: chosen on one half of a text, told of the other.

With hundreds of units and many features some pair always looks alike. So a unit is chosen for each
feature on the first half of a text. It is shown only if it scores higher on the second half than

- any unit does for the same feature when the feature is shifted against the text, in a circle, by a
  random distance (``NUM_SHIFTS`` of these: a shift keeps how features and units go on from
  character to character, which a random order would destroy);
- any unit of the same networks with shuffled weights, which learned nothing;
- the feature guessed from the last three characters.

Then the unit is held at its mean, so that it tells nothing, and the loss says what breaks.

Sizes: N places, H units of a layer, F features.

References:
    A. Karpathy et al., Visualizing and understanding recurrent networks, 2015, arXiv:1506.02078.
    A. Morcos et al., On the importance of single directions, 2018, arXiv:1803.06959 (ablation).
    J. Hewitt and P. Liang, Designing and interpreting probes with control tasks, 2019.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn.errors import TextError
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.surprise import measure
from charrnn.insight.features import Feature
from charrnn.insight.ranks import (
    Scores,
    feature_columns,
    guess_from_last,
    scores,
    unit_ranks,
)
from charrnn.insight.reading import Progress, read_units, silent
from charrnn.insight.text import Text
from charrnn.insight.watch import Watched
from charrnn.model.cells.spec import Array
from charrnn.model.config import ModelConfig
from charrnn.model.predictor import Predictor
from charrnn.model.units import Unit, hold_units
from charrnn.processors import num_processors

NUM_SHIFTS = 200
LEAST_SHIFT = 1000
LEAST_CHARS = 8 * LEAST_SHIFT
LEAST_PLACES = 50  # in each half at which a feature holds, and at which it does not
LEAST_STRETCHES = 5  # in each half over which it holds
NUM_BROKEN = 3

Units = Sequence[npt.NDArray[np.float16]]


@dataclass(frozen=True, kw_only=True)
class Following:
    """A unit that follows a feature.

    Attributes:
        unit: The unit.
        feature: The feature.
        sign: 1 if the unit is high where the feature holds, -1 if it is low there.
        score: How well it tells the feature, on the half on which it was not chosen.
        chance: The highest score of any unit for shifted features there.
        untrained: The highest score of any unit of shuffled networks there.
        last_three: The score there of the feature guessed from the last three characters.
        mean: The mean of the unit on the first half.
        where: How much more the next character surprises where the feature holds if the unit is
            held at its mean, in nats. Where a number is above its median.
        elsewhere: The same elsewhere.
        broken: The characters whose losses grow most, with their shares of the growth.
    """

    unit: Unit
    feature: Feature
    sign: int
    score: float
    chance: float
    untrained: float
    last_three: float
    mean: float
    where: float
    elsewhere: float
    broken: tuple[tuple[str, float], ...]

    @property
    def auc(self) -> float | None:
        """The probability that the unit is higher at a place where a yes-or-no feature holds."""
        return None if self.feature.is_number else (1 + self.score) / 2


@dataclass(frozen=True)
class Search:
    """What a search for units found.

    Attributes:
        found: The units, the one furthest above the last three characters first.
        tried: The names of the features that were looked for.
        left_out: The names of those that are too rare in the text.
        units: The output of each unit at each place, by layer; see ``Reading``.
    """

    found: list[Following]
    tried: list[str]
    left_out: list[str]
    units: Units


class _Choice(NamedTuple):
    """The unit that was chosen for a feature, given by its number; see ``Following``."""

    number: int
    unit: Unit
    sign: int
    score: float
    last_three: float


def find_units(
    config: ModelConfig,
    arrays: Mapping[str, Array],
    text: Text,
    features: Sequence[Feature],
    progress: Progress = silent,
) -> Search:
    """Find the units that follow features of a text.

    Raises:
        TextError: If the text is too short.
    """
    num = len(text.ids)
    if num < LEAST_CHARS:
        raise TextError(
            f"the text has {num:,} characters; the search for units takes {LEAST_CHARS:,} or more"
        )
    half = num // 2
    is_usable = [_is_usable(feature, half) for feature in features]
    usable = [each for each, is_good in zip(features, is_usable, strict=True) if is_good]
    left_out = [each.name for each, good in zip(features, is_usable, strict=True) if not good]
    first, second = slice(0, half), slice(half, num)
    rng = np.random.default_rng(0)
    models = [Watched(config, weights) for weights in (arrays, shuffle_weights(arrays, rng))]
    with ThreadPoolExecutor(num_processors()) as threads:
        reports = [lambda share: progress(0.6 * share), silent]
        readings = threads.map(lambda m, p: read_units(m, text, progress=p).units, models, reports)
        units, shuffled = readings
    if not usable:
        return Search([], [], left_out, units)
    columns = feature_columns(usable, second)
    by_layer = _layer_scores(shuffled, columns, second)
    untrained = np.max([np.abs(layer).max(axis=0) for layer in by_layer], axis=0)
    del shuffled, readings
    on_first = _layer_scores(units, feature_columns(usable, first), first)
    ranks = [unit_ranks(layer[second]) for layer in units]
    on_second = [scores(layer, columns) for layer in ranks]
    progress(0.7)
    chosen: list[_Choice] = []
    for number, feature in enumerate(usable):
        unit, sign = _best(on_first, number)
        score = sign * float(on_second[unit.layer][unit.number, number])
        guess = guess_from_last(text.shown, feature, half)
        last_three = _score_of(guess, feature, second)
        if score > max(float(untrained[number]), last_three):
            chosen.append(_Choice(number, unit, sign, score, last_three))
    progress(0.75)
    chance = _chance(ranks, columns[:, [each.number for each in chosen]], rng).tolist()
    progress(0.85)
    base = _losses(config, arrays, text, second, {})
    found = []
    kept = [pair for pair in zip(chosen, chance, strict=True) if pair[0].score > pair[1]]
    for done, (each, limit) in enumerate(kept):
        unit, feature = each.unit, usable[each.number]
        mean = float(units[unit.layer][first, unit.number].mean(dtype=np.float64))
        grown = _losses(config, arrays, text, second, {unit: mean}) - base
        where, elsewhere, broken = _ablated(text, feature, half, grown)
        found.append(
            Following(
                unit=unit,
                feature=feature,
                sign=each.sign,
                score=each.score,
                chance=limit,
                untrained=float(untrained[each.number]),
                last_three=each.last_three,
                mean=mean,
                where=where,
                elsewhere=elsewhere,
                broken=broken,
            )
        )
        progress(0.85 + 0.15 * (done + 1) / len(kept))
    found.sort(key=lambda each: each.last_three - each.score)
    return Search(found, [feature.name for feature in usable], left_out, units)


def shuffle_weights(arrays: Mapping[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """Return weights in random order: networks of the same sizes and scales that know nothing."""
    return {
        name: rng.permuted(array.ravel()).reshape(array.shape) for name, array in arrays.items()
    }


def _is_usable(feature: Feature, half: int) -> bool:
    """Return whether a feature occurs often enough in both halves."""
    for part in (feature.values[:half], feature.values[half:]):
        if feature.is_number:
            if len(np.unique(part)) < 2 or (part != 0).sum() < LEAST_PLACES:
                return False
            continue
        holds = part > 0
        stretches = int((np.diff(holds.astype(np.int8)) > 0).sum())
        least = min(int(holds.sum()), int((~holds).sum()))
        if least < LEAST_PLACES or stretches < LEAST_STRETCHES:
            return False
    return True


def _layer_scores(units: Units, columns: Scores, part: slice) -> list[Scores]:
    """Return the scores of the units of each layer on a part of the text, each (H, F)."""
    return [scores(unit_ranks(layer[part]), columns) for layer in units]


def _best(by_layer: list[Scores], feature: int) -> tuple[Unit, int]:
    """Return the unit of the highest score for a feature, either way, and its sign."""
    tops = [int(np.abs(layer[:, feature]).argmax()) for layer in by_layer]
    values = [float(layer[top, feature]) for layer, top in zip(by_layer, tops, strict=True)]
    layer = int(np.abs(values).argmax())
    return Unit(layer, tops[layer]), 1 if values[layer] >= 0 else -1


def _score_of(values: npt.NDArray[np.float64], feature: Feature, part: slice) -> float:
    """Return the score of any values, shape (N,), for a feature."""
    ranks = unit_ranks(values[:, None].astype(np.float16))
    return float(scores(ranks, feature_columns([feature], part))[0, 0])


def _chance(ranks: list[Scores], columns: Scores, rng: np.random.Generator) -> Scores:
    """Return the highest score of any unit for each feature, (F,), when features are shifted."""
    num, num_features = columns.shape
    highest = np.zeros(num_features, np.float32)
    if not num_features:
        return highest
    at_once = max(1, (1 << 24) // columns.size)  # 64 MB
    shifts = rng.integers(LEAST_SHIFT, num - LEAST_SHIFT, NUM_SHIFTS)
    for begin in range(0, NUM_SHIFTS, at_once):
        own = shifts[begin : begin + at_once]
        shifted = np.concatenate([np.roll(columns, shift, axis=0) for shift in own], axis=1)
        for layer in ranks:
            tops = np.abs(scores(layer, shifted)).max(axis=0).reshape(len(own), num_features)
            np.maximum(highest, tops.max(axis=0), out=highest)
    return highest


def _losses(
    config: ModelConfig,
    arrays: Mapping[str, Array],
    text: Text,
    part: slice,
    held: Mapping[Unit, float],
) -> npt.NDArray[np.float64]:
    """Return the loss of each character of a part by the networks, with units held at values."""
    predictor = Predictor(config, arrays, hold_units(config, held) if held else None)
    end_id = text.end_id if text.first else None
    ids = text.ids[part]
    if end_id is not None and ids[0] != end_id:  # every text of documents begins with an end
        ids = np.insert(ids, 0, end_id)
    nats = measure(Reader(predictor, end_id=end_id), ids).nats
    return nats[-len(text.ids[part]) :]


def _ablated(
    text: Text, feature: Feature, half: int, grown: npt.NDArray[np.float64]
) -> tuple[float, float, tuple[tuple[str, float], ...]]:
    """Return the mean growth of the loss where a feature holds and elsewhere, and what breaks."""
    values = feature.values[half:]
    holds = values > (np.median(values) if feature.is_number else 0)
    after, growth = holds[:-1], grown[1:]  # a unit acts on the loss of the next character
    growth = np.nan_to_num(growth)  # a few characters are not predicted
    where, elsewhere = (float(growth[part].sum() / max(part.sum(), 1)) for part in (after, ~after))
    codes, inverse = np.unique(text.ids[half + 1 :], return_inverse=True)
    sums = np.bincount(inverse, np.maximum(growth, 0), len(codes))
    total = float(sums.sum()) or 1.0
    most = np.argsort(-sums, kind="stable")[:NUM_BROKEN].tolist()
    places = [int(np.flatnonzero(inverse == code)[0]) + half + 1 for code in most]
    broken = [
        (text.shown[at], float(sums[code]) / total) for at, code in zip(places, most, strict=True)
    ]
    return where, elsewhere, tuple(broken)
