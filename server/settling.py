"""After start-up the process keeps what it needs: the collector skips it, and freed memory goes back."""

from __future__ import annotations

import ctypes
import gc


def settle() -> None:
    """Call it once, when everything that lives as long as the process has been made.

    The collector does not look at those objects again, so its passes stay short; what reading models and
    training routers took for a moment (about 20 MB) returns to the system where the C library can do so.
    """
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
    if trim is not None:
        trim(0)
