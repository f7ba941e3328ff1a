"""What was read and written of texts that begin alike.

Sizes: B streams, K kinds of context, P places of the common text, C places of each stream.
"""

import numpy as np

from charrnn.memory.recent.contexts import Hashes
from charrnn.memory.recent.places import FIRST_PLACES, NOWHERE, SLOTS, Indices, Places, Slots
from charrnn.memory.recent.text import Earlier, RecentText
from charrnn.text.vocabulary import Ids

MAX_WRITTEN = 1 << 15  # places of each stream; of more, the older half is forgotten
DELAY = 1000  # characters; see RecentStreams


class RecentStreams:
    """Streams that go on from the end of a text, a character of each at a time.

    A stream remembers what it has written itself only after ``DELAY`` more characters: a memory of
    the last words would turn a slip into a loop.

    Place p of the text is p; place c of stream b is P + b C + c.

    Attributes:
        max_streams: The number of streams that there is room for, B.
    """

    def __init__(self, text: RecentText, first_id: int, max_streams: int) -> None:
        """Share a text among up to B streams, which all go on with the same character."""
        self.max_streams = max_streams
        self._shared = text.size  # P
        self._shared_table = text.table
        self._room = FIRST_PLACES  # C
        self._places = Places(text.places.vocab_size, self._shared + max_streams * self._room)
        self._places.copy(text.places, 0, self._shared, 0)
        if self._shared > 1:
            self._places.followers[self._shared - 1] = first_id
        self._tables = np.zeros((max_streams, self._room * SLOTS), np.int32)
        self._sizes = np.zeros(max_streams, np.int64)
        self._totals = np.zeros(max_streams, np.int64)  # with what was forgotten

    def start(self, streams: Slots) -> None:
        """Start some streams anew."""
        self._sizes[streams] = self._totals[streams] = 0
        self._tables[streams] = NOWHERE

    def read(self, streams: Slots, ids: Ids, hashes: Hashes) -> Earlier:
        """Read a character of each of some streams.

        Args:
            streams: Which streams, shape (B,).
            ids: Their characters, shape (B,).
            hashes: The contexts after those, shape (B, K).
        """
        sizes, known, num = self._sizes[streams], self._places, len(streams)
        if sizes.max() >= self._room:
            self._make_room()
            sizes, known = self._sizes[streams], self._places
        places = self._shared + streams * self._room + sizes
        has_more = sizes > 0
        known.followers[places[has_more] - 1] = ids[has_more]
        known.followers[places] = known.vocab_size
        known.hashes[places] = hashes
        self._sizes[streams] += 1
        self._totals[streams] += 1
        is_due = sizes >= DELAY
        due = places[is_due] - DELAY
        if len(due):
            streams = np.concatenate([streams, streams[is_due]])
            hashes = np.concatenate([hashes, known.hashes[due]])
        last, slots = self._find(streams, hashes)
        found = known.after(last)
        if len(due):
            known.before[due] = found[num:]
            self._tables.reshape(-1)[slots[num:]] = due[:, None]
        ages = places[:, None] - last[:num]
        if self._shared > 1:
            shared = (self._totals[streams[:num]] + (self._shared - 1))[:, None] - last[:num]
            ages = np.where(last[:num] < self._shared, shared, ages)
        return Earlier(found[:num], ages)

    def _find(self, streams: Slots, hashes: Hashes) -> tuple[Indices, Slots]:
        """Return the last place of contexts, (B, K), in each stream or the text; and own slots."""
        num_slots, known = self._tables.shape[1], self._places
        offsets = (streams * num_slots)[:, None, None]
        tables = self._tables.reshape(-1)
        last, slots = known.find(tables, hashes, num_slots=num_slots, offsets=offsets)
        if self._shared > 1:
            others, _ = known.find(self._shared_table, hashes)
            last = np.where(last == NOWHERE, others, last)
        return last, slots

    def _make_room(self) -> None:
        """Make room for more places of each stream; those with too many forget old ones."""
        shared, num_streams = self._shared, self.max_streams
        old_room, room = self._room, min(2 * self._room, MAX_WRITTEN)
        drops = np.where(self._sizes == room, room // 2, 0)
        old = self._places
        self._places = Places(old.vocab_size, shared + num_streams * room)
        self._places.copy(old, 0, shared, 0)
        self._tables = np.zeros((num_streams, room * SLOTS), np.int32)
        sizes = zip(self._sizes.tolist(), drops.tolist(), strict=True)
        for stream, (size, drop) in enumerate(sizes):
            begin, to = shared + stream * old_room, shared + stream * room
            self._places.copy(old, begin + drop, begin + size, to)
            end = to + max(size - drop - DELAY, 0)
            self._tables[stream] = self._places.table(to, end, room * SLOTS)
        self._room = room
        self._sizes -= drops
