"""The processes of a run, as one of them sees the others; here: one that is alone.

Process 0 leads: it reads the text, decides, writes files and talks. The others follow: they make
the calls that it announces. What all do together are four operations: ``call``, ``add``,
``collect`` and ``spread``. ``Group`` has them for several processes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

Arrays = Mapping[str, npt.NDArray[Any]]


def is_one_of_several() -> bool:
    """Return whether ``torchrun`` started this process as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_follower() -> bool:
    """Return whether another process leads this one."""
    return is_one_of_several() and os.environ["RANK"] != "0"


class Alone:
    """The only process of a run: there is nobody to tell anything.

    Attributes:
        rank: The number of this process, from 0, which leads.
        size: The number of processes.
        device: Which GPU of its machine it uses.
        signal: The signal that another process received, or None.
        is_restart: Whether ``torchrun`` started the processes again after one was lost.
    """

    rank = 0
    size = 1
    device = 0
    signal: int | None = None
    is_restart = False

    def say(self, name: str, value: Any, *, for_restarts: bool = False) -> None:
        """Publish a JSON value for all processes, or for those of a later restart too."""

    def heard_before(self, name: str) -> Any:
        """Return a value that an earlier attempt published for restarts, or None."""

    def leading(self) -> contextlib.AbstractContextManager[None]:
        """Lead the others for a block; they end with it, and fail if it raises anything."""
        return contextlib.nullcontext()

    def leave(self) -> None:
        """Leave the others, after the last operation with them."""

    def call(self, name: str, value: float = 0.0) -> None:
        """Let the followers make the same call of the trainer; on a follower, nothing."""

    def add(self, tensor: Tensor) -> None:
        """Replace a tensor by the sum of the tensors of all processes."""

    def collect(self, arrays: Arrays) -> list[Arrays]:
        """Return the arrays of all processes by rank; on a follower, nothing."""
        return [arrays]

    def spread(self, arrays: Arrays) -> Arrays:
        """Return the arrays of the leader; what a follower gives is ignored."""
        return arrays
