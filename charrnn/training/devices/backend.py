"""What the machine has: device, precision of products, threads."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from charrnn.errors import ConfigError, TrainingError
from charrnn.training.recipe.settings import Recipe

THREADS = torch.get_num_threads()  # what torch chose; a run sets it


@dataclass(frozen=True)
class Backend:
    """Where and how precisely to compute.

    Attributes:
        device: ``cpu``, ``cuda`` or ``mps``.
        precision: ``float32`` or ``bfloat16``, of matrix products. Weights are float32 always.
    """

    device: torch.device
    precision: str

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Return the context in which products have the precision."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def share_among(self, num_networks: int) -> None:
        """Give each of several networks its share of the threads, at least one."""
        torch.set_num_threads(max(1, torch.get_num_threads() // num_networks))

    def to_json(self) -> dict[str, Any]:
        """Return all on which the last bit of a result depends, as it stands in a state file."""
        return {
            "torch": torch.__version__,
            "processor": torch.backends.cpu.get_cpu_capability(),
            "device": self.device.type,
            "precision": self.precision,
            "threads": torch.get_num_threads(),
        }

    def __str__(self) -> str:
        """Return the words that a user is told."""
        threads = f", {torch.get_num_threads()} threads" if self.device.type == "cpu" else ""
        return f"{self.device.type}, {self.precision}{threads}"


def prepare_backend(device: str, precision: str, threads: int | None) -> Backend:
    """Choose what was left to choose, and set the threads.

    Args:
        device: ``auto`` takes a GPU where there is one.
        precision: ``auto`` takes bfloat16 where the processor multiplies it.
        threads: None for what torch chooses.

    Returns:
        The machine to train on.

    Raises:
        ConfigError: If the device is not there, or cannot do what is asked.
    """
    _keep_freed_memory()
    # Before the threads start, since each has a flag of its own: denormal numbers are slow.
    torch.set_flush_denormal(True)
    torch.set_num_threads(THREADS if threads is None else threads)
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    if device == "auto":
        device = "cuda" if there["cuda"] else "cpu"
    if not there[device]:
        raise ConfigError(f"--device: torch finds no {device} on this machine; use --device cpu")
    has_bfloat16 = _multiplies_bfloat16(device)
    if precision == "auto":
        precision = "bfloat16" if has_bfloat16 else "float32"
    if precision == "bfloat16" and not has_bfloat16:
        raise ConfigError(
            f"--precision: this {device} does not multiply bfloat16; use --precision float32"
        )
    return Backend(torch.device(device), precision)


def product_dtype(operand: Tensor) -> torch.dtype:
    """Return the precision that products have at the moment: autocast's, or the operand's own."""
    device_type = operand.device.type
    if torch.is_autocast_enabled(device_type):
        return torch.get_autocast_dtype(device_type)
    return operand.dtype


@contextlib.contextmanager
def one_line_if_out_of_memory(recipe: Recipe) -> Iterator[None]:
    """Turn the ways in which torch and NumPy say that memory is used up into one error.

    Args:
        recipe: What is trained; the advice is about it.

    Raises:
        TrainingError: If memory is used up.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error)
        is_cpu = isinstance(error, MemoryError) or "DefaultCPUAllocator" in text
        if not is_cpu and "out of memory" not in text and "ALLOC_FAILED" not in text:
            raise
        where = "this machine" if is_cpu else "the GPU"
        small_batch = max(recipe.batch_size // 2, 1)
        raise TrainingError(
            f"the memory of {where} is too small for this model; what was kept stays; try "
            f"--batch-size {small_batch}, or a smaller --seq-length, --hidden-size or --num-layers"
        ) from None


def _keep_freed_memory() -> None:
    """Tell the GNU C library to keep the memory of arrays that are freed, for the next ones.

    By default it hands large blocks back to the system each time, which then clears them for the
    next step again: a validation took twice as long, and a training step up to a fifth longer.
    """
    trim_threshold, mmap_threshold = -1, -3  # the names' values in malloc.h
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for parameter in (trim_threshold, mmap_threshold):
            library.mallopt(parameter, 1 << 30)


def _multiplies_bfloat16(device: str) -> bool:
    """Return whether a device has instructions for products of bfloat16."""
    if device == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return device == "cuda" and torch.cuda.is_bf16_supported()
