"""What was read and written of texts that begin alike.

Sizes: B streams, K kinds of context, P places of the common text, C places of each stream.
"""

import numpy as np

from charrnn.memory.recent.contexts import Hashes
from charrnn.memory.recent.places import FIRST_PLACES, NOWHERE, SLOTS, Places, Slots
from charrnn.memory.recent.text import Earlier, RecentText
from charrnn.text.vocabulary import Ids

MAX_WRITTEN = 1 << 15  # places of each stream; of more, the older half is forgotten
DELAY = 10_000  # characters; see RecentStreams
SETTLE_CHARS = 64  # that are settled together


class RecentStreams:
    """Streams that go on from the end of a text, a character of each at a time.

    A stream remembers what it has written itself only after ``DELAY`` more characters: a memory of
    the last words would turn a slip into a loop.

    Place p of the text is p; place c of stream b is P + b C + c, and its place 0 is not used.

    Attributes:
        max_streams: The number of streams that there is room for, B.
    """

    def __init__(self, text: RecentText, first_id: int, max_streams: int) -> None:
        """Share a text among up to B streams, which all go on with the same character."""
        text.know_next(first_id)
        self.max_streams = max_streams
        self._shared = text.size  # P
        self._shared_table = text.table if text.size > 1 else None
        self._room = FIRST_PLACES  # C
        self._places = Places(text.places.vocab_size, self._shared + max_streams * self._room)
        self._places.copy(text.places, 0, self._shared, 0)
        self._tables = np.zeros((max_streams, self._room * SLOTS), np.int32)
        self._sizes = np.ones(max_streams, np.int64)
        self._forgotten = np.zeros(max_streams, np.int64)

    def start(self, streams: Slots) -> None:
        """Start some streams anew."""
        self._sizes[streams], self._forgotten[streams] = 1, 0
        self._tables[streams] = NOWHERE

    def read(self, streams: Slots, ids: Ids, hashes: Hashes) -> Earlier:
        """Read a character of each of some streams.

        Args:
            streams: Which streams, shape (B,).
            ids: Their characters, shape (B,).
            hashes: The contexts after those, shape (B, K).
        """
        sizes = self._sizes[streams]
        if sizes.max() >= self._room:
            self._make_room()
            sizes = self._sizes[streams]
        begins = self._shared + streams * self._room
        places = begins + sizes
        known = self._places
        known.ids[places - 1] = ids
        known.hashes[places] = hashes
        self._sizes[streams] += 1
        settled, rest = np.divmod(sizes - 1 - DELAY, SETTLE_CHARS)
        for row in np.flatnonzero((rest == 0) & (settled > 0)).tolist():
            end = int(places[row]) - DELAY
            table = self._tables[streams[row]]
            known.settle(end - SETTLE_CHARS, end, table, self._shared_table)
        if self._shared_table is None and not (settled > 0).any():
            nowhere = np.zeros(hashes.shape, np.int32)
            return Earlier(known.followers_at(nowhere), nowhere.astype(np.int64))
        last_slot = self._tables.shape[1] - 1
        offsets = (streams * (last_slot + 1))[:, None, None]
        last = known.find(self._tables.reshape(-1), hashes, last_slot, offsets)
        ages = places[:, None] - last
        if self._shared_table is not None:
            others = known.find(self._shared_table, hashes, len(self._shared_table) - 1)
            is_own = last > NOWHERE
            since = (sizes + self._forgotten[streams] + (self._shared - 1))[:, None] - others
            last, ages = np.where(is_own, last, others), np.where(is_own, ages, since)
        return Earlier(known.followers_at(last), ages)

    def _make_room(self) -> None:
        """Make room for more places of each stream; those with too many forget old ones."""
        shared, num_streams, old_room = self._shared, self.max_streams, self._room
        self._room = room = min(2 * old_room, MAX_WRITTEN)
        drops = np.where(self._sizes == room, room // 2, 0)
        old = self._places
        self._places = Places(old.vocab_size, shared + num_streams * room)
        self._places.copy(old, 0, shared, 0)
        self._tables = np.zeros((num_streams, room * SLOTS), np.int32)
        self._sizes -= drops
        self._forgotten += drops
        sizes = zip(self._sizes.tolist(), drops.tolist(), strict=True)
        for stream, (size, drop) in enumerate(sizes):
            begin, to = shared + stream * old_room + drop, shared + stream * room
            self._places.copy(old, begin + 1, begin + size, to + 1)
            settled = max(size - 1 - DELAY, 0) // SETTLE_CHARS * SETTLE_CHARS
            self._tables[stream] = self._places.table(to + 1, to + 1 + settled, room * SLOTS)
