"""Settings of CUDA that have no good default: order of sums, precision, streams.

cuBLAS and cuDNN round float32 factors to TF32, 10 bits, unless told otherwise, and sum in an order
that may differ from run to run. The settings here belong to the whole process.
"""

import os
from typing import Any

import torch

BFLOAT16_KERNELS = 91300  # the cuDNN version whose recurrent kernels take bfloat16


def prepare_cuda(device: torch.device, precision: str) -> None:
    """Prepare a device before its first use.

    Sums get a fixed order where CUDA has one; elsewhere torch warns. Products that stay in float32
    are exact for ``float32``; for ``bfloat16`` TF32 is exact enough.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
    torch.use_deterministic_algorithms(True, warn_only=True)
    debugging: Any = torch.utils.deterministic
    debugging.fill_uninitialized_memory = False  # costs time
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    set_tf32(precision != "float32")
    if device.type == "cuda":
        torch.cuda.set_device(device)


def set_tf32(is_allowed: bool) -> None:
    """Let float32 products use TF32, or forbid it."""
    if not hasattr(torch.backends.cudnn, "rnn"):  # before torch 2.9
        torch.backends.cuda.matmul.allow_tf32 = is_allowed
        torch.backends.cudnn.allow_tf32 = is_allowed
        return
    # cuDNN's recurrent kernels have a switch of their own, on by default.
    kinds: list[Any] = [torch.backends.cuda.matmul, torch.backends.cudnn.rnn]
    for kind in kinds:
        kind.fp32_precision = "tf32" if is_allowed else "ieee"


def has_bfloat16_kernels() -> bool:
    """Return whether cuDNN's recurrent kernels take bfloat16."""
    version: int | None = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return version is not None and version >= BFLOAT16_KERNELS
