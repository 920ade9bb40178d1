"""Memory that a process has freed and its allocators keep."""

import ctypes
import sys
from functools import cache
from typing import Any


def give_back_memory() -> None:
    """Gives memory that was freed back to the system: that of the C library, where it is glibc, and Arrow's.

    glibc keeps freed blocks of up to 32 MB, and what is left between them grows as batches come and go.
    """
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # musl, macOS and Windows have none
        return None
