"""From n-grams to rows of a table: one rule for NumPy and torch.

Sizes: B streams, T time steps, V vocabulary, K the longest n-gram.
"""

from typing import Any

from charrnn.model.config import ModelConfig


def ngram_rows(config: ModelConfig, recent: Any) -> list[Any]:
    """Return the rows of the n-grams that end at each step.

    An n-gram of k characters is a number of k digits in base V. If all those numbers fit into the
    table, it is the row; otherwise a hash of it is, and n-grams may share a row.

    Args:
        config: The sizes.
        recent: Ids, int64: K - 1 characters before the window and the window, shape
            (K - 1 + T, B); a NumPy array or a torch tensor.

    Returns:
        For each length k from 2 to K, rows from 0 to ``config.rows(k) - 1``, shape (T, B).
    """
    longest = config.ngrams
    num_steps = len(recent) - (longest - 1)
    rows = []
    key = recent[longest - 1 :]
    for length in range(2, longest + 1):
        before = recent[longest - length : longest - length + num_steps]
        if config.vocab_size**length <= config.ngram_rows:
            key = key * config.vocab_size + before
            rows.append(key)
        else:
            # Fits 62 bits: a key of 31 bits times a prime of 20. The shift mixes in the high bits.
            key = (key * 1_000_003 + before * 7_919 + length) & 0x7FFFFFFF
            rows.append((key ^ (key >> 15)) % config.ngram_rows)
    return rows
