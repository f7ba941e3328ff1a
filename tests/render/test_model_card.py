"""The model card: correct for our files, safe for any other."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree

import pytest

from charrnn.model.checkpoint import read_checkpoint, write_checkpoint
from charrnn.render.charts import ticks
from charrnn.render.curves import curve_picture, small_curve
from charrnn.render.history import Point, to_points
from charrnn.render.model_card import Card

HISTORY = [
    {"step": 10 * i, "seconds": i, "epoch": i / 2, "train_nats_per_char": 3 / i,
     "val_nats_per_char": 3.5 / i}
    for i in range(1, 8)
]  # fmt: skip


def card_of(make_checkpoint, tmp_path, **more):
    """Return the card of a model file with these entries."""
    path = tmp_path / "model.safetensors"
    write_checkpoint(path, make_checkpoint(**more))
    return Card(read_checkpoint(path), path)


def test_a_card_describes_the_file(make_checkpoint, tmp_path):
    """The card shows sizes, characters, training, and the command as shell words."""
    report = {"step": 70, "epoch": 3.5, "seconds": 7.2, "val_nats_per_char": 0.5}
    card = card_of(
        make_checkpoint,
        tmp_path,
        characters="\n a\u00e9",
        num_layers=2,
        trained_at=1.7e9,
        report=report,
        history=HISTORY,
        command=["charrnn", "train", "a text.txt"],
    )
    text = "\n".join(card.lines())
    assert "lstm 2 x 5" in text
    assert "4 characters: \\n a\u00e9" in text
    assert "step 70, epoch 3.5, after 7 s, validation 0.5000 nats, 0.7213 bits" in text
    assert "charrnn train 'a text.txt'" in text
    assert "5.05 \u2192" in text
    numbers = sum(
        array.size for array in read_checkpoint(tmp_path / "model.safetensors").arrays.values()
    )
    assert f"{numbers:,} parameters" in text
    assert card.to_json()["parameters"] == numbers


@pytest.mark.parametrize(
    "about",
    [
        {"history": 7, "report": "x", "command": "rm -rf /", "trained_at": "now"},
        {"history": [1, None, {"step": "x"}, {"step": True}], "report": [], "command": [1]},
        {"history": [{"step": 10**400, "val_nats_per_char": {}}], "report": {"step": []}},
        {"history": [{"step": 1}, {"step": 2}], "report": {"step": 10**400}, "trained_at": 1e300},
        {"history": {"step": 1}, "command": [], "report": {"val_nats_per_char": True}},
    ],
    ids=range(5),
)  # fmt: skip
def test_nonsense_in_a_file_does_no_harm(make_checkpoint, tmp_path, about):
    """Values of wrong types are left out of the card."""
    card = card_of(make_checkpoint, tmp_path, **about)
    assert len(card.lines()) >= 4
    json.dumps(card.to_json(), allow_nan=False)


def test_a_command_stays_one_line(make_checkpoint, tmp_path):
    """A line end in an argument is escaped."""
    card = card_of(make_checkpoint, tmp_path, command=["charrnn", "train", "a\nb"])
    assert "repeat      charrnn train 'a\\nb'" in card.lines()


def test_the_small_curve_goes_down_from_left_to_right():
    """A falling loss runs from the upper left to the lower right."""
    points = [Point(step, None, 5 - step / 100) for step in range(0, 401, 100)]
    title, *rows, below = small_curve(points)
    assert title == "bits per character, validation"
    assert rows[0].startswith("  5.000 \u2524")
    assert rows[-1].startswith("  1.000 \u2524")
    marked = [[i for i, c in enumerate(row[9:]) if c != "\u2800"] for row in rows]
    flat = [place for row in marked for place in row]
    assert flat == sorted(flat)
    assert (flat[0], flat[-1]) == (0, 59)
    assert below.endswith("step 400")


def test_few_points_have_no_curve():
    """One point draws nothing; without validation, the training loss is drawn."""
    assert small_curve([]) == small_curve([Point(1, 2.0, 3.0)]) == []
    assert small_curve([Point(1, 2.0, None), Point(2, 1.0, None)])[0].endswith("training")
    assert small_curve([Point(1, 2.0, 2.0), Point(2, 2.0, 2.0)])  # it does not fall
    damaged = [Point(step, None, step / 2) for step in (7.0, -1e308, 1e308, 3.0)]
    assert len(small_curve(damaged)) == len(small_curve(damaged[:3])) == 10


def test_the_picture_of_curves_is_xml():
    """Both curves are inside the picture, with their lowest losses."""
    points = to_points(HISTORY)
    picture = ElementTree.fromstring(curve_picture(points, "title"))
    texts = [element.text for element in picture.iter() if element.text]
    assert f"validation, lowest {0.5 / math.log(2):.4f}" in texts
    assert any(text.startswith("training, lowest") for text in texts)
    for circle in picture.iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 < float(circle.get("cx")) < 720
        assert 0 < float(circle.get("cy")) < 420


@pytest.mark.parametrize("point", [Point(0, 1.0, None), Point(5, None, 0.0), Point(1, 2.0, 2.0)])
def test_a_picture_of_one_point(point):
    """A single point can be drawn."""
    ElementTree.fromstring(curve_picture([point], "title"))


@pytest.mark.parametrize(("low", "high"), [(1.8, 5.9), (0, 3375), (2, 2), (0, 0), (-1, 1e-3)])
def test_ticks_are_few_and_hold_all(low, high):
    """Ticks are few and span the interval."""
    found = ticks(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert 1 <= len(found) <= 12
