"""The parts of a prediction by name, with their evidence.

Sizes: N predictions, K kinds of context.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from charrnn.memory.evidence import Facts
from charrnn.memory.expected import Numbers
from charrnn.memory.recent.contexts import LENGTHS, OUTLINE, SKIPS
from charrnn.memory.recent.lines import KEYS
from charrnn.memory.trained import TRAINED_LENGTHS

TRAINED, READ = "training text", "read"
LAST_CHARS = {f"last {length} characters": length for length in (*TRAINED_LENGTHS, *LENGTHS)}
"""The names of the contexts that are the last characters, with how many these are."""
_LAST_NAMES = {length: name for name, length in LAST_CHARS.items()}
CONTEXTS = (
    *((TRAINED, _LAST_NAMES[length]) for length in TRAINED_LENGTHS),
    *((READ, _LAST_NAMES[length]) for length in LENGTHS),
    *((READ, f"characters {', '.join(map(str, backs))} back") for backs in SKIPS),
    (READ, f"last {OUTLINE} characters, numbers as one figure"),
    *((READ, key) for key in KEYS),
)
NUM_CONTEXTS = len(CONTEXTS)  # K
LEAST_SHARE = 0.005  # that is listed


def list_parts(shares: Numbers, facts: Facts) -> Iterator[dict[str, Any]]:
    """Yield the parts that gave a character its probability, the largest first, as objects.

    Args:
        shares: Of the networks and of each context, with the sum 1, shape (1 + K,).
        facts: Shape (K, 4).
    """
    for part in np.argsort(-shares, kind="stable").tolist():
        share = float(shares[part])
        if share < LEAST_SHARE:
            return
        if part == 0:
            yield {"source": "networks", "share": share}
            continue
        source, context = CONTEXTS[part - 1]
        times, num, size, age = facts[part - 1].tolist()
        where = {"stands": size} if source == TRAINED else {"ago": age}
        yield {
            "source": source,
            "context": context,
            "share": share,
            "times": times,
            "of": num,
            **where,
        }
