"""A model as one page to write with: one file, no server, no network.

The page has the weights, rounded; the scripts that run them; and a self-test, which compares the
surprise of 64 characters with what Python computed.
"""

import contextlib
import html
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import RunError, TextError
from charrnn.evaluation.inputs import validation_corpus
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.surprise import measure
from charrnn.memory.memory import Memory
from charrnn.model.checkpoint import Checkpoint
from charrnn.model.predictor import Predictor
from charrnn.render.page import asset, page_head, script_data
from charrnn.render.write.pack import Packed, Precision, pack
from charrnn.text.vocabulary import Ids
from charrnn.units import nats_to_bits

TEST_CHARS = 64
MEASURED_CHARS = 20_000  # of a text are enough to tell what rounding costs
_SCRIPTS = ("network.js", "lines.js", "contexts.js", "memory.js", "engine.js", "worker.js")


@dataclass(frozen=True)
class WritingPage:
    """A page, and what it cost.

    Attributes:
        text: The page.
        before: The loss of the model in nats per character on a text; None if there is no text.
        after: The loss of what is in the page, likewise.
    """

    text: str
    before: float | None
    after: float | None


def make_writing_page(
    checkpoint: Checkpoint,
    name: str,
    sample: str,
    directory: Path | None = None,
    precision: Precision = "int8",
    max_memory: int = 1_000_000,
) -> WritingPage:
    """Return the page of a model.

    Args:
        checkpoint: The model.
        name: What the page calls it.
        sample: A text of the model, for the self-test and to start from.
        directory: The run directory. If its text is there, the loss is measured on the validation
            part, before and after.
        precision: How weights are stored.
        max_memory: How many bytes of the page the memory may take; 0 for no piece of the training
            text.
    """
    packed = pack(checkpoint, precision, max_memory)
    rounded = packed.rounded
    vocabulary = checkpoint.vocabulary
    end = [] if vocabulary.end_id is None else [vocabulary.end_id]
    sampled = vocabulary.encode(vocabulary.from_user(sample), "skip")
    ids = np.array([*end, *sampled[: TEST_CHARS + 1 - len(end)]], np.int64)
    before = after = None
    with contextlib.suppress(TextError, RunError):
        if directory is not None:
            val = validation_corpus(vocabulary, directory).val[:MEASURED_CHARS].astype(np.int64)
            before, after = _loss(checkpoint, val), _loss(rounded, val)
    about = _about(checkpoint, name, before, after)
    first_line = sample.strip("\n").split("\n")[0]
    first_line = first_line[:60].rpartition(" ")[0] or first_line[:60]
    header = packed.header | {
        "self_test": {"ids": ids.tolist(), "nats": _nats(rounded, ids)[1:].tolist()},
        "example": "" if end else first_line,
    }
    return WritingPage(_html(packed, header, name, about, bool(end)), before, after)


def _nats(checkpoint: Checkpoint, ids: Ids) -> Any:
    """Return the surprise of each character of a text, read as one stream."""
    memory = Memory(checkpoint.vocabulary, checkpoint.index)
    predictor = Predictor(checkpoint.config, checkpoint.arrays)
    end_id = checkpoint.vocabulary.end_id
    return measure(Reader(predictor, end_id=end_id, memory=memory, part_chars=None), ids).nats


def _loss(checkpoint: Checkpoint, ids: Ids) -> float:
    """Return the loss on a text in nats per character."""
    memory = Memory(checkpoint.vocabulary, checkpoint.index)
    predictor = Predictor(checkpoint.config, checkpoint.arrays)
    reader = Reader(predictor, end_id=checkpoint.vocabulary.end_id, memory=memory)
    return float(np.nanmean(measure(reader, ids).nats))


def _about(checkpoint: Checkpoint, name: str, before: float | None, after: float | None) -> str:
    """Return what the page says of the model."""
    words = [f"The model {name!r}"]
    if checkpoint.trained_at:
        words.append(time.strftime("trained %Y-%m-%d", time.gmtime(checkpoint.trained_at)))
    if before is not None and after is not None:
        bits = nats_to_bits(after)
        words.append(
            f"{after:.4f} nats or {bits:.4f} bits per character on its validation text "
            f"({before:.4f} nats before it was packed into this page)"
        )
    index = checkpoint.index
    kept = "" if index is None else " It can show parts of the text that it was trained on."
    return ", ".join(words) + "." + kept


def _html(packed: Packed, header: dict[str, Any], name: str, about: str, writes_lists: bool) -> str:
    """Return the page around a model."""
    engine = "".join(map(asset, _SCRIPTS))
    another = '<button id="another" disabled>Another one</button>' if writes_lists else ""
    return (
        page_head(f"Write with {name}", asset("write.css"), has_script=True)
        + f"<header><h1>Write with {html.escape(name)}</h1></header>\n<main>\n"
        '<label for="text">Your text</label>\n'
        '<textarea id="text" spellcheck="false" aria-controls="suggestions"></textarea>\n'
        '<pre id="look" tabindex="0" aria-label="the text in colours" hidden></pre>\n'
        '<ul id="suggestions" role="listbox" aria-label="suggestions"></ul>\n'
        '<div class="controls"><button id="suggest" disabled>Suggest</button>'
        '<button id="write" disabled>Write on</button>'
        f'{another}<button id="undo" disabled>Undo</button>'
        '<label><input type="checkbox" id="colours"> Colours</label></div>\n'
        '<div class="controls"><label>Temperature <input type="range" id="temperature" min="0" '
        'max="1.5" step="0.05" value="0.8"> <span id="degrees">0.8</span></label>'
        '<label>Suggest to the end of the <select id="to"><option value="word">word</option>'
        '<option value="line">line</option></select></label></div>\n'
        '<details><summary>More</summary><div class="controls">'
        '<label>Top k <input type="number" id="top-k" min="0" step="1" value="0"></label>'
        '<label>Top p <input type="number" id="top-p" min="0" max="1" step="any" value="1"></label>'
        '<label>Min p <input type="number" id="min-p" min="0" max="1" step="any" value="0"></label>'
        '<label>Copy at most <input type="number" id="max-copy" min="0" step="1" value="0"></label>'
        '<label>Stop before <input id="stop" size="8"></label>'
        '<label>Seed <input id="seed" size="8" placeholder="random"></label></div></details>\n'
        '<p id="status" role="status"></p>\n<div id="details"></div>\n'
        "<p><kbd>Tab</kbd> suggests, <kbd>↑</kbd> <kbd>↓</kbd> choose, <kbd>Enter</kbd> takes, "
        "<kbd>Esc</kbd> drops or stops, <kbd>Ctrl</kbd> <kbd>Enter</kbd> writes on, "
        "<kbd>Shift</kbd> <kbd>Tab</kbd> leaves the text. With colours: warm is surprising, "
        "underlined stands in the training text; click a character to see what else was "
        "expected, and one of these to go on from there.</p>\n</main>\n"
        f'<footer><p>{html.escape(about)}</p><p id="test">self-test running</p></footer>\n'
        + script_data("header", header)
        + f'<script id="model" type="text/plain">{packed.data}</script>\n'
        f'<script id="engine" type="text/plain">\n"use strict";\n{engine}</script>\n'
        f"<script>\n{asset('write.js')}</script>\n</body>\n</html>\n"
    )
