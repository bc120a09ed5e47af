"""Has NumPy calculate on one thread in a process that serves; imported first, as NumPy reads it when loaded.

On vectors as short as ours its threads cost more than they bring, and wait for one another on a busy machine.
Training for an evaluation keeps them.
"""

import os
import sys

if sys.argv[1:2] in (["serve"], ["worker"]):
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
