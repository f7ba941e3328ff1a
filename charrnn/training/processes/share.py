"""What a process does of the work of a run: some of the networks, or some of the streams.

Sizes: B streams.
"""

from dataclasses import dataclass, replace

from charrnn.corpus.streams import Window


@dataclass(frozen=True)
class Share:
    """The part of one process.

    Attributes:
        networks: The numbers of its networks.
        rank: The number of the process.
        of_streams: Among how many processes the streams are shared out; 1 if each reads all.
    """

    networks: range
    rank: int = 0
    of_streams: int = 1

    def rows(self, num_streams: int) -> slice:
        """Return which of B streams are its own. The leader has one whenever there is one."""
        begin, end = (-(-num_streams * each // self.of_streams) for each in self._borders)
        return slice(begin, end)

    @property
    def _borders(self) -> tuple[int, int]:
        return (self.rank, self.rank + 1) if self.of_streams > 1 else (0, 1)

    def part(self, window: Window) -> Window:
        """Return its streams of a window."""
        if self.of_streams == 1:
            return window
        rows = self.rows(len(window.inputs))
        return replace(
            window,
            inputs=window.inputs[rows],
            targets=window.targets[rows],
            is_start=window.is_start[rows],
            places=window.places[rows],
        )


def share_of(parallel: str, num_networks: int, rank: int, size: int) -> Share:
    """Return the part of a process among several, which is all of the work for one alone."""
    if size > 1 and parallel == "data":
        return Share(range(num_networks), rank, size)
    return Share(range(rank, num_networks, size))
