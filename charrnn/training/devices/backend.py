"""Where and how precisely to compute: device, precision of matrix products, threads."""

import contextlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from charrnn.errors import ConfigError
from charrnn.training.devices.cuda import has_bfloat16_kernels, prepare_cuda
from charrnn.training.devices.memory import keep_freed_memory

THREADS = torch.get_num_threads()  # torch's own choice, before a run changes it


@dataclass(frozen=True)
class Backend:
    """Where and how precisely to compute.

    Attributes:
        device: ``cpu``, ``cuda`` or ``mps``.
        precision: ``float32`` or ``bfloat16``, of matrix products. Weights are always float32.
    """

    device: torch.device
    precision: str

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Return the context in which matrix products have the precision."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def new_queue(self) -> contextlib.AbstractContextManager[object]:
        """Return a context with a CUDA stream of its own, which can be entered repeatedly.

        On other devices the context does nothing.
        """
        if self.device.type != "cuda":
            return contextlib.nullcontext()
        stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        return torch.cuda.stream(stream)

    def share_among(self, num_networks: int) -> None:
        """Divide the threads among several networks, at least one for each."""
        torch.set_num_threads(max(1, torch.get_num_threads() // num_networks))

    def to_json(self) -> dict[str, Any]:
        """Return everything on which the last bit of a result depends, for the state file."""
        return {
            "torch": torch.__version__,
            "processor": torch.backends.cpu.get_cpu_capability(),
            "device": self.device.type,
            "precision": self.precision,
            "threads": torch.get_num_threads(),
        }

    def __str__(self) -> str:
        """Return a description for users."""
        threads = f", {torch.get_num_threads()} threads" if self.device.type == "cpu" else ""
        return f"{self.device.type}, {self.precision}{threads}"


def prepare_backend(device: str, precision: str, threads: int | None, number: int = 0) -> Backend:
    """Choose the device and precision where they are ``auto``, and set the threads.

    Args:
        device: ``auto`` takes a GPU if there is one.
        precision: ``auto`` takes bfloat16 if the device has instructions for it.
        threads: None for torch's own choice.
        number: Which of several GPUs.

    Returns:
        The backend to train on.

    Raises:
        ConfigError: If the device is missing or lacks the precision.
    """
    keep_freed_memory()
    # Denormal numbers are slow. Each thread has its own flag, so set it before they start.
    torch.set_flush_denormal(True)
    torch.set_num_threads(THREADS if threads is None else threads)
    has_mps = torch.backends.mps.is_available()
    found = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": has_mps}
    if device == "auto":
        device = "cuda" if found["cuda"] else "cpu"
    if not found[device]:
        raise ConfigError(f"`device`: torch finds no {device} on this machine; use cpu")
    has_bfloat16 = _multiplies_bfloat16(device)
    if precision == "auto":
        precision = "bfloat16" if has_bfloat16 else "float32"
    if precision == "bfloat16" and not has_bfloat16:
        raise ConfigError(f"`precision`: this {device} has no bfloat16 instructions; use float32")
    if device == "cuda":
        prepare_cuda(torch.device("cuda", number), precision)
    return Backend(torch.device(device), precision)


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor from the CPU to a device without waiting for the device to be idle."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def product_dtype(operand: Tensor) -> torch.dtype:
    """Return the current precision of products: autocast's, or the operand's own."""
    device_type = operand.device.type
    if torch.is_autocast_enabled(device_type):
        return torch.get_autocast_dtype(device_type)
    return operand.dtype


def kernel_dtype(operand: Tensor) -> torch.dtype:
    """Return the dtype for torch's recurrent kernels: that of products, where they support it."""
    dtype = product_dtype(operand)
    is_missing = operand.device.type == "cuda" and not has_bfloat16_kernels()
    return torch.float32 if dtype == torch.bfloat16 and is_missing else dtype


def _multiplies_bfloat16(device: str) -> bool:
    """Return whether a device has instructions for bfloat16 products."""
    if device == "cpu":
        if not hasattr(torch.cpu, "get_capabilities"):  # new in torch 2.11
            return False
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
