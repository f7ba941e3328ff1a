"""Memory: errors that say what to do, and an allocator that keeps what is freed."""

import contextlib
import ctypes
from collections.abc import Iterator

from charrnn.errors import TrainingError
from charrnn.training.recipe.settings import Recipe


@contextlib.contextmanager
def one_line_if_out_of_memory(recipe: Recipe) -> Iterator[None]:
    """Turn the out-of-memory errors of torch and NumPy into one that says what to try.

    Args:
        recipe: What is trained; the advice names its sizes.

    Raises:
        TrainingError: If memory runs out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error)
        is_cpu = isinstance(error, MemoryError) or "DefaultCPUAllocator" in text
        if not is_cpu and "out of memory" not in text and "ALLOC_FAILED" not in text:
            raise
        device = "this machine" if is_cpu else "the GPU"
        small_batch = max(recipe.batch_size // 2, 1)
        raise TrainingError(
            f"this model does not fit into the memory of {device}; what was saved is intact; try "
            f"`batch_size` {small_batch}, or a smaller `seq_length`, `hidden_size` or `num_layers`"
        ) from None


def keep_freed_memory() -> None:
    """Make the GNU C library keep freed arrays for reuse.

    By default it returns large blocks to the system, which clears them again for the next step:
    validation took twice as long, and a training step up to a fifth longer.
    """
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
    with contextlib.suppress(OSError, AttributeError, TypeError):  # TypeError: Windows
        library = ctypes.CDLL(None)
        for parameter in (trim_threshold, mmap_threshold):
            library.mallopt(parameter, 1 << 30)
