"""After start-up the process keeps what it needs: the collector skips it, and freed memory goes back."""

from __future__ import annotations

import ctypes
import gc

# So many objects are made and not freed before the youngest are looked at; tenfold for each older generation.
_THRESHOLDS = (10_000, 10, 10)


def settle() -> None:
    """Call it once, when everything that lives as long as the process has been made.

    The collector does not look at those objects again, so its passes stay short, and what a turn makes
    is nearly always gone without it, so they are rare: with Python's own thresholds they took a tenth of what
    a streamed token costs. What reading models and training routers took for a moment (about 20 MB) returns
    to the system where the C library can do so.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
    if trim is not None:
        trim(0)
