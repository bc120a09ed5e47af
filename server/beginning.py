"""What a process that serves settles before anything else is imported; `server/settling.py` ends its start.

NumPy calculates on one thread, which it reads when it is loaded: on vectors as short as ours its threads cost
more than they bring, and wait for one another on a busy machine. A benchmark shows such a process, so it does
the same. Training for an evaluation keeps them.

Large blocks are taken from the system one by one, and go back when they are freed. By itself the C library
puts them among the small ones once the first has been freed, and what a start reads for a moment is then kept
in place by what stays: some 15 MB in all.
"""

import ctypes
import os
import sys

_M_MMAP_THRESHOLD = -3  # of malloc.h
_LARGE_BYTES = 256 * 1024

if sys.argv[1:2] in (["serve"], ["worker"], ["bench"]):
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

if sys.argv[1:2] in (["serve"], ["worker"]):
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc alone has it
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
