"""After start-up the process keeps what it needs: the collector skips it, and freed memory goes back."""

from __future__ import annotations

import ctypes
import gc

# So many objects are made and not freed before the youngest are looked at; tenfold for each older generation.
_THRESHOLDS = (10_000, 10, 10)
# Of malloc.h: from which size a block is taken from the system by itself, and how much may lie free.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_LARGE_BYTES, _FREE_BYTES = 32 * 1024 * 1024, 64 * 1024 * 1024


def settle() -> None:
    """Call it once, when everything that lives as long as the process has been made.

    The collector does not look at those objects again, so its passes stay short, and what a turn makes
    is nearly always gone without it, so they are rare: with Python's own thresholds they took a tenth of what
    a streamed token costs. What reading models and training routers took for a moment (about 20 MB) returns
    to the system where the C library can do so. From now on it keeps what is freed, as the next text to embed
    takes as much again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # glibc alone has it
        libc.malloc_trim(0)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _FREE_BYTES)
