"""One prediction taken apart, as text and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from charrnn.insight.look import Prediction
from charrnn.insight.prediction import NUM_BACK, Candidate
from charrnn.memory.parts import LAST_CHARS, TRAINED
from charrnn.render.look.pen import Pen
from charrnn.units import nats_to_bits

NUM_LISTED = 6  # characters that wrote or moved the most
_CONTEXT_CHARS = 40


def prediction_lines(found: Prediction, pen: Pen) -> Iterator[str]:
    """Yield the lines on one prediction."""
    place, first = found.place, found.candidates[0]
    name = pen.name(first.id)
    rival = pen.name(found.candidates[1].id) if len(found.candidates) > 1 else "nothing"
    yield f"character {pen.text.number(place):,}: {name} after {pen.before(place, _CONTEXT_CHARS)}"
    bits = nats_to_bits(-float(np.log(max(first.prob, 1e-30))))
    yield f"probability {first.prob:.4f}, {bits:.2f} bits, {_rank(found)}"
    yield ""
    yield from _table(found.candidates, pen)
    yield ""
    yield f"Which part said {name}"
    yield from _parts(first, place, pen)
    yield ""
    yield f"What moved {name} against {rival}, in nats by the networks, had another character that"
    yield "they expected stood there"
    yield from _most(found.moved, place, pen)
    yield from pen.signed(found.moved, place - len(found.moved))
    yield ""
    if found.written is None or found.biases is None:
        yield f"When {name} was written"
        yield "  The last layer of this model is normalised or mixed, so what was written there"
        yield "  does not add up to the output. What moved it does hold."
        return
    for number, (steps, bias) in enumerate(zip(found.written, found.biases, strict=True)):
        of = f" of network {number}" if len(found.written) > 1 else ""
        total = float(steps.sum() + bias)
        yield f"When {name} was written against {rival} into the last layer{of}"
        yield f"  difference of the logits {total:+.3f}, of which the bias is {bias:+.3f}"
        yield from _most(steps, place, pen)
        last = steps[-NUM_BACK:]
        yield from pen.signed(last, place - len(last))


def _rank(found: Prediction) -> str:
    """Return how many characters are likelier, as words."""
    likelier = found.rank - 1
    if not likelier:
        return "the likeliest"
    if likelier == len(found.candidates) - 1:
        return f"{likelier} or more are likelier"
    return "one is likelier" if likelier == 1 else f"{likelier} are likelier"


def _table(found: Sequence[Candidate], pen: Pen) -> Iterator[str]:
    """Yield the candidates with what networks and memory add."""
    names = _network_names(len(found[0].networks))
    heads = ["probability", *names, "memory"]
    yield f"{'':8}" + "".join(f"{head:>13}" for head in heads)
    for each in found:
        memory = max(each.prob - sum(each.networks), 0.0)
        numbers = [each.prob, *each.networks, memory]
        yield f"{pen.name(each.id):8}" + "".join(f"{number:13.4f}" for number in numbers)


def _network_names(num: int) -> list[str]:
    """Return what networks are called."""
    return ["network"] if num == 1 else [f"network {number}" for number in range(num)]


def _parts(found: Candidate, place: int, pen: Pen) -> Iterator[str]:
    """Yield the parts of a probability with their evidence."""
    for name, value in zip(_network_names(len(found.networks)), found.networks, strict=True):
        yield f"  {value:.4f}  {name}"
    for part in found.contexts:
        yield f"  {part['adds']:.4f}  {_evidence(part, place, pen.name(found.id), pen)}"
    if found.rest >= 5e-5:
        yield f"  {found.rest:.4f}  all other contexts"


def _evidence(part: Mapping[str, Any], place: int, name: str, pen: Pen) -> str:
    """Return what a context of the memory saw, as a sentence."""
    context = str(part["context"])
    if context in LAST_CHARS:
        context = f"`{pen.before(place, LAST_CHARS[context])}`"
    times, of = part["times"], part["of"]
    if part["source"] == TRAINED:
        came = f"the training text has {context} {_times(part['stands'])}"
        looked = f"of {of} looked at, " if part["stands"] > of else ""
        return f"{came}, {looked}{times} followed by {name}"
    return (
        f"{context}, last read {part['ago']:,} characters ago: {times} of {of} followed by {name}"
    )


def _times(num: int) -> str:
    """Return how often."""
    return "once" if num == 1 else f"{num:,} times"


def _most(values: Any, place: int, pen: Pen) -> Iterator[str]:
    """Yield the characters before a place that count most, the nearest first."""
    most = np.argsort(-np.abs(values), kind="stable")[:NUM_LISTED]
    for at in sorted(most.tolist(), reverse=True):
        back = len(values) - at
        character = pen.name(int(pen.text.ids[place - back]))
        yield f"  {values[at]:+8.3f}  {character:8} {back} back"


def prediction_json(found: Prediction, pen: Pen) -> dict[str, Any]:
    """Return one prediction as an object."""

    def named_values(values: Any) -> list[list[Any]]:
        begin = found.place - len(values)
        ids = pen.text.ids[begin : found.place].tolist()
        return [[pen.character(id), float(v)] for id, v in zip(ids, values, strict=True)]

    return {
        "index": pen.text.number(found.place),
        "candidates": [
            {
                "text": pen.character(each.id),
                "prob": each.prob,
                "networks": each.networks,
                "contexts": each.contexts,
                "rest": each.rest,
            }
            for each in found.candidates
        ],
        "moved": named_values(found.moved),
        "written": None if found.written is None else list(map(named_values, found.written)),
        "biases": None if found.biases is None else found.biases.tolist(),
    }
